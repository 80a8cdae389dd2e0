"""Texts to labels on a device."""

from dataclasses import replace

import numpy as np
import pytest

from spec.config import AcceleratorConfig
from spec.device import Result
from sw.apps import text_runner
from sw.apps.classify import Classifier
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from tests.sw.tiny_model import tiny_tokenizer

CONFIG = AcceleratorConfig(rows=4, cols=4, scratchpad_kib=16, vector_kib=16)
CHECKPOINT = random_checkpoint(0, layers=1, hidden=8, ffn=12, labels=3)


def classifier(max_length: int = 16) -> Classifier:
    return Classifier(CHECKPOINT, tiny_tokenizer(), CONFIG, "model", max_length=max_length)


def test_answer_is_that_of_the_reference() -> None:
    result = classifier().answer("a b c")
    sums = forward(CHECKPOINT, embed(CHECKPOINT, tiny_tokenizer().encode("a b c", 16).ids))
    logits = sums * CHECKPOINT.logit_scale.astype(float)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    assert result.sums == tuple(sums)
    assert result.logits == tuple(logits)
    assert result.label == CHECKPOINT.labels[logits.argmax()]
    assert result.probability == pytest.approx(probabilities.max())
    assert (result.tokens, result.truncated, result.bit_exact) == (5, False, True)
    assert (result.cycles, result.utilization) == (None, None)


def test_labels_may_be_independent_of_each_other() -> None:
    checkpoint = replace(CHECKPOINT, task="multi_label_classification")
    result = Classifier(checkpoint, tiny_tokenizer(), CONFIG, "model", max_length=16).answer("a b c")
    np.testing.assert_allclose(result.scores, 1 / (1 + np.exp(-np.array(result.logits))))
    assert result.probability == max(result.scores)
    assert result.label == checkpoint.labels[int(np.argmax(result.scores))]


def test_probabilities_of_labels_that_exclude_each_other_add_up_to_one() -> None:
    result = classifier().answer("a b c")
    assert len(result.scores) == 3
    assert sum(result.scores) == pytest.approx(1)
    assert result.probability == max(result.scores)


def test_regression_gives_a_number() -> None:
    checkpoint = replace(random_checkpoint(0, layers=1, hidden=8, ffn=12, labels=1), task="regression")
    result = Classifier(checkpoint, tiny_tokenizer(), CONFIG, "model", max_length=16).answer("a b c")
    assert (result.scores, result.probability, result.label) == (result.logits, None, "label 0")


def test_models_for_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="the model makes vectors, not labels"):
        Classifier(replace(CHECKPOINT, task="embedding"), tiny_tokenizer(), CONFIG, "model", max_length=16)


def test_pair_has_types_of_its_own() -> None:
    checkpoint = random_checkpoint(0, layers=1, hidden=8, ffn=12, token_types=2)
    result = Classifier(checkpoint, tiny_tokenizer(), CONFIG, "model", max_length=16).answer(("a", "b c"))
    rows = embed(checkpoint, [2, 4, 3, 5, 6, 3], [0, 0, 0, 1, 1, 1])
    assert (result.sums, result.tokens, result.bit_exact) == (tuple(forward(checkpoint, rows)), 6, True)


def test_text_without_tokens_of_its_own_is_empty() -> None:
    assert classifier().answer("").empty
    assert not classifier(max_length=2).answer("a").empty


def test_long_text_is_cut() -> None:
    result = classifier(max_length=6).answer("a b c d e f g h")
    assert (result.tokens, result.truncated) == (6, True)


def test_empty_text_has_two_tokens() -> None:
    assert classifier().answer("").tokens == 2


def test_programs_are_compiled_once_for_each_length(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    lower = text_runner.NetworkLowering.lower
    monkeypatch.setattr(text_runner.NetworkLowering, "lower", lambda self, n: made.append(n) or lower(self, n))
    device = classifier()
    for text in ("a", "b c", "d", "e f"):
        device.answer(text)
    assert made == [3, 4]


class _WrongDevice:
    """Off by one in the last logit, after 1000 cycles."""

    def __init__(self) -> None:
        self.config = CONFIG
        self._model = text_runner.open_device("model", CONFIG)

    def run(self, *arguments: object) -> Result:
        logits = self._model.run(*arguments).outputs["logits"].copy()  # type: ignore[arg-type]
        logits[len(CHECKPOINT.labels) - 1] += 1
        return Result(outputs={"logits": logits}, cycles=1000, counters={"cycles": 1000})


def test_wrong_device_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    open_device = text_runner.open_device
    monkeypatch.setattr(
        text_runner,
        "open_device",
        lambda name, config, **_: _WrongDevice() if name == "rtl" else open_device(name, config),
    )
    result = Classifier(CHECKPOINT, tiny_tokenizer(), CONFIG, "rtl", max_length=16).answer("a")
    assert not result.bit_exact
    assert result.cycles == 1000
    assert result.utilization == result.macs / (16 * 1000)
    assert result.counters == {"cycles": 1000}


@pytest.mark.parametrize("length", [1, 33])
def test_max_length_is_checked(length: int) -> None:
    with pytest.raises(ValueError, match=f"max_length must be from 2 to 32, not {length}"):
        classifier(length)
