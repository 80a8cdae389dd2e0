"""DRAIN: one value after the other, from the accumulators to the scratchpad, the vector memory or the bus."""

from hw.micro.arithmetic import FACTOR_DIGITS
from hw.micro.memory_bus import BUS_BYTES
from hw.micro.memory_map import RECORD_WORDS, ROW_WORDS
from hw.micro.microcode import VALUE_BITS, Access, Action, Alu, Condition, Local, Register, Source
from hw.micro.program.words import Host, Record, Row, Word, bit_word
from hw.micro.program.writer import Writer, left_shift, right_shift, scale_shift
from spec.isa import Destination, ErrorCode, ParamMode, SecondStage, Stats

__all__ = ["write_drain"]

_FLAGS = (
    bit_word(Stats.MOMENTS),
    bit_word(Stats.MAX),
    bit_word(Destination.MEMORY),
    bit_word(Destination.VECTOR),
    Word.TABLE + 1,
    Word.TABLE,
    Word.TABLE_ENABLE,
    bit_word(SecondStage.SCALE),
    bit_word(SecondStage.RESIDUAL),
    Word.ROW_SCALE,
    bit_word(ParamMode.ROW),
    bit_word(ParamMode.FIXED),
)
"""What the bits of MODE are, from the highest one below SWEEP on; those of the array are below."""

_ARRAY_FLAGS = 2
_STATISTICS_WORDS = 5
_COUNT_BITS = 5


def write_drain(w: Writer) -> None:
    """Write the microprogram of DRAIN, and what SWEEP shares with DRAIN."""
    _begin(w)
    _values(w)
    _ends(w)
    _second(w)
    _to_memory(w)
    _statistics(w)
    _shared(w)


def _begin(w: Writer) -> None:
    w.label("execute_drain")
    w.read(_FLAGS[0], alu=Alu.CLEAR_BOTH)
    for flag in _FLAGS[1:]:
        w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
        w.read(flag, alu=Alu.LEFT)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.shift(left_shift(_ARRAY_FLAGS))
    w.write(Word.MODE, Source.A_LOW, destination=Register.MODE)
    w.call("places")
    w.load_a(Word.PRE_SHIFT)
    w.call("encode_pre")
    w.write(Word.PRE, Source.A_LOW)
    w.load_a(Word.SHIFT)
    w.call("encode_main")
    w.write(Word.MAIN, Source.A_LOW)
    w.copy(Word.FRESH, Word.STATS_FIRST)

    w.label("tile")
    w.if_zero("hang", Word.FULL_BANKS)
    w.load(Register.MODE, Word.MODE)
    w.load(Register.ROW, Word.DRAIN_ROW)
    w.load_a(Word.N)
    w.at_most(w.config.cols)
    w.write(Word.TILE_N, Source.A_LOW)
    w.call("first_row")
    w.load(Register.L, Word.M)
    w.label("drain_row")
    w.call("row_scalars", Condition.ROW_SCALE)
    w.call("load_statistics", Condition.STATISTICS)
    w.read(Word.ROW_DEST, action=Action.READ_SUMS)
    w.take(Register.S, local=Local.READ, index=Word.ROW_PARAM)
    w.take(Register.P, local=Local.READ, index=Word.ROW_VECTOR)
    w.take(Register.V, local=Local.READ, index=Word.TILE_N)
    w.take(Register.K)


def _values(w: Writer) -> None:
    w.label("value")
    w.record(Record.BIAS, alu=Alu.CLEAR_BOTH)
    w.record(Record.BIAS + 1, source=Source.MEMORY, destination=Register.B_LOW)
    w.memory(Register.B_HIGH)
    w.op(source=Source.SUM_LOW, destination=Register.B_LOW, alu=Alu.ADD)
    w.op(source=Source.SUM_HIGH, destination=Register.B_HIGH, local=Local.READ, index=Word.PRE)
    w.take(Register.SHIFT, alu=Alu.ADD, target="rare", condition=Condition.RARE)
    w.record(Record.MUL, alu=Alu.ROUND_SHIFT)
    w.record(Record.MUL + 1, source=Source.MEMORY, destination=Register.B_LOW, alu=Alu.FACTOR)
    w.memory(Register.B_HIGH, local=Local.READ, index=Word.MAIN)
    w.take(Register.SHIFT)
    w.label("scale_value")
    w.op(alu=Alu.SCALE, local=Local.READ, index=Word.CLIP_LOW)
    w.go("second", Condition.SECOND, source=Source.LOCAL, destination=Register.B_LOW)
    w.label("clip_value")
    w.op(alu=Alu.COMPARE, local=Local.READ, index=Word.CLIP_HIGH)
    w.unless("low_value", Condition.NOT_LESS, source=Source.LOCAL, destination=Register.B_LOW)
    w.if_not_less("high_value")
    w.label("clipped_value")
    w.go("elsewhere", Condition.ELSEWHERE)
    w.unless("value", Condition.LAST, access=Access.STORE_BYTE, source=Source.A_LOW, action=Action.NEXT_VALUE)
    w.go("drain_row_ends")

    w.label("elsewhere")
    w.unless("to_vector", Condition.TABLE)
    w.op(access=Access.READ_ENTRY)
    w.go("entry_to_vector", Condition.TO_VECTOR)
    w.unless("value", Condition.LAST, access=Access.STORE_BYTE, source=Source.ENTRY, action=Action.NEXT_VALUE)
    w.go("drain_row_ends")
    w.label("to_vector")
    w.op(access=Access.WRITE_RESULT, source=Source.A_LOW)
    w.call("gather", Condition.STATISTICS)
    w.label("next_value")
    w.unless("value", Condition.LAST, action=Action.NEXT_VALUE)
    w.go("drain_row_ends")
    w.label("entry_to_vector")
    w.op(access=Access.WRITE_RESULT, source=Source.ENTRY)
    w.go("next_value")

    w.label("rare")
    w.go("to_memory", Condition.TO_MEMORY)
    w.op(alu=Alu.ROUND_SHIFT)
    w.read(Word.MUL, alu=Alu.FACTOR)
    w.take(Register.B_LOW, local=Local.READ, index=Word.MUL + 1)
    w.take(Register.B_HIGH, local=Local.READ, index=Word.MAIN)
    w.take(Register.SHIFT, target="scale_value")

    # To the bounds of the instruction, which in the wrong order give the upper one.
    w.label("low_value")
    w.load(Register.B_LOW, Word.CLIP_LOW, alu=Alu.CLEAR)
    w.read(Word.CLIP_HIGH, alu=Alu.ADD)
    w.take(Register.B_LOW)
    w.if_less("clipped_value")
    w.label("high_value")
    w.op(alu=Alu.CLEAR)
    w.go("clipped_value", alu=Alu.ADD)


def _ends(w: Writer) -> None:
    columns = w.config.cols
    # L counts rows.
    w.label("drain_row_ends")
    w.op(action=Action.NEXT_ROW)
    w.call("store_statistics", Condition.STATISTICS)
    w.add_word(Word.ROW_DEST, Word.STEP)
    w.go("next_plain_row", Condition.PLAIN_ROWS)
    w.add_word(Word.ROW_VECTOR, Word.VECTOR_STRIDE)
    w.add_to(Word.ROW_STATS, ROW_WORDS)
    w.unless("next_plain_row", Condition.ROW_RECORDS)
    w.add_to(Word.ROW_PARAM, RECORD_WORDS)
    w.label("next_plain_row")
    w.go("drain_row", Condition.LOOP)

    w.add_to(Word.FULL_BANKS, -1)
    w.call("next_bank", source=Source.INDEX, index=Word.DRAIN_ROW, destination=Register.S)
    w.call("advance")
    w.load(Register.MODE, Word.MODE)
    w.small(Register.T, 1)
    w.write_zero(Word.FRESH)
    w.add_to(Word.TILE_DEST, columns)
    w.add_to(Word.TILE_VECTOR, columns)
    w.go("same_records", Condition.ROW_RECORDS)
    w.if_odd("same_records", bit_word(ParamMode.FIXED))
    w.add_to(Word.TILE_PARAM, columns * RECORD_WORDS)
    w.label("same_records")
    w.add_to(Word.N, -columns)
    w.add(-1)
    w.unless("tile", Condition.NEGATIVE)
    w.unless("done", Condition.MOMENTS)
    w.if_even("done", Word.STATS_LAST)
    w.go("row_job")


def _second(w: Writer) -> None:
    w.label("second")
    w.go("residual", Condition.RESIDUAL)
    w.op(alu=Alu.FACTOR)
    w.call("second_factor")
    w.label("clip_second")
    w.read(Word.CLIP_LOW)
    w.take(Register.B_LOW, target="clip_value")
    w.label("residual")
    w.call("saturate", Condition.OVERFLOW)
    w.store_a_pair(Word.VALUE, alu=Alu.CLEAR)
    w.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR)
    w.call("second_factor", source=Source.MEMORY, destination=Register.M_LOW)
    w.add_pair(Word.VALUE)
    w.go("clip_second")

    # The factor in M.
    w.label("second_factor")
    w.record(Record.MUL2)
    w.record(Record.MUL2 + 1, source=Source.MEMORY, destination=Register.B_LOW)
    w.memory(Register.B_HIGH, local=Local.READ, index=Word.SECOND)
    w.take(Register.SHIFT)
    w.op(alu=Alu.SCALE)
    w.go("saturate", Condition.OVERFLOW)
    w.back()

    # To 18 bits.
    w.label("saturate")
    w.small(Register.B_LOW, 0)
    w.go("too_small", Condition.NEGATIVE)
    w.constant(Register.B_HIGH, 2, alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.add(-1)
    w.back()
    w.label("too_small")
    w.constant(Register.B_HIGH, -2, alu=Alu.CLEAR)
    w.back(alu=Alu.ADD)


def _to_memory(w: Writer) -> None:
    """DEST is where the next value goes; A stays until it is there."""
    w.label("to_memory")
    for half, register in enumerate((Register.ADDR_LOW, Register.ADDR_HIGH)):
        w.read(Word.DEST + half)
        w.write(Word.BURST_FIRST + half, Source.LOCAL, destination=register)
    w.op(action=Action.WRITE)
    w.label("wait_write")
    w.go("write_error", Condition.FAILED)
    w.go("wait_write", Condition.OWED)
    w.go("write_error", Condition.FAILED)
    w.load_a_pair(Word.DEST)
    w.add(BUS_BYTES)
    w.store_a_pair(Word.DEST)
    w.go("next_value")
    w.label("write_error")
    w.write_constant(Host.ERROR_CODE, ErrorCode.BUS_WRITE)
    w.go("bus_failed")


def _statistics(w: Writer) -> None:
    w.label("load_statistics")
    w.load(Register.P, Word.ROW_STATS)
    for word in range(_STATISTICS_WORDS):
        w.record(Row.A + word)
        w.write(Word.SUM + word, Source.MEMORY)
    w.if_even("stored", Word.FRESH)
    w.go("fresh_sums", Condition.MOMENTS)
    w.write_constant(Word.SUM, -1 << 15)
    w.write_constant(Word.SUM + 1, -1)
    w.back()
    w.label("fresh_sums")
    for word in range(_STATISTICS_WORDS):
        w.write_zero(Word.SUM + word)
    w.back()

    w.label("store_statistics")
    w.load(Register.P, Word.ROW_STATS)
    for word in range(_STATISTICS_WORDS):
        w.read(Word.SUM + word)
        w.op(access=Access.WRITE_RECORD, index=Row.A + word, source=Source.LOCAL)
    w.label("stored")
    w.back()

    # The value in A.
    w.label("gather")
    w.go("gather_sums", Condition.MOMENTS)
    w.load_b_pair(Word.SUM)
    w.if_less("stored")
    w.store_a_pair(Word.SUM)
    w.back()
    w.label("gather_sums")
    # The square, 16 bits to the left; a product is 20 bits to the right.
    w.op(source=Source.A_LOW, destination=Register.M_LOW)
    w.op(source=Source.ZERO, destination=Register.B_LOW)
    w.op(source=Source.A_LOW, destination=Register.B_HIGH)
    w.add_pair(Word.SUM)
    w.store_a_pair(Word.SUM, alu=Alu.CLEAR)
    w.constant(Register.SHIFT, scale_shift(VALUE_BITS))
    w.read(Word.SQUARES, alu=Alu.SCALE)
    w.take(Register.B_LOW, local=Local.READ, index=Word.SQUARES + 1)
    w.take(Register.B_HIGH, local=Local.READ, index=Word.SQUARES + 2)
    w.take(Register.B_TOP)
    w.op(alu=Alu.ADD)
    w.store_a_pair(Word.SQUARES)
    w.write(Word.SQUARES + 2, Source.A_TOP)
    w.back()


def _shared(w: Writer) -> None:
    """What DRAIN and SWEEP have in common."""
    row_bytes = (w.config.rows - 1).bit_length()
    # Of the first tile; destinations are bytes, or words of the vector memory.
    w.label("places")
    w.load_a(Word.SECOND_SHIFT)
    w.call("encode_main")
    w.write(Word.SECOND, Source.A_LOW)
    for word, field in ((Word.TILE_DEST, Word.DEST), (Word.STEP, Word.DEST_STRIDE)):
        in_vector = w.new_label("in_vector")
        w.load_a(field)
        w.go(in_vector, Condition.TO_VECTOR)
        w.shift(left_shift(row_bytes))
        w.label(in_vector)
        w.write(word, Source.A_LOW)
    w.copy(Word.TILE_VECTOR, Word.VECTOR)
    w.load_a(Word.PARAM)
    w.shift(left_shift(RECORD_WORDS.bit_length() - 1))
    w.add(w.map.records)
    w.write(Word.TILE_PARAM, Source.A_LOW)
    w.small(Register.T, 1)
    w.back()

    # A number of bits as SHIFT takes it, for a shift to the right; and for a product, which is 20 bits to the right.
    w.label("encode_main")
    w.add(-2 * FACTOR_DIGITS)
    w.unless("encode_pre", Condition.NEGATIVE)
    w.op(source=Source.A_LOW, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.op(alu=Alu.SUBTRACT)
    w.label("lefts")
    w.shift(left_shift(_COUNT_BITS))
    w.back()
    w.label("encode_pre")
    w.write(Word.NUMBER, Source.A_LOW, destination=Register.B_LOW)
    w.add(1)
    w.shift(right_shift(1))
    w.write(Word.NUMBER, Source.A_LOW, destination=Register.M_LOW)  # half of it, rounded up
    w.op(alu=Alu.LEFT)
    w.small(Register.M_LOW, 0, alu=Alu.SUBTRACT)
    w.shift(left_shift(_COUNT_BITS))
    w.read(Word.NUMBER)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD, condition=Condition.RETURN)

    w.label("first_row")
    for place in range(3):
        w.copy(Word.ROW_DEST + place, Word.TILE_DEST + place)
    w.label("first_stats")
    w.load_a(Word.STATS)
    w.shift(left_shift(ROW_WORDS.bit_length() - 1))
    w.add(w.map.rows)
    w.write(Word.ROW_STATS, Source.A_LOW)
    w.load_a(Word.M)
    w.add(-1)
    w.write(Word.ROWS_LEFT, Source.A_LOW)
    w.back()

    # A is negative if there is none.
    w.label("next_row")
    w.add_word(Word.ROW_DEST, Word.STEP)
    w.add_word(Word.ROW_VECTOR, Word.VECTOR_STRIDE)
    w.add_to(Word.ROW_STATS, ROW_WORDS)
    w.add_to(Word.ROWS_LEFT, -1)
    w.back()

    w.label("point")
    w.read(Word.ROW_DEST)
    w.take(Register.S, local=Local.READ, index=Word.ROW_VECTOR)
    w.take(Register.V, local=Local.READ, index=Word.ROW_PARAM)
    w.take(Register.P, condition=Condition.RETURN)

    w.label("row_scalars")
    w.load(Register.P, Word.ROW_STATS)
    for offset in range(Row.PRE_MEAN + 1 - Row.MUL):
        w.record(Row.MUL + offset)
        w.write(Word.MUL + offset, Source.MEMORY)
    w.back()
