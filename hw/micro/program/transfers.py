"""Bursts from memory, LOAD and STREAM."""

from hw.micro.memory_bus import BUS_BYTES
from hw.micro.memory_map import RECORD_WORDS, STREAM_WORDS
from hw.micro.microcode import Access, Action, Alu, Condition, Register, Source
from hw.micro.program.words import Host, Word
from hw.micro.program.writer import Writer, left_shift, right_shift
from spec.axi import BURST_BEATS

__all__ = ["write_transfers"]

_BEAT_BITS = (BURST_BEATS - 1).bit_length()
_BYTE_BITS = (BUS_BYTES - 1).bit_length()
_QUEUED = (Word.MEM_ADDR, Word.MEM_ADDR + 1, Host.INSTRUCTIONS, Host.INSTRUCTIONS + 1, Word.COUNT, Word.COUNT + 1)
_UNPACKED = (*range(Word.STREAM_ADDR, Word.STREAM_INDEX + 2), Word.STREAM_LEFT, Word.STREAM_LEFT + 1)
"""A STREAM in its queue."""


def write_transfers(w: Writer) -> None:
    """Write the microprogram of bursts, LOAD and STREAM."""
    _burst(w)
    _load(w)
    _load_records(w)
    _stream(w)


def _burst(w: Writer) -> None:
    """Begin the next burst of a transfer, of which at least a word is left; A is negative if it is the last one.

    It ends where addresses are a multiple of the longest. L, T and the pointers stay.
    """
    w.label("burst_owed")
    w.go("bus_error", Condition.FAILED)
    w.label("burst")
    w.go("burst_owed", Condition.OWED)
    w.go("bus_error", Condition.FAILED)
    # Beats behind the first one up to there: of the complement of the address, the bits above those of a byte.
    w.read(Word.BURST_ADDR)
    w.take(Register.B_LOW, alu=Alu.CLEAR_BOTH)
    w.op(alu=Alu.SUBTRACT)
    w.add(-1)
    w.shift(right_shift(_BYTE_BITS + _BEAT_BITS))
    w.shift(left_shift(_BEAT_BITS), alu=Alu.CLEAR)
    w.add(1)
    w.read(Word.BURST_LEFT)
    w.take(Register.B_LOW)
    w.small(Register.B_HIGH, 0)
    w.lesser("burst_beats")
    w.write(Word.BEATS, Source.A_LOW)
    for half, register in enumerate((Register.ADDR_LOW, Register.ADDR_HIGH)):
        w.read(Word.BURST_ADDR + half)
        w.write(Word.BURST_FIRST + half, Source.LOCAL, destination=register)
    w.add(-1)
    w.op(source=Source.A_LOW, destination=Register.READ)
    w.load_a(Word.BEATS)
    w.shift(left_shift(_BYTE_BITS))
    w.add_pair(Word.BURST_ADDR)
    w.store_a_pair(Word.BURST_ADDR)
    w.load(Register.B_LOW, Word.BEATS)
    w.load_a(Word.BURST_LEFT)
    w.op(alu=Alu.SUBTRACT)
    w.write(Word.BURST_LEFT, Source.A_LOW)
    w.add(-1)
    w.back()

    # The next burst, unless one is under way or there is none.
    w.label("more_words")
    w.go("bus_error", Condition.FAILED)
    w.go("enough_words", Condition.OWED)
    w.read(Word.BURST_LEFT)
    w.unless("burst", Condition.ZERO, source=Source.LOCAL)
    w.label("enough_words")
    w.back()

    # Wait for a half, which costs what is in A and B.
    w.label("next_half")
    w.go("enough_words", Condition.WORD)
    w.call("more_words")
    w.go("next_half")


def _load(w: Writer) -> None:
    """NUMBER is the number of bytes."""
    w.label("execute_load")
    w.copy_pair(Word.BURST_ADDR, Word.MEM_ADDR)
    w.load_a_pair(Word.NUMBER)
    w.add(BUS_BYTES - 1)
    w.shift(right_shift(_BYTE_BITS))
    w.write(Word.BURST_LEFT, Source.A_LOW)
    # The scratchpad is filled by halves, and so are vectors and tables. K counts them.
    w.load_a(Word.COUNT)
    w.read(Word.TARGET)
    w.go("load_scratchpad", Condition.ZERO, source=Source.LOCAL, destination=Register.K)
    w.go("load_vector", Condition.LAST, action=Action.COUNT_DOWN)
    w.go("load_records", Condition.LAST, action=Action.COUNT_DOWN)
    w.go("load_records", Condition.LAST)
    w.shift(left_shift(2))
    w.op(source=Source.A_LOW, destination=Register.K)
    w.load_a(Word.ADDR)
    w.shift(left_shift(2))
    w.add(w.map.tables)
    w.go("load_words", source=Source.A_LOW, destination=Register.S)
    w.label("load_vector")
    w.read(Word.ADDR)
    w.take(Register.S)
    w.op(source=Source.A_LOW, destination=Register.K)
    w.label("load_words")
    w.call("next_half")
    w.op(access=Access.WRITE_RESULT, source=Source.WORD, action=Action.POP)
    w.unless("load_words", Condition.LAST, action=Action.COUNT_DOWN)
    w.label("loaded")
    w.call("settle")
    w.go("done")

    w.label("load_scratchpad")
    w.op(alu=Alu.LEFT)
    w.op(source=Source.A_LOW, destination=Register.K)
    w.load_a(Word.ADDR)
    w.shift(left_shift(2))
    w.op(source=Source.A_LOW, destination=Register.S)
    w.label("load_halves")
    w.call("next_half")
    w.op(access=Access.STORE_HALF, source=Source.WORD, action=Action.POP)
    w.unless("load_halves", Condition.LAST, action=Action.COUNT_DOWN)
    w.go("loaded")


def _load_records(w: Writer) -> None:
    """Records of 8 bytes: 28 bits, 18 and 18, signed, become pairs of words."""
    w.label("load_records")
    w.op(source=Source.A_LOW, destination=Register.K)
    w.load_a(Word.ADDR)
    w.shift(left_shift(RECORD_WORDS.bit_length() - 1))
    w.add(w.map.records)
    w.op(source=Source.A_LOW, destination=Register.S)
    w.label("load_record")
    w.call("next_half")
    w.op(access=Access.WRITE_RESULT, source=Source.WORD, action=Action.POP, alu=Alu.CLEAR_BOTH)
    # The high half of the bias has 12 bits.
    w.write(Word.NUMBER, Source.WORD, destination=Register.B_LOW, action=Action.POP)
    w.op(alu=Alu.ADD)
    w.shift(left_shift(4))
    w.op(source=Source.A_LOW, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.constant(Register.SHIFT, right_shift(4), alu=Alu.ADD)
    w.op(alu=Alu.SHIFT)
    w.op(access=Access.WRITE_RESULT, source=Source.A_LOW)
    # Both factors begin 14 bits above the lowest of a pair, and the first one ends 2 bits below its end.
    w.call("next_half")
    w.op(source=Source.ZERO, destination=Register.B_LOW)
    w.op(source=Source.WORD, destination=Register.B_HIGH)
    w.load_a(Word.NUMBER)
    w.op(alu=Alu.ADD)
    w.shift(left_shift(2))
    w.op(source=Source.A_LOW, destination=Register.B_LOW)
    w.call("write_factor", source=Source.A_HIGH, destination=Register.B_HIGH)
    w.op(source=Source.WORD, destination=Register.B_LOW, action=Action.POP)
    w.op(source=Source.WORD, destination=Register.B_HIGH, action=Action.POP)
    w.call("write_factor")
    w.op(action=Action.NEXT_RESULT)
    w.op(action=Action.NEXT_RESULT)
    w.unless("load_record", Condition.LAST, action=Action.COUNT_DOWN)
    w.go("loaded")
    w.label("write_factor")
    w.constant(Register.SHIFT, right_shift(14), alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.op(alu=Alu.SHIFT)
    w.op(access=Access.WRITE_RESULT, source=Source.A_LOW)
    w.op(access=Access.WRITE_RESULT, source=Source.A_HIGH)
    w.back()


def _stream(w: Writer) -> None:
    """Write STREAM, which waits in a queue."""
    w.label("execute_stream")
    w.load_a_pair(Word.STREAMED)
    w.add_pair(Word.COUNT)
    w.store_a_pair(Word.STREAMED)
    w.add_to(Word.STREAMS, 1)
    w.constant(Register.B_LOW, (w.map.streams_end - w.map.streams) // STREAM_WORDS + 1)
    w.if_not_less("hang")
    w.load(Register.S, Word.STREAM_IN)
    for word in _QUEUED:
        w.read(word)
        w.op(access=Access.WRITE_RESULT, source=Source.LOCAL)
    w.next_slot(Word.STREAM_IN, STREAM_WORDS, w.map.streams, w.map.streams_end)
    w.call("advance")
    w.go("dispatched")

    # The next STREAM becomes the present one. L stays.
    w.label("next_stream")
    w.add_to(Word.STREAMS, -1)
    w.load(Register.V, Word.STREAM_OUT)
    w.small(Register.T, 1)
    for word in _UNPACKED:
        w.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR)
        w.write(word, Source.MEMORY)
    w.next_slot(Word.STREAM_OUT, STREAM_WORDS, w.map.streams, w.map.streams_end)
    w.back()
