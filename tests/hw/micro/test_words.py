"""Names of words: one behind the other, and values of fields told apart by one bit."""

from itertools import pairwise

import pytest

from hw.micro.microcode import INDEX_BITS
from hw.micro.program import control, microprogram
from hw.micro.program.words import Word, bit_word
from hw.micro.register_file import FIRST_LOCAL
from spec.isa import Destination, Drain, ParamMode, SecondStage, Stats, SweepKind
from spec.presets import PRESETS


def test_words_stand_one_behind_the_other_in_the_register_file() -> None:
    words = list(Word)
    assert words[0] == FIRST_LOCAL
    assert all(after == word + word.size for word, after in pairwise(words))
    assert words[-1] + words[-1].size <= 1 << INDEX_BITS


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ((Destination.VECTOR,), Word.KIND),
        ((Destination.MEMORY,), Word.KIND + 1),
        ((ParamMode.FIXED,), Word.PARAM_MODE + 1),
        ((SecondStage.RESIDUAL,), Word.SECOND_STAGE),
        ((Stats.MOMENTS,), Word.STATISTICS + 1),
        ((SweepKind.SOFTMAX, SweepKind.GATHER), Word.KIND),
        ((SweepKind.GATHER, SweepKind.LAYERNORM), Word.KIND + 1),
    ],
)
def test_a_bit_tells_values_from_all_others(values: tuple, word: int) -> None:
    assert bit_word(*values) == word


@pytest.mark.parametrize("values", [(Destination.SCRATCHPAD,), (SweepKind.GATHER,), (Stats.MAX, Stats.MOMENTS)])
def test_values_that_no_bit_tells(values: tuple) -> None:
    with pytest.raises(ValueError, match=rf"^{values[0].name}.* must have a bit that no other \w+ has$"):
        bit_word(*values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row_length": None}, "fields of Drain must have places"),
        ({"row_length": Word.M}, "fields of Drain must not share words"),
        ({"res_stride": Word.VECTOR + 1}, "fields of Drain must not share words"),
    ],
)
def test_every_field_has_words_of_its_own(monkeypatch: pytest.MonkeyPatch, change: dict, message: str) -> None:
    places = {name: word for name, word in (control._PLACES[Drain] | change).items() if word is not None}
    monkeypatch.setitem(control._PLACES, Drain, places)
    with pytest.raises(AssertionError, match=message):
        microprogram(PRESETS["icebreaker"])
