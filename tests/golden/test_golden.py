"""What is computed and emitted is what it was, byte for byte; `python -m tests.golden` compares all presets."""

from collections.abc import Iterator

import pytest

from tests.golden.committed import load_hashes
from tests.golden.hashes import SMALL_PRESETS, designs, logits, products, programs, random_programs


def check(found: Iterator[tuple[str, str]]) -> None:
    hashes = dict(found)
    committed = load_hashes()
    assert hashes
    assert hashes == {name: committed.get(name) for name in hashes}


@pytest.mark.parametrize("preset", SMALL_PRESETS)
def test_designs(preset: str) -> None:
    check(designs(preset))


def test_programs_of_the_default_model() -> None:
    check(programs())


def test_programs_of_products() -> None:
    check(products())


def test_programs_of_random_checkpoints() -> None:
    check(random_programs())


def test_logits_of_the_samples() -> None:
    check(logits())
