"""Bursts from memory, LOAD and STREAM."""

from hw.bus.axi import BURST_BEATS
from hw.serial.memory_bus import BUS_BYTES
from hw.serial.memory_map import RECORD_WORDS, STREAM_WORDS
from hw.serial.microcode import Access, Action, Alu, Condition, Local, Register, Source
from hw.serial.program.words import Word
from hw.serial.program.writer import Writer, right_shift

__all__ = ["write_transfers"]

_BEAT_BITS = (BURST_BEATS - 1).bit_length()
_BYTE_BITS = (BUS_BYTES - 1).bit_length()
_STREAM_QUEUED = 6  # words of an entry


def write_transfers(w: Writer) -> None:
    """Write it."""
    _burst(w)
    _load(w)
    _stream(w)


def _burst(w: Writer) -> None:
    """Begin the next burst of a transfer, of which at least a word is left.

    It ends where addresses are a multiple of the longest. The sign that is noted tells whether another one must follow.
    """
    w.label("burst")
    w.go("bus_error", Condition.FAILED)
    w.go("burst", Condition.OWED)
    # The words from the last such multiple, from which on there are 16, to the address.
    w.read(Word.BURST_ADDR)
    w.take(Register.M_LOW, alu=Alu.CLEAR)
    w.small(Register.B_LOW, 0)
    for _ in range(_BYTE_BITS):
        w.op(alu=Alu.BIT)
    w.constant(Register.B_LOW, -1)
    for _ in range(_BEAT_BITS):
        w.op(alu=Alu.BIT)
    w.add(BURST_BEATS)
    w.load_b_pair(Word.BURST_LEFT)
    w.if_negative("burst_long", Alu.COMPARE)
    w.op(alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.label("burst_long")
    w.write(Word.BEATS, Source.A_LOW)
    for half, register in enumerate((Register.ADDR_LOW, Register.ADDR_HIGH)):
        w.read(Word.BURST_ADDR + half)
        w.write(Word.BURST_FIRST + half, Source.LOCAL, destination=register)
    w.add(-1)
    w.op(source=Source.A_LOW, destination=Register.READ)
    w.load_a_pair(Word.BURST_ADDR)
    w.load(Register.B_LOW, Word.BEATS)
    for _ in range(_BYTE_BITS):
        w.op(action=Action.B_LEFT)
    w.op(alu=Alu.ADD)
    w.store_a_pair(Word.BURST_ADDR)
    w.load_a_pair(Word.BURST_LEFT)
    w.load(Register.B_LOW, Word.BEATS)
    w.op(alu=Alu.SUBTRACT)
    w.store_a_pair(Word.BURST_LEFT)
    w.add(-1)
    w.back()


def _load(w: Writer) -> None:
    w.label("execute_load")
    w.copy_pair(Word.BURST_ADDR, Word.MEM_ADDR)
    # BURST_LEFT: bytes were counted by the check.
    w.load_a_pair(Word.BURST_LEFT)
    w.add(BUS_BYTES - 1)
    w.shift(_BYTE_BITS)
    w.store_a_pair(Word.BURST_LEFT)
    w.load_a(Word.TARGET)
    w.constant(Register.B_LOW, -1)
    w.go("load_scratchpad", Condition.ZERO, source=Source.A_LOW, alu=Alu.ADD)
    w.go("load_vector", Condition.ZERO, source=Source.A_LOW, alu=Alu.ADD)
    w.go("load_record", Condition.ZERO, source=Source.A_LOW, alu=Alu.ADD)
    w.go("load_record", Condition.ZERO, source=Source.A_LOW, alu=Alu.ADD)

    # Tables and vectors are filled by halves, and so is the scratchpad. K counts them.
    w.load_a(Word.ADDR)
    for _ in range(2):
        w.op(alu=Alu.LEFT)
    w.add(w.map.tables)
    w.op(source=Source.A_LOW, destination=Register.S)
    w.load_a(Word.COUNT)
    for _ in range(2):
        w.op(alu=Alu.LEFT)
    w.go("load_words", source=Source.A_LOW, destination=Register.K)
    w.label("load_vector")
    w.load(Register.S, Word.ADDR)
    w.load(Register.K, Word.COUNT)
    w.label("load_words")
    w.unless("wait_words", Condition.WORD)
    w.op(access=Access.WRITE_RESULT, source=Source.WORD, action=Action.POP)
    w.unless("load_words", Condition.LAST, action=Action.COUNT_DOWN)
    w.go("loaded")
    w.label("wait_words")
    w.call("more_words")
    w.go("load_words")

    w.label("load_scratchpad")
    w.load_a(Word.ADDR)
    for _ in range(2):
        w.op(alu=Alu.LEFT)
    w.op(source=Source.A_LOW, destination=Register.S)
    w.load_a(Word.COUNT)
    w.op(alu=Alu.LEFT)
    w.op(source=Source.A_LOW, destination=Register.K)
    w.label("load_halves")
    w.unless("wait_halves", Condition.WORD)
    w.op(access=Access.STORE_HALF, source=Source.WORD, action=Action.POP)
    w.unless("load_halves", Condition.LAST, action=Action.COUNT_DOWN)
    w.label("loaded")
    w.call("settle")
    w.go("done")
    w.label("wait_halves")
    w.call("more_words")
    w.go("load_halves")

    # The next burst, unless one is under way or there is none.
    w.label("more_words")
    w.go("bus_error", Condition.FAILED)
    w.go("enough_words", Condition.OWED)
    w.read(Word.BURST_LEFT)
    w.unless("burst", Condition.ZERO, source=Source.LOCAL)
    w.label("enough_words")
    w.back()
    _load_records(w)


def _load_records(w: Writer) -> None:
    """Records of 8 bytes: 28 bits, 18 and 18, signed, become pairs of words."""
    w.label("load_record")
    w.load_b(Word.ADDR, alu=Alu.CLEAR_BOTH)
    w.op(alu=Alu.ADD)
    for _ in range(RECORD_WORDS.bit_length() - 1):
        w.op(alu=Alu.LEFT)
    w.add(w.map.records)
    w.op(source=Source.A_LOW, destination=Register.S)
    w.load(Register.K, Word.COUNT)
    w.label("next_record")
    w.call("next_half")
    w.op(access=Access.WRITE_RESULT, source=Source.WORD, action=Action.POP)
    # The high half of the bias.
    w.op(source=Source.WORD, destination=Register.B_LOW, alu=Alu.CLEAR_BOTH)
    w.write(Word.NUMBER, Source.WORD, alu=Alu.ADD, action=Action.POP)
    for _ in range(4):
        w.op(alu=Alu.LEFT)
    w.op(source=Source.A_LOW, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.constant(Register.SHIFT, right_shift(4), alu=Alu.ADD)
    w.op(alu=Alu.SHIFT)
    w.op(access=Access.WRITE_RESULT, source=Source.A_LOW)
    # Both factors end 14 bits above the lowest of a word, the first one 2 bits below the end of the next.
    w.call("next_half")
    w.read(Word.NUMBER)
    w.take(Register.B_LOW, alu=Alu.CLEAR_BOTH)
    w.op(source=Source.WORD, destination=Register.B_HIGH)
    w.op(alu=Alu.ADD)
    for _ in range(2):
        w.op(alu=Alu.LEFT)
    w.op(source=Source.A_LOW, destination=Register.B_LOW)
    w.call("write_factor", source=Source.A_HIGH, destination=Register.B_HIGH)
    w.op(source=Source.WORD, destination=Register.B_LOW, action=Action.POP)
    w.call("write_factor", source=Source.WORD, destination=Register.B_HIGH, action=Action.POP)
    for _ in range(RECORD_WORDS - 6):
        w.op(action=Action.NEXT_RESULT)
    w.unless("next_record", Condition.LAST, action=Action.COUNT_DOWN)
    w.go("loaded")

    w.label("write_factor")
    w.constant(Register.SHIFT, right_shift(14), alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.op(alu=Alu.SHIFT)
    w.op(access=Access.WRITE_RESULT, source=Source.A_LOW)
    w.back(access=Access.WRITE_RESULT, source=Source.A_HIGH)

    # Wait for a half, which costs what is in A and B.
    w.label("next_half")
    w.go("half_there", Condition.WORD)
    w.call("more_words")
    w.go("next_half")
    w.label("half_there")
    w.back()


def _stream(w: Writer) -> None:
    """It waits in a queue, or is the present one if there is none."""
    w.label("execute_stream")
    w.load_a_pair(Word.STREAMED)
    w.load_b_pair(Word.COUNT)
    w.op(alu=Alu.ADD)
    w.store_a_pair(Word.STREAMED)
    w.load_a(Word.STREAMS)
    w.constant(Register.B_LOW, (w.map.streams_end - w.map.streams) // STREAM_WORDS)
    w.if_not_negative("hang", Alu.COMPARE)
    w.add(1)
    w.write(Word.STREAMS, Source.A_LOW)
    w.load(Register.S, Word.STREAM_IN)
    for word in (Word.MEM_ADDR, Word.MEM_ADDR + 1, Word.COUNT, Word.COUNT + 1, Word.INDEX, Word.INDEX + 1):
        w.read(word)
        w.op(access=Access.WRITE_RESULT, source=Source.LOCAL)
    w.next_slot(Word.STREAM_IN, STREAM_WORDS, w.map.streams, w.map.streams_end)
    w.call("advance")
    w.go("dispatched")

    # The next STREAM becomes the present one. L is untouched.
    w.label("next_stream")
    w.add_to(Word.STREAMS, -1)
    w.load(Register.V, Word.STREAM_OUT)
    w.small(Register.T, 1)
    w.constant(Register.S, Word.STREAM_ADDR)
    for _ in range(_STREAM_QUEUED):
        w.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR)
        w.op(local=Local.WRITE_AT, source=Source.MEMORY, action=Action.NEXT_RESULT)
    w.next_slot(Word.STREAM_OUT, STREAM_WORDS, w.map.streams, w.map.streams_end)
    w.copy_pair(Word.STREAM_LEFT, Word.STREAM_WORDS)
    w.back()
