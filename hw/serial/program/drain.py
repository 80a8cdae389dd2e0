"""DRAIN: one value after the other, from the accumulators to the scratchpad, the vector memory or the bus."""

from hw.isa import ErrorCode
from hw.serial.memory_bus import BUS_BYTES
from hw.serial.memory_map import RECORD_WORDS, ROW_WORDS
from hw.serial.microcode import Access, Action, Alu, Condition, Local, Register, Source
from hw.serial.program.words import Host, Record, Row, Word
from hw.serial.program.writer import Writer

__all__ = ["write_drain"]

_FLAGS = (
    Word.MOMENTS,
    Word.MAXIMUM,
    Word.KIND + 1,
    Word.KIND,
    Word.TABLE + 1,
    Word.TABLE,
    Word.TABLE_ENABLE,
    Word.SCALE,
    Word.RESIDUAL,
    Word.ROW_SCALE,
    Word.ROW_RECORDS,
    Word.FIXED_RECORD,
)
"""What the bits of MODE are, from the highest one below SWEEP on; those of the array are below."""

_ARRAY_FLAGS = 2
_SUM_SPARE = 3  # bits of a pair of words
_SQUARES_SPARE = 4  # of three


def write_drain(w: Writer) -> None:
    """Write it, and what SWEEP shares with it."""
    _begin(w)
    _tiles(w)
    _rows(w)
    _values(w)
    _second(w)
    _to_memory(w)
    _statistics(w)
    _shared(w)


def _begin(w: Writer) -> None:
    w.label("execute_drain")
    w.read(_FLAGS[0])
    w.take(Register.B_LOW, alu=Alu.CLEAR_BOTH)
    for flag in _FLAGS[1:]:
        w.read(flag, alu=Alu.ADD)
        w.take(Register.B_LOW, alu=Alu.LEFT)
    w.op(alu=Alu.ADD)
    for _ in range(_ARRAY_FLAGS):
        w.op(alu=Alu.LEFT)
    w.write(Word.MODE, Source.A_LOW, destination=Register.MODE)
    w.call("places")
    for word, field in ((Word.PRE, Word.PRE_SHIFT), (Word.MAIN, Word.SHIFT)):
        w.load_a(field)
        w.call("encode_pre" if word == Word.PRE else "encode_main")
        w.write(word, Source.A_LOW)
    w.write_constant(Word.FRESH, 0)
    w.read(Word.STATS_FIRST)
    w.unless("tile", Condition.ODD, source=Source.LOCAL)
    w.write_constant(Word.FRESH, 1)


def _tiles(w: Writer) -> None:
    columns = w.config.cols
    w.label("tile")
    w.read(Word.FULL_BANKS)
    w.go("hang", Condition.ZERO, source=Source.LOCAL)
    w.load(Register.MODE, Word.MODE)
    w.read(Word.DRAIN_ROW)
    w.take(Register.ROW)
    w.load_a(Word.N)
    w.constant(Register.B_LOW, columns)
    w.if_negative("narrow_tile", Alu.COMPARE)
    w.op(alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.label("narrow_tile")
    w.write(Word.TILE_N, Source.A_LOW)
    w.call("first_row")
    w.go("drain_row")

    w.label("tile_drained")
    w.add_to(Word.FULL_BANKS, -1)
    w.call("next_bank", source=Source.INDEX, index=Word.DRAIN_ROW, destination=Register.S)
    w.call("advance")
    w.load(Register.MODE, Word.MODE)
    w.write_constant(Word.FRESH, 0)
    w.add_to(Word.TILE_DEST, columns)
    w.add_to(Word.TILE_VECTOR, columns)
    w.go("same_records", Condition.ROW_RECORDS)
    w.read(Word.FIXED_RECORD)
    w.go("same_records", Condition.ODD, source=Source.LOCAL)
    w.add_to(Word.TILE_PARAM, columns * RECORD_WORDS)
    w.label("same_records")
    w.add_to(Word.N, -columns)
    w.add(-1)
    w.go("tile", Condition.NOT_NEGATIVE)
    w.unless("done", Condition.MOMENTS)
    w.read(Word.STATS_LAST)
    w.go("row_job", Condition.ODD, source=Source.LOCAL)
    w.go("done")


def _rows(w: Writer) -> None:
    w.label("drain_row")
    w.call("row_scalars", Condition.ROW_SCALE)
    w.call("load_statistics", Condition.STATISTICS)
    w.call("point", action=Action.READ_SUMS)
    w.load(Register.K, Word.TILE_N)
    w.go("value")

    w.label("drain_row_ends")
    w.call("store_statistics", Condition.STATISTICS, action=Action.NEXT_ROW)
    w.unless("same_row_record", Condition.ROW_RECORDS)
    w.add_to(Word.ROW_PARAM, RECORD_WORDS)
    w.label("same_row_record")
    w.call("next_row")
    w.go("drain_row", Condition.NOT_NEGATIVE)
    w.go("tile_drained")


def _values(w: Writer) -> None:
    w.label("value")
    w.record(Record.BIAS, alu=Alu.CLEAR_BOTH)
    w.record(Record.BIAS + 1, source=Source.MEMORY, destination=Register.B_LOW)
    w.memory(Register.B_HIGH)
    w.op(source=Source.SUM_LOW, destination=Register.B_LOW, alu=Alu.ADD)
    w.op(source=Source.SUM_HIGH, destination=Register.B_HIGH, local=Local.READ, index=Word.PRE)
    w.take(Register.SHIFT, alu=Alu.ADD, target="to_memory", condition=Condition.TO_MEMORY)
    w.op(alu=Alu.ROUND_SHIFT)
    w.call("saturate", Condition.OVERFLOW)
    w.go("row_factor", Condition.ROW_SCALE, source=Source.A_LOW, destination=Register.M_LOW)
    w.record(Record.MUL, source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR)
    w.record(Record.MUL + 1, source=Source.MEMORY, destination=Register.B_LOW)
    w.memory(Register.B_HIGH, local=Local.READ, index=Word.MAIN)
    w.take(Register.SHIFT)
    w.label("scale_value")
    w.op(alu=Alu.SCALE, local=Local.READ, index=Word.CLIP_LOW)
    w.go("second", Condition.SECOND, source=Source.LOCAL, destination=Register.B_LOW)
    w.label("clip_value")
    w.op(alu=Alu.COMPARE, local=Local.READ, index=Word.CLIP_HIGH)
    w.unless("low_value", Condition.NOT_NEGATIVE, source=Source.LOCAL, destination=Register.B_LOW)
    w.if_not_negative("high_value", Alu.COMPARE)
    w.label("clipped_value")
    w.go("elsewhere", Condition.ELSEWHERE)
    w.label("store_value")
    w.unless("value", Condition.LAST, access=Access.STORE_BYTE, source=Source.A_LOW, action=Action.NEXT_VALUE)
    w.go("drain_row_ends")

    w.label("elsewhere")
    w.unless("to_vector", Condition.TABLE, access=Access.READ_ENTRY)
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
    w.go("next_value", access=Access.WRITE_RESULT, source=Source.ENTRY)

    w.label("row_factor")
    w.op(source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR, local=Local.READ, index=Word.MUL)
    w.take(Register.B_LOW)
    w.load(Register.B_HIGH, Word.MUL + 1)
    w.read(Word.MAIN)
    w.take(Register.SHIFT, target="scale_value")

    # To the bounds of the instruction, which in the wrong order give the upper one.
    w.label("low_value")
    w.load(Register.B_LOW, Word.CLIP_LOW, alu=Alu.CLEAR)
    w.read(Word.CLIP_HIGH, alu=Alu.ADD)
    w.take(Register.B_LOW)
    w.if_negative("clipped_value", Alu.COMPARE)
    w.label("high_value")
    w.op(alu=Alu.CLEAR)
    w.go("clipped_value", alu=Alu.ADD)


def _second(w: Writer) -> None:
    w.label("second")
    w.call("saturate", Condition.OVERFLOW)
    w.go("residual", Condition.RESIDUAL)
    w.op(source=Source.A_LOW, destination=Register.M_LOW)
    w.call("second_factor", source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR)
    w.label("clip_second")
    w.read(Word.CLIP_LOW)
    w.take(Register.B_LOW, target="clip_value")
    w.label("residual")
    w.store_a_pair(Word.VALUE, alu=Alu.CLEAR)
    w.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR)
    w.call("second_factor", source=Source.MEMORY, destination=Register.M_LOW)
    w.load_b_pair(Word.VALUE)
    w.go("clip_second", alu=Alu.ADD)

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
    w.if_not_negative("too_great", Alu.TEST)
    w.small(Register.B_LOW, 0)
    w.constant(Register.B_HIGH, -2, alu=Alu.CLEAR)
    w.back(alu=Alu.ADD)
    w.label("too_great")
    w.constant(Register.B_LOW, -1)
    w.constant(Register.B_HIGH, 1, alu=Alu.CLEAR)
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
    w.copy_pair(Host.ERROR_ADDR, Word.BURST_FIRST)
    w.write_constant(Host.ERROR_CODE, ErrorCode.BUS_WRITE)
    w.go("bus_failed")


def _statistics(w: Writer) -> None:
    w.label("load_statistics")
    w.load(Register.P, Word.ROW_STATS)
    w.read(Word.FRESH)
    w.go("fresh_statistics", Condition.ODD, source=Source.LOCAL)
    for word in range(5):
        w.record(Row.A + word)
        w.write(Word.SUM + word, Source.MEMORY)
    w.back()
    w.label("fresh_statistics")
    w.go("fresh_sums", Condition.MOMENTS)
    w.write_constant(Word.SUM, -1 << 15)
    w.write_constant(Word.SUM + 1, -1)
    w.back()
    w.label("fresh_sums")
    for word in range(5):
        w.write_constant(Word.SUM + word, 0)
    w.back()

    # Sums wrap at 29 bits, signed, and those of squares at 44.
    w.label("store_statistics")
    w.load(Register.P, Word.ROW_STATS)
    w.load_a_pair(Word.SUM)
    for _ in range(_SUM_SPARE):
        w.op(alu=Alu.LEFT)
    w.op(source=Source.A_LOW, destination=Register.B_LOW)
    w.op(source=Source.A_HIGH, destination=Register.B_HIGH, alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.shift(_SUM_SPARE)
    w.op(access=Access.WRITE_RECORD, index=Row.A, source=Source.A_LOW)
    w.op(access=Access.WRITE_RECORD, index=Row.A + 1, source=Source.A_HIGH)
    w.go("store_squares", Condition.MOMENTS)
    w.go("store_squares", Condition.SWEEP)
    w.back()
    w.label("store_squares")
    for word in range(2):
        w.read(Word.SQUARES + word)
        w.op(access=Access.WRITE_RECORD, index=Row.B + word, source=Source.LOCAL)
    w.load_a(Word.SQUARES + 2)
    for _ in range(_SQUARES_SPARE):
        w.op(alu=Alu.LEFT)
    w.op(source=Source.A_LOW, destination=Register.B_LOW)
    w.small(Register.B_HIGH, 0, alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.shift(_SQUARES_SPARE)
    w.back(access=Access.WRITE_RECORD, index=Row.B + 2, source=Source.A_LOW)

    # The value in A.
    w.label("gather")
    w.go("gather_sums", Condition.MOMENTS)
    w.load_b_pair(Word.SUM)
    w.if_negative("not_greater", Alu.COMPARE)
    w.store_a_pair(Word.SUM)
    w.label("not_greater")
    w.back()
    w.label("gather_sums")
    w.write(Word.VALUE, Source.A_LOW)
    w.load_b_pair(Word.SUM)
    w.op(alu=Alu.ADD)
    w.store_a_pair(Word.SUM)
    w.load(Register.M_LOW, Word.VALUE, alu=Alu.CLEAR)
    w.load(Register.B_LOW, Word.VALUE)
    w.whole_product()
    w.load_b_pair(Word.SQUARES)
    w.load(Register.B_TOP, Word.SQUARES + 2)
    w.op(alu=Alu.ADD)
    w.store_a_pair(Word.SQUARES)
    w.write(Word.SQUARES + 2, Source.A_TOP)
    w.back()


def _shared(w: Writer) -> None:
    """What DRAIN and SWEEP have in common."""
    byte_bits = (w.config.rows - 1).bit_length()
    # Of the first tile; destinations are bytes, or words of the vector memory.
    w.label("places")
    w.load_a(Word.SECOND_SHIFT)
    w.call("encode_main")
    w.write(Word.SECOND, Source.A_LOW)
    for word, field in ((Word.TILE_DEST, Word.DEST), (Word.STEP, Word.DEST_STRIDE)):
        w.load_a(field)
        in_vector = w.new_label("in_vector")
        w.go(in_vector, Condition.TO_VECTOR)
        for _ in range(byte_bits):
            w.op(alu=Alu.LEFT)
        w.label(in_vector)
        w.write(word, Source.A_LOW)
    w.copy(Word.TILE_VECTOR, Word.VECTOR)
    w.load_a(Word.PARAM)
    w.call("scale_index", source=Source.INDEX, index=RECORD_WORDS.bit_length() - 1, destination=Register.L)
    w.add(w.map.records)
    w.write(Word.TILE_PARAM, Source.A_LOW)
    w.small(Register.T, 1)
    w.back()
    w.label("scale_index")
    w.go("scale_index", Condition.LOOP, alu=Alu.LEFT)
    w.back()

    # A number of bits as SHIFT takes it, for a shift to the right; and for a product, which is 20 bits to the right.
    w.label("encode_main")
    w.add(-20)
    w.go("encode_pre", Condition.NOT_NEGATIVE)
    w.op(source=Source.A_LOW, destination=Register.B_LOW, alu=Alu.CLEAR_BOTH)
    w.go("encoded", alu=Alu.SUBTRACT)
    w.label("encode_pre")
    w.write(Word.NUMBER, Source.A_LOW)
    w.op(alu=Alu.INCREMENT)
    w.shift(1)
    w.write(Word.NUMBER + 1, Source.A_LOW, destination=Register.B_LOW)
    w.op(alu=Alu.ADD)
    w.load(Register.B_LOW, Word.NUMBER)
    w.small(Register.M_LOW, 0, alu=Alu.SUBTRACT)
    w.call("lefts")
    w.load(Register.B_LOW, Word.NUMBER + 1)
    w.back(alu=Alu.ADD)
    w.label("encoded")
    w.label("lefts")
    for _ in range(5):
        w.op(alu=Alu.LEFT)
    w.back()

    w.label("first_row")
    for row, tile in (
        (Word.ROW_DEST, Word.TILE_DEST),
        (Word.ROW_VECTOR, Word.TILE_VECTOR),
        (Word.ROW_PARAM, Word.TILE_PARAM),
    ):
        w.copy(row, tile)
    w.label("first_stats")
    w.load_a(Word.STATS)
    w.call("scale_index", source=Source.INDEX, index=ROW_WORDS.bit_length() - 1, destination=Register.L)
    w.add(w.map.rows)
    w.write(Word.ROW_STATS, Source.A_LOW)
    w.load_a(Word.M)
    w.add(-1)
    w.write(Word.ROWS_LEFT, Source.A_LOW)
    w.back()

    # Notes whether there is one.
    w.label("next_row")
    w.add_word(Word.ROW_DEST, Word.STEP)
    w.add_word(Word.ROW_VECTOR, Word.VECTOR_STRIDE)
    w.add_to(Word.ROW_STATS, ROW_WORDS)
    w.load_a(Word.ROWS_LEFT)
    w.add(-1)
    w.write(Word.ROWS_LEFT, Source.A_LOW)
    w.back()

    w.label("point")
    w.load(Register.S, Word.ROW_DEST)
    w.load(Register.V, Word.ROW_VECTOR)
    w.load(Register.P, Word.ROW_PARAM)
    w.back()

    w.label("row_scalars")
    w.load(Register.P, Word.ROW_STATS)
    for local, word in (
        (Word.MUL, Row.MUL),
        (Word.MUL + 1, Row.MUL + 1),
        (Word.PRE, Row.PRE),
        (Word.MAIN, Row.MAIN),
        (Word.MEAN, Row.MEAN),
        (Word.MEAN + 1, Row.MEAN + 1),
    ):
        w.record(word)
        w.write(local, Source.MEMORY)
    w.back()
