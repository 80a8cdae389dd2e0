"""SWEEP: rows of the vector memory, one value after the other."""

from hw.isa import TABLE_ENTRIES
from hw.serial.microcode import VALUE_BITS, Access, Action, Alu, Condition, Local, Mode, Register, Source
from hw.serial.program.words import Record, Row, Word
from hw.serial.program.writer import Writer, left_shift, right_shift

__all__ = ["write_sweep"]

_MEAN_FRACTION = 8


def write_sweep(w: Writer) -> None:
    """Write it."""
    _begin(w)
    _moments(w)
    _softmax(w)
    _layernorm(w)
    _gather(w)
    _scale_row(w)


def _begin(w: Writer) -> None:
    """Kinds: MOMENTS 0, SOFTMAX 1, LAYERNORM 2, GATHER 3. Only the table's number goes with the mode."""
    w.label("execute_sweep")
    w.load_a(Word.TABLE + 1)
    w.read(Word.TABLE, alu=Alu.LEFT)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.shift(left_shift(Mode.TABLE_LOW))
    w.add(1 << Mode.SWEEP)
    w.op(source=Source.A_LOW, destination=Register.MODE)
    w.call("places")
    w.call("first_row")
    w.label("sweep_row")
    w.if_odd("layernorm_or_gather", Word.KIND + 1)
    w.call("fresh_sums")
    w.call("point")
    w.load(Register.K, Word.N)
    w.if_odd("softmax", Word.KIND)
    w.go("sweep_moments")
    w.label("layernorm_or_gather")
    w.if_odd("gather_column", Word.KIND)
    w.go("layernorm")

    w.label("sweep_row_ends")
    w.call("next_row")
    w.unless("sweep_row", Condition.NEGATIVE)
    w.if_even("row_job", Word.KIND + 1)
    w.go("done")


def _moments(w: Writer) -> None:
    w.label("sweep_moments")
    w.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR, alu=Alu.CLEAR)
    w.op(source=Source.MEMORY, alu=Alu.ADD_SIGNED)
    w.call("gather_sums")
    w.unless("sweep_moments", Condition.LAST, action=Action.COUNT_DOWN)
    w.call("store_statistics")
    w.go("sweep_row_ends")


def _softmax(w: Writer) -> None:
    w.label("softmax")
    w.load(Register.P, Word.ROW_STATS)
    w.record(Row.A)
    w.write(Word.NUMBER, Source.MEMORY)
    w.record(Row.A + 1)
    w.write(Word.NUMBER + 1, Source.MEMORY)
    w.label("exponential")
    w.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR)
    w.memory(Register.B_LOW)
    w.load_a_pair(Word.NUMBER)
    w.constant(Register.B_LOW, TABLE_ENTRIES - 1, alu=Alu.SUBTRACT)
    w.go("below_table", Condition.NEGATIVE)
    w.lesser("in_table")
    w.op(access=Access.READ_ENTRY)
    w.op(access=Access.STORE_BYTE, source=Source.ENTRY, destination=Register.B_LOW)
    # The sum of exponentials.
    w.read(Word.SQUARES, alu=Alu.CLEAR)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD, local=Local.READ, index=Word.SQUARES + 1)
    w.op(source=Source.LOCAL, alu=Alu.ADD_HIGH)
    w.op(alu=Alu.ADD)
    w.write(Word.SQUARES, Source.A_LOW)
    w.write(Word.SQUARES + 1, Source.A_HIGH)
    w.unless("exponential", Condition.LAST, action=Action.COUNT_DOWN)
    w.label("pad")
    w.go("padded", Condition.ALIGNED)
    w.go("pad", access=Access.STORE_BYTE, source=Source.ZERO)
    w.label("padded")
    for word in range(3):
        w.read(Word.SQUARES + word)
        w.op(access=Access.WRITE_RECORD, index=Row.B + word, source=Source.LOCAL)
    w.go("sweep_row_ends")
    w.label("below_table")
    w.go("in_table", alu=Alu.CLEAR)


def _layernorm(w: Writer) -> None:
    w.label("layernorm")
    w.call("row_scalars")
    w.call("point")
    w.load(Register.K, Word.N)
    w.label("normalize")
    w.op(source=Source.ZERO, destination=Register.B_LOW, access=Access.READ_VECTOR, alu=Alu.CLEAR_BOTH)
    w.memory(Register.B_HIGH)
    w.constant(Register.SHIFT, right_shift(VALUE_BITS - _MEAN_FRACTION), alu=Alu.ADD)
    w.op(alu=Alu.SHIFT, local=Local.READ, index=Word.MEAN)
    w.take(Register.B_LOW)
    w.load(Register.B_HIGH, Word.MEAN + 1)
    w.read(Word.PRE, alu=Alu.SUBTRACT)
    w.take(Register.SHIFT)
    w.op(alu=Alu.ROUND_SHIFT)
    w.call("saturate", Condition.OVERFLOW)
    w.op(source=Source.A_LOW, destination=Register.M_LOW)
    w.op(source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR, local=Local.READ, index=Word.MUL)
    w.take(Register.B_LOW)
    w.load(Register.B_HIGH, Word.MUL + 1)
    w.load(Register.SHIFT, Word.MAIN)
    w.op(alu=Alu.SCALE)
    w.constant(Register.B_LOW, (1 << 15) - 1)
    w.if_not_less("above_int16")
    w.constant(Register.B_LOW, -1 << 15)
    w.if_less("above_int16")
    w.label("normalized")
    w.op(access=Access.WRITE_VECTOR, source=Source.A_LOW, destination=Register.M_LOW, action=Action.NEXT_VECTOR)
    w.call("scale_row")
    w.unless("normalize", Condition.LAST, action=Action.NEXT_VALUE)
    w.go("sweep_row_ends")
    # Above or below: the bound is in B.
    w.label("above_int16")
    w.op(alu=Alu.CLEAR)
    w.go("normalized", alu=Alu.ADD)


def _gather(w: Writer) -> None:
    """One byte of each row."""
    w.label("gather_column")
    w.call("point")
    w.load_a(Word.ROW_DEST)
    w.read(Word.BYTE)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.op(source=Source.A_LOW, destination=Register.S, access=Access.READ_VECTOR)
    w.memory(Register.M_LOW)
    w.call("scale_row")
    w.go("sweep_row_ends")


def _scale_row(w: Writer) -> None:
    """The value in M, scaled by the record at P, to the scratchpad."""
    w.label("scale_row")
    w.record(Record.BIAS, alu=Alu.CLEAR)
    w.record(Record.BIAS + 1, source=Source.MEMORY, destination=Register.B_LOW)
    w.record(Record.MUL2, source=Source.MEMORY, destination=Register.B_HIGH)
    w.record(Record.MUL2 + 1, source=Source.MEMORY, destination=Register.B_LOW, alu=Alu.ADD)
    w.memory(Register.B_HIGH, local=Local.READ, index=Word.SECOND)
    w.take(Register.SHIFT)
    w.op(alu=Alu.SCALE, local=Local.READ, index=Word.CLIP_LOW)
    w.take(Register.B_LOW)
    w.op(alu=Alu.COMPARE, local=Local.READ, index=Word.CLIP_HIGH)
    w.unless("low_row", Condition.NOT_LESS, source=Source.LOCAL, destination=Register.B_LOW)
    w.if_not_less("high_row")
    w.label("clipped_row")
    w.back(access=Access.STORE_BYTE, source=Source.A_LOW)
    w.label("low_row")
    w.load(Register.B_LOW, Word.CLIP_LOW, alu=Alu.CLEAR)
    w.read(Word.CLIP_HIGH, alu=Alu.ADD)
    w.take(Register.B_LOW)
    w.if_less("clipped_row")
    w.label("high_row")
    w.op(alu=Alu.CLEAR)
    w.go("clipped_row", alu=Alu.ADD)
