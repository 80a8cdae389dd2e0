"""GEMM: a queue of them, of which the first goes on, tile by tile, while a bank is empty and weights are there."""

from hw.isa import Engine
from hw.serial.memory_bus import BUS_BYTES
from hw.serial.memory_map import GEMM_WORDS
from hw.serial.microcode import Access, Action, Alu, Condition, Local, Mode, Register, Source
from hw.serial.program.words import Gemm, Word
from hw.serial.program.writer import Writer

__all__ = ["write_gemm"]

_BYTE_BITS = (BUS_BYTES - 1).bit_length()


def write_gemm(w: Writer) -> None:
    """Write it."""
    _enqueue(w)
    _advance(w)
    _streamed(w)
    _from_scratchpad(w)
    _tile_ends(w)
    _weights(w)


def _enqueue(w: Writer) -> None:
    w.label("execute_gemm")
    w.load_a(Word.GEMMS)
    w.constant(Register.B_LOW, w.config.queue_depth + 1)
    w.if_not_negative("hang", Alu.COMPARE)
    w.add(1)
    w.write(Word.GEMMS, Source.A_LOW)
    for taker in range(len(Engine)):
        w.copy(Word.GEMM + Gemm.SIGNAL + taker, Word.SIGNAL + taker)
    w.load(Register.V, Word.GEMM_IN)
    w.small(Register.T, 1)
    w.constant(Register.S, Word.GEMM)
    w.small(Register.L, GEMM_WORDS)
    w.label("enqueue_word")
    w.op(local=Local.READ_AT, action=Action.NEXT_RESULT)
    w.go(
        "enqueue_word",
        Condition.LOOP,
        access=Access.WRITE_VECTOR,
        source=Source.LOCAL,
        action=Action.NEXT_VECTOR,
    )
    w.next_slot(Word.GEMM_IN, GEMM_WORDS, w.map.gemms, w.map.gemms_end)
    w.call("advance")
    w.go("dispatched")


def _field(w: Writer, register: Register, field: Gemm, **more: object) -> None:
    w.record(field)
    w.memory(register, **more)


def _a_is(w: Writer, field: Gemm) -> None:
    """A field, unsigned, to A; M becomes zero."""
    _field(w, Register.B_LOW, field)
    w.small(Register.B_HIGH, 0, alu=Alu.CLEAR_BOTH)
    w.op(alu=Alu.ADD)


def _advance(w: Writer) -> None:
    """Tiles of the first GEMM, and of those behind it."""
    columns, banks = w.config.cols, w.config.acc_banks
    w.label("advance")
    w.read(Word.GEMMS)
    w.go("waits", Condition.ZERO, source=Source.LOCAL)
    w.load_a(Word.FULL_BANKS)
    w.constant(Register.B_LOW, banks)
    w.if_not_negative("waits", Alu.COMPARE)
    w.load(Register.P, Word.GEMM_OUT)

    # Weights: all words of the tile must be on their way.
    w.write_constant(Word.TILE_LEFT, 0)
    w.write_constant(Word.TILE_LEFT + 1, 0)
    w.record(Gemm.B_SCRATCHPAD)
    w.go("words_there", Condition.ODD, source=Source.MEMORY)
    _field(w, Register.M_LOW, Gemm.K)
    w.constant(Register.B_LOW, columns, alu=Alu.CLEAR)
    w.whole_product()
    w.store_a_pair(Word.TILE_LEFT)
    w.load_a_pair(Word.STREAMED)
    w.load_b_pair(Word.TILE_LEFT)
    w.if_negative("waits", Alu.SUBTRACT)
    w.store_a_pair(Word.STREAMED)
    w.label("words_there")

    # Columns of the tile, and those of it beyond N.
    _a_is(w, Gemm.N)
    w.constant(Register.B_LOW, columns)
    w.if_negative("partial", Alu.COMPARE)
    w.op(alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.label("partial")
    w.write(Word.TILE_COLUMNS, Source.A_LOW)
    w.op(alu=Alu.SUBTRACT)
    w.op(source=Source.A_LOW, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.op(alu=Alu.SUBTRACT)
    w.write(Word.TILE_EMPTY, Source.A_LOW)

    # How B goes back from column to column, and where its last one is.
    _a_is(w, Gemm.B_STRIDE)
    w.op(source=Source.A_LOW, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.small(Register.B_HIGH, 0)
    w.op(alu=Alu.SUBTRACT)
    w.write(Word.TILE_BACK, Source.A_LOW)
    w.load_a(Word.TILE_COLUMNS)
    w.add(-1)
    w.factor()
    w.whole_product()
    _field(w, Register.B_LOW, Gemm.B)
    w.small(Register.B_HIGH, 0)
    w.op(alu=Alu.ADD)
    w.write(Word.TILE_PLACE + 1, Source.A_LOW)
    w.record(Gemm.A)
    w.write(Word.TILE_PLACE, Source.MEMORY)
    w.record(Gemm.M)
    w.write(Word.TILE_ROWS, Source.MEMORY)
    w.record(Gemm.A_STRIDE)
    w.write(Word.TILE_STRIDE, Source.MEMORY)

    # The mode of the first word of K, and that of all others.
    _a_is(w, Gemm.UNSIGNED)
    w.write(Word.TILE_MODE, Source.A_LOW)
    w.record(Gemm.CLEAR)
    w.unless("goes_on", Condition.ODD, source=Source.MEMORY)
    w.add(1 << Mode.FRESH)
    w.label("goes_on")
    w.op(source=Source.A_LOW, destination=Register.MODE)
    w.load_a_pair(Word.TILE_PLACE)
    w.constant(Register.B_LOW, 1)
    _field(w, Register.K, Gemm.K)
    w.record(Gemm.B_SCRATCHPAD)
    w.go("scratchpad_tile", Condition.ODD, source=Source.MEMORY)


def _streamed(w: Writer) -> None:
    """A has the place of A's word. Bursts are begun while the array works."""
    w.write_constant(Word.OF_STREAM, 1)
    w.load(Register.T, Word.TILE_STRIDE)
    w.label("streamed_word")
    w.unless("prefetch", Condition.OWED)
    w.label("streamed_weights")
    w.read(Word.FILL_ROW)
    w.take(Register.ROW)
    w.small(Register.L, w.config.cols + 1)
    w.label("take_weights")
    w.op(action=Action.STREAMED_WEIGHTS)
    w.go("feed", Condition.MORE, local=Local.READ, index=Word.TILE_ROWS)
    w.take(Register.L)
    w.op(source=Source.A_LOW, destination=Register.V, alu=Alu.ADD)
    w.op(access=Access.STREAM, local=Local.READ, index=Word.TILE_MODE)
    w.unless(
        "streamed_word", Condition.LAST, source=Source.LOCAL, destination=Register.MODE, action=Action.COUNT_DOWN
    )
    w.go("tile_ends")

    # While the array waits for words, and before it does.
    w.label("feed")
    w.go("bus_error", Condition.FAILED)
    w.go("take_weights", Condition.OWED)
    w.go("take_weights", Condition.WORD)
    w.call("request")
    w.go("take_weights")
    w.label("prefetch")
    w.call("request")
    w.go("streamed_weights")


def _from_scratchpad(w: Writer) -> None:
    """A has the places of both words, that of B above."""
    w.label("scratchpad_tile")
    w.constant(Register.B_HIGH, 1)
    w.label("scratchpad_word")
    w.read(Word.FILL_ROW)
    w.take(Register.ROW)
    w.load(Register.T, Word.TILE_BACK)
    w.read(Word.TILE_EMPTY)
    w.go("whole_tile", Condition.ZERO, source=Source.LOCAL, destination=Register.L)
    w.op(action=Action.NO_WEIGHTS)
    w.label("whole_tile")
    w.op(source=Source.A_HIGH, destination=Register.V, local=Local.READ, index=Word.TILE_COLUMNS)
    w.take(Register.L)
    w.label("b_column")
    w.op(access=Access.READ_OPERAND)
    w.go("b_column", Condition.LOOP, action=Action.WEIGHTS)
    w.load(Register.T, Word.TILE_STRIDE)
    w.load(Register.L, Word.TILE_ROWS)
    w.op(source=Source.A_LOW, destination=Register.V, alu=Alu.ADD)
    w.op(access=Access.STREAM, local=Local.READ, index=Word.TILE_MODE)
    w.unless(
        "scratchpad_word", Condition.LAST, source=Source.LOCAL, destination=Register.MODE, action=Action.COUNT_DOWN
    )


def _tile_ends(w: Writer) -> None:
    columns, depth = w.config.cols, w.config.acc_depth
    w.label("tile_ends")
    w.go("bus_error", Condition.FAILED)
    w.write_constant(Word.OF_STREAM, 0)
    w.record(Gemm.RELEASE)
    w.unless("bank_stays", Condition.ODD, source=Source.MEMORY)
    w.add_to(Word.FULL_BANKS, 1)
    w.call("next_bank", source=Source.INDEX, index=Word.FILL_ROW, destination=Register.S)
    w.label("bank_stays")
    # The columns of B that come next.
    _a_is(w, Gemm.B_STRIDE)
    w.op(source=Source.A_LOW, destination=Register.B_LOW)
    w.small(Register.B_HIGH, 0, alu=Alu.CLEAR)
    w.small(Register.M_LOW, columns)
    w.whole_product()
    _field(w, Register.B_LOW, Gemm.B)
    w.op(alu=Alu.ADD)
    w.op(access=Access.WRITE_RECORD, index=Gemm.B, source=Source.A_LOW)
    _a_is(w, Gemm.N)
    w.add(-columns)
    w.op(access=Access.WRITE_RECORD, index=Gemm.N, source=Source.A_LOW)
    w.add(-1)
    w.go("advance", Condition.NOT_NEGATIVE)
    # It is complete.
    w.constant(Register.S, Word.TOKENS + Engine.ARRAY * len(Engine))
    for taker in range(len(Engine)):
        w.record(Gemm.SIGNAL + taker)
        w.call("give_token", Condition.ODD, source=Source.MEMORY)
        w.op(action=Action.NEXT_RESULT)
    w.next_slot(Word.GEMM_OUT, GEMM_WORDS, w.map.gemms, w.map.gemms_end)
    w.add_to(Word.GEMMS, -1)
    w.go("advance")
    w.label("waits")
    w.back()

    # The bank behind the one whose first row is in word S.
    w.label("next_bank")
    w.op(local=Local.READ_AT)
    w.take(Register.B_LOW, alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.add(depth)
    w.constant(Register.B_LOW, depth * w.config.acc_banks)
    w.if_negative("bank_exists", Alu.COMPARE)
    w.op(alu=Alu.CLEAR)
    w.label("bank_exists")
    w.back(local=Local.WRITE_AT, source=Source.A_LOW)


def _weights(w: Writer) -> None:
    """Begin the next burst of the tile's weights, if there is one. A and T are as before, B is 1, L untouched."""
    w.label("request")
    w.write(Word.TILE_PLACE, Source.A_LOW)
    w.read(Word.BURST_LEFT)
    w.unless("request_burst", Condition.ZERO, source=Source.LOCAL)
    w.read(Word.TILE_LEFT)
    w.go("requested", Condition.ZERO, source=Source.LOCAL)
    for half in range(2):
        w.read(Word.STREAM_LEFT + half)
        w.unless("stream_goes_on", Condition.ZERO, source=Source.LOCAL)
    w.call("next_stream")
    w.label("stream_goes_on")
    # As many words as the present STREAM has.
    w.load_a_pair(Word.TILE_LEFT)
    w.load_b_pair(Word.STREAM_LEFT)
    w.if_negative("from_one_stream", Alu.COMPARE)
    w.op(alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.label("from_one_stream")
    w.store_a_pair(Word.BURST_LEFT)
    for pair in (Word.TILE_LEFT, Word.STREAM_LEFT):
        w.load_a_pair(pair)
        w.load_b_pair(Word.BURST_LEFT, alu=Alu.HOLD)
        w.op(alu=Alu.SUBTRACT)
        w.store_a_pair(pair)
    w.copy_pair(Word.BURST_ADDR, Word.STREAM_ADDR)
    w.load_a_pair(Word.BURST_LEFT)
    for _ in range(_BYTE_BITS):
        w.op(alu=Alu.LEFT)
    w.load_b_pair(Word.STREAM_ADDR)
    w.op(alu=Alu.ADD)
    w.store_a_pair(Word.STREAM_ADDR)
    w.label("request_burst")
    w.call("burst")
    w.label("requested")
    w.load_a_pair(Word.TILE_PLACE)
    w.load(Register.T, Word.TILE_STRIDE)
    w.constant(Register.B_LOW, 1)
    w.back()
