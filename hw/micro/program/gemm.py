"""GEMM: a queue of them, of which the first goes on, tile by tile, while a bank is empty and weights are there."""

from hw.micro.memory_bus import BUS_BYTES
from hw.micro.memory_map import GEMM_WORDS
from hw.micro.microcode import Access, Action, Alu, Condition, Local, Mode, Register, Source
from hw.micro.program.words import Gemm, Word
from hw.micro.program.writer import Writer, left_shift
from spec.isa import Engine

__all__ = ["write_gemm"]

_BYTE_BITS = (BUS_BYTES - 1).bit_length()


def write_gemm(w: Writer) -> None:
    """Write the microprogram of GEMM."""
    _enqueue(w)
    _advance(w)
    _streamed(w)
    _from_scratchpad(w)
    _tile_ends(w)
    _request(w)


def _enqueue(w: Writer) -> None:
    w.label("execute_gemm")
    w.add_to(Word.GEMMS, 1)
    w.constant(Register.B_LOW, w.config.queue_depth + 2)
    w.if_not_less("hang")
    for taker in range(len(Engine)):
        w.copy(Word.GEMM + Gemm.SIGNAL + taker, Word.SIGNAL + taker)
    w.load(Register.V, Word.GEMM_IN)
    w.small(Register.T, 1)
    w.small(Register.S, Word.GEMM)
    w.small(Register.L, GEMM_WORDS)
    w.label("enqueue_word")
    w.op(local=Local.READ_AT, action=Action.NEXT_RESULT)
    w.op(access=Access.WRITE_VECTOR, source=Source.LOCAL, action=Action.NEXT_VECTOR)
    w.go("enqueue_word", Condition.LOOP)
    w.next_slot(Word.GEMM_IN, GEMM_WORDS, w.map.gemms, w.map.gemms_end)
    w.call("advance")
    w.go("dispatched")


def _advance(w: Writer) -> None:
    """Tiles of the first GEMM, and of those behind it."""
    columns = w.config.cols
    w.label("advance")
    w.if_zero("waits", Word.GEMMS)
    w.load_a(Word.FULL_BANKS)
    w.add(-w.config.acc_banks)
    w.unless("waits", Condition.NEGATIVE)
    w.load(Register.P, Word.GEMM_OUT)

    # Weights: a STREAM must have given all words of the tile.
    w.write_zero(Word.TILE_LEFT)
    w.record(Gemm.B_SCRATCHPAD)
    w.go("words_there", Condition.ODD, source=Source.MEMORY)
    w.record(Gemm.K, alu=Alu.CLEAR)
    w.memory(Register.M_LOW)
    w.constant(Register.B_LOW, columns)
    w.whole_product()
    w.write(Word.TILE_LEFT, Source.A_LOW, destination=Register.B_LOW)
    w.small(Register.B_HIGH, 0)
    w.load_a_pair(Word.STREAMED)
    w.op(alu=Alu.SUBTRACT)
    w.go("waits", Condition.NEGATIVE)
    w.store_a_pair(Word.STREAMED)
    w.label("words_there")

    # Columns of the tile, and those of it beyond N.
    w.load_a_record(Gemm.N)
    w.at_most(columns)
    w.write(Word.TILE_COLUMNS, Source.A_LOW, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.add(columns)
    w.op(alu=Alu.SUBTRACT)
    w.write(Word.TILE_EMPTY, Source.A_LOW)

    # How B goes back from column to column, and where its last one is.
    w.record(Gemm.B_STRIDE, alu=Alu.CLEAR)
    w.memory(Register.B_LOW)
    w.op(alu=Alu.SUBTRACT)
    w.write(Word.TILE_BACK, Source.A_LOW)
    w.load_a(Word.TILE_COLUMNS)
    w.add(-1)
    w.op(source=Source.A_LOW, destination=Register.M_LOW, alu=Alu.CLEAR)
    w.whole_product()
    w.record(Gemm.B)
    w.op(source=Source.MEMORY, alu=Alu.ADD_WORD)
    w.write(Word.TILE_PLACE + 1, Source.A_LOW)
    for word, field in ((Word.TILE_PLACE, Gemm.A), (Word.TILE_ROWS, Gemm.M), (Word.TILE_STRIDE, Gemm.A_STRIDE)):
        w.record(field)
        w.write(word, Source.MEMORY)

    # The mode of the first word of K, and that of all others.
    w.load_a_record(Gemm.UNSIGNED)
    w.write(Word.TILE_MODE, Source.A_LOW)
    w.record(Gemm.CLEAR)
    w.unless("goes_on", Condition.ODD, source=Source.MEMORY)
    w.add(1 << Mode.FRESH)
    w.label("goes_on")
    w.op(source=Source.A_LOW, destination=Register.MODE)
    w.load_a_pair(Word.TILE_PLACE)
    w.record(Gemm.K)
    w.memory(Register.K)
    w.constant(Register.B_LOW, 1)
    w.record(Gemm.B_SCRATCHPAD)
    w.go("scratchpad_tile", Condition.ODD, source=Source.MEMORY)


def _streamed(w: Writer) -> None:
    """The low half of A is the place of A's word. Bursts are begun while the array works."""
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
    w.go("feed", Condition.MORE)
    w.read(Word.TILE_ROWS)
    w.take(Register.L)
    w.op(source=Source.A_LOW, destination=Register.V, alu=Alu.ADD)
    w.op(access=Access.STREAM, local=Local.READ, index=Word.TILE_MODE)
    later = {"source": Source.LOCAL, "destination": Register.MODE, "action": Action.COUNT_DOWN}
    w.unless("streamed_word", Condition.LAST, **later)
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
    """The halves of A are the places of both words, that of B above."""
    w.label("scratchpad_tile")
    w.constant(Register.B_HIGH, 1)
    w.label("scratchpad_word")
    w.read(Word.FILL_ROW)
    w.take(Register.ROW, local=Local.READ, index=Word.TILE_BACK)
    w.take(Register.T, local=Local.READ, index=Word.TILE_EMPTY)
    w.go("whole_tile", Condition.ZERO, source=Source.LOCAL, destination=Register.L)
    w.op(action=Action.NO_WEIGHTS)
    w.label("whole_tile")
    w.op(source=Source.A_HIGH, destination=Register.V, local=Local.READ, index=Word.TILE_COLUMNS)
    w.take(Register.L)
    w.label("b_column")
    w.op(access=Access.READ_OPERAND)
    w.go("b_column", Condition.LOOP, action=Action.WEIGHTS)
    w.read(Word.TILE_STRIDE)
    w.take(Register.T, local=Local.READ, index=Word.TILE_ROWS)
    w.take(Register.L)
    w.op(source=Source.A_LOW, destination=Register.V, alu=Alu.ADD)
    w.op(access=Access.STREAM, local=Local.READ, index=Word.TILE_MODE)
    later = {"source": Source.LOCAL, "destination": Register.MODE, "action": Action.COUNT_DOWN}
    w.unless("scratchpad_word", Condition.LAST, **later)


def _tile_ends(w: Writer) -> None:
    columns, depth = w.config.cols, w.config.acc_depth
    w.label("tile_ends")
    w.go("bus_error", Condition.FAILED)
    w.write_zero(Word.OF_STREAM)
    w.record(Gemm.RELEASE)
    w.unless("bank_stays", Condition.ODD, source=Source.MEMORY)
    w.add_to(Word.FULL_BANKS, 1)
    w.call("next_bank", source=Source.INDEX, index=Word.FILL_ROW, destination=Register.S)
    w.label("bank_stays")
    # The columns of B that come next.
    w.record(Gemm.B_STRIDE, alu=Alu.CLEAR)
    w.memory(Register.B_LOW)
    w.small(Register.M_LOW, columns)
    w.whole_product()
    w.record(Gemm.B)
    w.op(source=Source.MEMORY, alu=Alu.ADD_WORD)
    w.op(access=Access.WRITE_RECORD, index=Gemm.B, source=Source.A_LOW)
    w.load_a_record(Gemm.N)
    w.add(-columns)
    w.op(access=Access.WRITE_RECORD, index=Gemm.N, source=Source.A_LOW)
    w.add(-1)
    w.unless("advance", Condition.NEGATIVE)
    # It is complete.
    w.small(Register.S, Word.TOKENS + Engine.ARRAY * len(Engine))
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
    w.op(local=Local.READ_AT, alu=Alu.CLEAR)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.add(depth)
    w.constant(Register.B_LOW, depth * w.config.acc_banks)
    w.if_less("bank_exists")
    w.op(alu=Alu.CLEAR)
    w.label("bank_exists")
    w.back(local=Local.WRITE_AT, source=Source.A_LOW)


def _request(w: Writer) -> None:
    """Begin the next burst of the tile's weights, if there is one. A and T are as before, B is 1, L untouched."""
    w.label("request")
    w.write(Word.TILE_PLACE, Source.A_LOW)
    w.read(Word.BURST_LEFT)
    w.unless("request_burst", Condition.ZERO, source=Source.LOCAL)
    w.if_zero("requested", Word.TILE_LEFT)
    for half in range(2):
        w.read(Word.STREAM_LEFT + half)
        w.unless("stream_goes_on", Condition.ZERO, source=Source.LOCAL)
    w.call("next_stream")
    w.label("stream_goes_on")
    # As many words as the present STREAM has.
    w.load_b_pair(Word.STREAM_LEFT)
    w.load_a(Word.TILE_LEFT)
    w.lesser("from_one_stream")
    w.write(Word.BURST_LEFT, Source.A_LOW, destination=Register.B_LOW)
    w.small(Register.B_HIGH, 0)
    w.load_a(Word.TILE_LEFT)
    w.op(alu=Alu.SUBTRACT)
    w.write(Word.TILE_LEFT, Source.A_LOW)
    w.load_a_pair(Word.STREAM_LEFT)
    w.op(alu=Alu.SUBTRACT)
    w.store_a_pair(Word.STREAM_LEFT)
    w.copy_pair(Word.BURST_ADDR, Word.STREAM_ADDR)
    w.load_a(Word.BURST_LEFT)
    w.shift(left_shift(_BYTE_BITS))
    w.add_pair(Word.STREAM_ADDR)
    w.store_a_pair(Word.STREAM_ADDR)
    w.label("request_burst")
    w.call("burst")
    w.label("requested")
    w.load_a_pair(Word.TILE_PLACE)
    w.read(Word.TILE_STRIDE)
    w.take(Register.T)
    w.constant(Register.B_LOW, 1)
    w.back()
