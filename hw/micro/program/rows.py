"""What rows are multiplied by: the reciprocal of a sum of exponentials, or of a standard deviation."""

from hw.micro.arithmetic import FACTOR_DIGITS
from hw.micro.microcode import Access, Action, Alu, Condition, Register, Source
from hw.micro.program.words import Row, Word, bit_word
from hw.micro.program.writer import Writer, left_shift, right_shift
from spec.isa import SweepKind

__all__ = ["write_rows"]

_FACTOR_BITS = 18
_M_BITS = 24
_MEAN_BITS = 24
_MEAN_FRACTION = 8
_MEAN_WORDS = Row.PRE_MEAN - Row.MEAN
_SUM_SPARE = 3  # bits of a pair of words
_SQUARES_SPARE = 4  # of three


def write_rows(w: Writer) -> None:
    """Write the microprogram that makes the scalars of rows."""
    w.label("row_job")
    w.call("first_stats")
    w.label("job_row")
    w.load(Register.P, Word.ROW_STATS)
    w.unless("of_moments", Condition.SWEEP)
    w.read(bit_word(SweepKind.SOFTMAX, SweepKind.GATHER))
    w.unless("of_moments", Condition.ODD, source=Source.LOCAL)
    _sum_of_exponentials(w)
    w.label("of_moments")
    _magnitude(w)
    _mean(w)
    _variance(w)
    _root(w)
    _reciprocal(w)
    w.call("next_row")
    w.unless("job_row", Condition.NEGATIVE)
    w.go("done")
    _divide(w)


def _at_least_one(w: Writer) -> None:
    name = w.new_label("positive")
    w.small(Register.B_LOW, 1)
    w.if_not_less(name)
    w.op(alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.label(name)


def _normalize(w: Writer, step: Action) -> None:
    """Shift A left until it is at least 2**23."""
    name = w.new_label("normalize")
    w.power_to_b(23)
    w.label(name)
    w.if_not_less(f"{name}_done")
    w.go(name, alu=Alu.LEFT, action=step)
    w.label(f"{name}_done")


def _row_pair(w: Writer, word: int) -> None:
    """The signed pair of the row goes to A; M becomes zero."""
    w.record(word, alu=Alu.CLEAR_BOTH)
    w.record(word + 1, source=Source.MEMORY, alu=Alu.ADD_WORD)
    w.op(source=Source.MEMORY, alu=Alu.ADD_HIGH)


def _sum_of_exponentials(w: Writer) -> None:
    """The divisor to ROOT, the dividend 2**23 to MUL, the shift to K; the mean is zero."""
    for word in range(_MEAN_WORDS):
        w.op(access=Access.WRITE_RECORD, index=Row.MEAN + word, source=Source.ZERO)
    _row_pair(w, Row.B)
    _at_least_one(w)
    w.small(Register.K, 31)
    _normalize(w, Action.COUNT_DOWN)
    w.store_a_pair(Word.ROOT)
    w.op(alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.store_a_pair(Word.MUL)
    w.go("reciprocal")


def _magnitude(w: Writer) -> None:
    """``abs(a)`` to A and VALUE, its negative to SUM, the sign to NEGATIVE."""
    _row_pair(w, Row.A)
    # It wraps at 29 bits, signed.
    w.shift(left_shift(_SUM_SPARE))
    w.op(source=Source.A_LOW, destination=Register.B_LOW)
    w.op(source=Source.A_HIGH, destination=Register.B_HIGH, alu=Alu.CLEAR)
    w.constant(Register.SHIFT, right_shift(_SUM_SPARE))
    w.op(alu=Alu.ADD)
    w.op(alu=Alu.SHIFT)
    w.write_zero(Word.NEGATIVE)
    w.unless("positive_sum", Condition.NEGATIVE)
    w.write_constant(Word.NEGATIVE, 1)
    w.call("negate")
    w.label("positive_sum")
    w.store_a_pair(Word.VALUE)
    w.call("negate")
    w.store_a_pair(Word.SUM)


def _mean(w: Writer) -> None:
    """``a / length`` with 8 fraction bits, rounded, at most 24 bits; then the other sign."""
    w.load_a_pair(Word.VALUE)
    w.small(Register.B_LOW, 0)
    w.load(Register.B_HIGH, Word.ROW_LENGTH)
    w.if_not_less("large_mean")
    w.small(Register.L, _MEAN_BITS)
    w.call("divide")
    w.unless("mean_rounded", Condition.NOT_LESS)
    w.add(1)
    w.label("mean_rounded")
    w.power_to_b(_MEAN_BITS)
    w.if_less("mean_fits")
    w.label("large_mean")
    w.power_to_b(_MEAN_BITS)
    w.op(alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.add(-1)
    w.label("mean_fits")
    w.read(Word.NEGATIVE)
    w.op(target="negate", condition=Condition.ODD, negate=True, call=True, source=Source.LOCAL)
    w.op(access=Access.WRITE_RECORD, index=Row.MEAN, source=Source.A_LOW)
    w.shift(right_shift(_MEAN_FRACTION))
    w.op(access=Access.WRITE_RECORD, index=Row.MEAN + 1, source=Source.A_LOW)
    w.op(access=Access.WRITE_RECORD, index=Row.MEAN + 2, source=Source.A_HIGH)


def _variance(w: Writer) -> None:
    """``max(length * b - a * a, 1)`` to A, the length and its exponent to MUL and K."""
    # Sums of squares wrap at 44 bits.
    w.load_a_record(Row.B + 2)
    w.shift(left_shift(_SQUARES_SPARE))
    w.op(source=Source.A_LOW, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.op(source=Source.ZERO, destination=Register.B_HIGH)
    w.constant(Register.SHIFT, right_shift(_SQUARES_SPARE))
    w.op(alu=Alu.ADD)
    w.op(alu=Alu.SHIFT)
    w.op(access=Access.WRITE_RECORD, index=Row.B + 2, source=Source.A_LOW)
    w.load_a(Word.ROW_LENGTH)
    w.small(Register.K, 14)
    _normalize(w, Action.COUNT_UP)
    w.store_a_pair(Word.MUL)

    w.load_b_pair(Word.SUM, alu=Alu.CLEAR)
    w.load(Register.M_LOW, Word.VALUE + 1)
    w.whole_product()
    w.shift(left_shift(16))
    w.load(Register.M_LOW, Word.VALUE)
    w.small(Register.M_HIGH, 0)
    w.whole_product()
    w.load(Register.M_LOW, Word.ROW_LENGTH)
    w.record(Row.B)
    w.record(Row.B + 1, source=Source.MEMORY, destination=Register.B_LOW)
    w.record(Row.B + 2, source=Source.MEMORY, destination=Register.B_HIGH)
    w.memory(Register.B_TOP)
    w.whole_product()
    _at_least_one(w)


def _root(w: Writer) -> None:
    """The root of the variance in A to ROOT, shifted by pairs of bits, which K counts, to 24 bits."""
    w.small(Register.B_LOW, 0)
    w.constant(Register.B_TOP, 1 << 14)  # 2**46
    w.op(action=Action.B_LEFT)
    w.op(action=Action.B_LEFT)
    w.label("variance_down")
    w.if_less("variance_up")
    w.shift(right_shift(2))
    w.go("variance_down", action=Action.COUNT_UP)
    w.label("variance_up")
    w.small(Register.B_LOW, 0)
    w.constant(Register.B_TOP, 1 << 14)
    w.label("variance_next")
    w.if_not_less("radicand")
    w.op(alu=Alu.LEFT, action=Action.COUNT_DOWN)
    w.go("variance_next", alu=Alu.LEFT)
    w.label("radicand")
    # Its halves to NUMBER and ROOT.
    w.shift(right_shift(_M_BITS))
    w.store_a_pair(Word.NUMBER)
    w.call("factor_to_a")
    w.store_a_pair(Word.ROOT)
    w.small(Register.B_LOW, 0, alu=Alu.CLEAR)
    for half in (Word.NUMBER, Word.ROOT):
        w.load(Register.M_LOW, half)
        w.load(Register.M_TOP, half + 1)
        w.small(Register.L, _M_BITS // 2)
        w.label(f"root_{half.name}")
        w.op(alu=Alu.LEFT)
        w.op(alu=Alu.LEFT)
        w.op(alu=Alu.COMPARE_ROOT)
        w.go(f"root_{half.name}", Condition.LOOP, alu=Alu.ROOT)
    w.op(alu=Alu.CLEAR_BOTH)
    w.op(alu=Alu.ADD)
    w.shift(right_shift(1))
    w.store_a_pair(Word.ROOT)


def _reciprocal(w: Writer) -> None:
    """MUL / ROOT with 17 bits, rounded, and the shifts that it takes."""
    bits = 18
    w.label("reciprocal")
    w.load_a_pair(Word.MUL)
    w.load_b_pair(Word.ROOT)
    w.if_not_less("quotient")
    w.op(alu=Alu.LEFT, action=Action.COUNT_UP)
    w.label("quotient")
    w.small(Register.L, bits, action=Action.B_LEFT)  # the quotient is one half, or more
    w.call("divide")
    w.add(1)
    w.shift(right_shift(1))
    w.power_to_b(bits - 1)
    w.if_less("multiplier_fits")
    w.add(-1)
    w.label("multiplier_fits")
    w.op(access=Access.WRITE_RECORD, index=Row.MUL, source=Source.A_LOW)
    w.op(access=Access.WRITE_RECORD, index=Row.MUL + 1, source=Source.A_HIGH)

    # All but 18 bits are shifted first.
    w.op(source=Source.COUNT, destination=Register.B_LOW, alu=Alu.CLEAR_BOTH)
    w.op(alu=Alu.ADD)
    w.add(-_FACTOR_BITS)
    w.unless("large_shift", Condition.NEGATIVE)
    w.call("write_pre", alu=Alu.CLEAR)
    w.op(source=Source.COUNT, destination=Register.B_LOW, alu=Alu.CLEAR_BOTH)
    w.go("main_shift", alu=Alu.ADD)
    w.label("large_shift")
    w.call("write_pre")
    w.op(alu=Alu.CLEAR_BOTH)
    w.add(_FACTOR_BITS)
    w.label("main_shift")
    w.call("encode_main")
    w.op(access=Access.WRITE_RECORD, index=Row.MAIN, source=Source.A_LOW)


def _divide(w: Writer) -> None:
    """The first L bits of A / B, which is less than 1, to A; notes the next one."""
    w.label("divide")
    w.small(Register.M_LOW, 0)
    w.op(alu=Alu.LEFT)
    w.label("divide_bit")
    w.op(alu=Alu.COMPARE)
    w.op(alu=Alu.SUBTRACT_NOTED)
    w.go("divide_bit", Condition.LOOP, alu=Alu.LEFT_NOTED)
    w.op(alu=Alu.COMPARE)
    w.label("factor_to_a")
    w.shift(left_shift(_M_BITS), alu=Alu.CLEAR)
    w.back()

    w.label("negate")
    w.op(source=Source.A_LOW, destination=Register.B_LOW)
    w.op(source=Source.A_HIGH, destination=Register.B_HIGH, alu=Alu.CLEAR)
    w.back(alu=Alu.SUBTRACT)

    w.label("write_pre")
    w.write(Word.VALUE, Source.A_LOW)
    w.call("encode_pre")
    w.op(access=Access.WRITE_RECORD, index=Row.PRE, source=Source.A_LOW)
    w.load_a(Word.VALUE)
    w.add(2 * FACTOR_DIGITS - _MEAN_FRACTION)
    w.call("encode_main")
    w.op(access=Access.WRITE_RECORD, index=Row.PRE_MEAN, source=Source.A_LOW)
    w.back()
