"""A checkpoint says what its results mean; a file need not say the usual."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import safe_open

from sw.network.checkpoint import FORMAT, Checkpoint
from sw.network.random_checkpoint import random_checkpoint
from sw.network.task import Task


@pytest.mark.parametrize(
    ("task", "labels"), [("single_label_classification", 2), ("multi_label_classification", 1), ("regression", 1)]
)
def test_task_is_kept(tmp_path: Path, task: Task, labels: int) -> None:
    path = tmp_path / "checkpoint"
    replace(random_checkpoint(0, labels=labels), task=task).save(path)
    assert Checkpoint.load(path).task == task
    with safe_open(path, "numpy") as file:
        assert ("task" in json.loads(file.metadata()[FORMAT])) == (task != "single_label_classification")


@pytest.mark.parametrize(
    ("task", "labels", "message"),
    [
        ("single_label_classification", 1, "a model must choose between two labels or more"),
        ("regression", 2, "a model for regression must have one result, not 2"),
        ("ranking", 2, "task must be one of single_label_classification, multi_label_classification, regression, emb"),
        (["regression"], 1, "task must be one of"),
    ],
)
def test_tasks_and_results_fit_each_other(task: Task, labels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(random_checkpoint(0, labels=labels), task=task).check()
