"""SWEEP: rows of the vector memory, one value after the other."""

from hw.micro.microcode import Access, Action, Alu, Condition, Local, Mode, Register, Source
from hw.micro.program.words import Record, Row, Word, bit_word
from hw.micro.program.writer import Writer, left_shift
from spec.codes import INDEX, INT16
from spec.isa import SweepKind

__all__ = ["write_sweep"]


def write_sweep(w: Writer) -> None:
    """Write the microprogram of SWEEP."""
    _begin(w)
    _moments(w)
    _softmax(w)
    _layernorm(w)
    _gather(w)


def _begin(w: Writer) -> None:
    """Only the table's number goes with the mode."""
    softmax_or_gather = bit_word(SweepKind.SOFTMAX, SweepKind.GATHER)
    layernorm_or_gather = bit_word(SweepKind.LAYERNORM, SweepKind.GATHER)
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
    w.if_odd("layernorm_or_gather", layernorm_or_gather)
    w.call("fresh_sums")
    w.call("point")
    w.load(Register.K, Word.N)
    w.if_odd("softmax", softmax_or_gather)
    w.go("sweep_moments")
    w.label("layernorm_or_gather")
    w.if_odd("gather_column", softmax_or_gather)
    w.go("layernorm")

    w.label("sweep_row_ends")
    w.call("next_row")
    w.unless("sweep_row", Condition.NEGATIVE)
    w.if_even("row_job", layernorm_or_gather)
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
    w.constant(Register.B_LOW, INDEX, alu=Alu.SUBTRACT)
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
    # The value less the mean, of which 8 bits stand in M.
    w.label("normalize")
    w.read(Word.MEAN, access=Access.READ_VECTOR, alu=Alu.CLEAR_BOTH)
    w.take(Register.M_TOP, local=Local.READ, index=Word.MEAN + 1)
    w.take(Register.NONE, alu=Alu.ADD_WORD, local=Local.READ, index=Word.MEAN + 2)
    w.take(Register.NONE, alu=Alu.ADD_HIGH)
    w.op(source=Source.MEMORY, alu=Alu.ADD_SIGNED, local=Local.READ, index=Word.PRE_MEAN)
    w.take(Register.SHIFT)
    w.read(Word.MUL, alu=Alu.ROUND_SHIFT)
    w.take(Register.B_LOW, alu=Alu.FACTOR, local=Local.READ, index=Word.MUL + 1)
    w.take(Register.B_HIGH, local=Local.READ, index=Word.MAIN)
    w.take(Register.SHIFT)
    w.op(alu=Alu.SCALE)
    w.go("beyond_int16", Condition.LONG)
    w.label("normalized")
    w.op(access=Access.WRITE_VECTOR, source=Source.A_LOW, destination=Register.M_LOW, action=Action.NEXT_VECTOR)
    _scale_row(w)
    w.op(access=Access.STORE_BYTE, source=Source.A_LOW)
    w.unless("normalize", Condition.LAST, action=Action.NEXT_VALUE)
    w.go("sweep_row_ends")
    w.label("beyond_int16")
    w.go("below_int16", Condition.NEGATIVE)
    w.constant(Register.B_LOW, INT16, alu=Alu.CLEAR)
    w.go("normalized", alu=Alu.ADD)
    w.label("below_int16")
    w.constant(Register.B_LOW, -INT16 - 1, alu=Alu.CLEAR)
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
    _scale_row(w)
    w.go("sweep_row_ends", access=Access.STORE_BYTE, source=Source.A_LOW)


def _scale_row(w: Writer) -> None:
    """The value in M, scaled by the record at P, to A."""
    low, high, done = map(w.new_label, ("low_row", "high_row", "clipped_row"))
    w.record(Record.BIAS, alu=Alu.CLEAR)
    w.record(Record.BIAS + 1, source=Source.MEMORY, destination=Register.B_LOW)
    w.record(Record.MUL2, source=Source.MEMORY, destination=Register.B_HIGH)
    w.record(Record.MUL2 + 1, source=Source.MEMORY, destination=Register.B_LOW, alu=Alu.ADD)
    w.memory(Register.B_HIGH, local=Local.READ, index=Word.SECOND)
    w.take(Register.SHIFT)
    w.read(Word.CLIP_LOW, alu=Alu.SCALE)
    w.take(Register.B_LOW)
    w.op(alu=Alu.COMPARE, local=Local.READ, index=Word.CLIP_HIGH)
    w.unless(low, Condition.NOT_LESS, source=Source.LOCAL, destination=Register.B_LOW)
    w.if_less(done)
    w.go(high)
    w.label(low)
    w.load(Register.B_LOW, Word.CLIP_LOW, alu=Alu.CLEAR)
    w.read(Word.CLIP_HIGH, alu=Alu.ADD)
    w.take(Register.B_LOW)
    w.if_less(done)
    w.label(high)
    w.op(alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.label(done)
