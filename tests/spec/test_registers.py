"""Tests of the register map."""

from itertools import pairwise

from spec.registers import ADDRESS_BITS, COUNTERS, REGISTERS, Control, Status


def test_map_has_no_overlap_and_fits() -> None:
    entries = (*REGISTERS, *COUNTERS)
    for register, following in pairwise(entries):
        assert register.offset + (8 if register in COUNTERS else 4) <= following.offset
    assert entries[-1].offset + 8 <= 1 << ADDRESS_BITS
    assert len({register.name for register in entries}) == len(entries)


def test_counters_follow_one_another_from_0x80() -> None:
    assert [counter.offset for counter in COUNTERS] == [0x80 + 8 * i for i in range(22)]


def test_bits_are_those_of_the_contract() -> None:
    assert (Control.START, Control.SOFT_RESET) == (1, 2)
    assert (Status.BUSY, Status.DONE, Status.ERROR, Status.RESETTING) == (1, 2, 4, 8)
