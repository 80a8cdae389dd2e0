"""How long texts may be is what a model's files say, or nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from sw.apps.model_files import load_limits
from sw.families.limits import Limits
from tests.sw.tiny_model import save_tiny_model


@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({}, Limits(truncation="head")),
        ({"model_max_length": 512}, Limits(max_length=512, truncation="head")),
        ({"model_max_length": 1000000000000000019884624838656}, Limits(truncation="head")),
        ({"model_max_length": 1e30, "truncation_side": "left"}, Limits(truncation="tail")),
    ],
)
def test_tokenizers_limits(tmp_path: Path, settings: dict[str, Any], limits: Limits) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert Limits.of_tokenizer(tmp_path) == limits


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_max_length": "512"}, "must have a model_max_length of at least 2, not '512'"),
        ({"model_max_length": 1}, "must have a model_max_length of at least 2, not 1"),
        ({"truncation_side": "middle"}, "must have truncation_side right or left, not 'middle'"),
        ({"truncation_side": []}, r"must have truncation_side right or left, not \[\]"),
    ],
)
def test_odd_tokenizers_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=message):
        Limits.of_tokenizer(tmp_path)


def test_checkpoints_limits_stand_beside_it(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path)
    assert load_limits(folder) == Limits()
    (folder / "config.json").write_text('{"labels": ["a"], "max_length": 9, "truncation": "head_tail"}')
    assert load_limits(folder) == Limits(max_length=9, truncation="head_tail")
    assert load_limits(Path("minilm-l6-imdb")) == Limits(max_length=256, truncation="head_tail")
    for content, message in (
        ('{"max_length": true}', "must have a max_length of at least 2, not True"),
        ('{"truncation": "middle"}', "must have a truncation of head, tail, head_tail, not 'middle'"),
        ("[]", "must be a JSON object, not list"),
    ):
        (folder / "config.json").write_text(content)
        with pytest.raises(ValueError, match=message):
            load_limits(folder)
