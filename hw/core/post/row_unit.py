"""Serial arithmetic on row statistics: LayerNorm's mean and reciprocal root, softmax's reciprocal sum."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.layouts import RowJob, row_scalars, row_stats
from spec.config import AcceleratorConfig

__all__ = ["RowUnit"]

_SLOTS = 4  # jobs; a power of two, so that pointers to them wrap by themselves

_STEPS_PER_CYCLE = 2
_STEPS = 30  # of every stage: the sum has 29 bits, and quotients and roots do not mind leading zeros
_STEP_CYCLES = _STEPS // _STEPS_PER_CYCLE

_ADDR = RowJob["addr"].shape
_LENGTH = RowJob["length"].shape
_SUM = unsigned(row_stats["a"].shape.width)  # magnitude of the least sum included
_SQUARES = row_stats["b"].shape
_MEAN = row_scalars["mean"].shape
_MUL = row_scalars["mul"].shape
_SHIFT = row_scalars["total"].shape

_MEAN_FRACTION = 8
_EXPONENTIALS = unsigned(24)  # a row's sum of exponentials
_VARIANCE = unsigned(58)  # length * b needs 57; normalization shifts by pairs of bits
_RADICAND = unsigned(48)
_ROOT = unsigned(24)
_QUOTIENT_BITS = 18  # of the reciprocal, one more than the multiplier

# The total shift of a row is 38 - k - n + e. It starts with the greatest n and with k = -5; every bit by which the
# length is shifted adds one, every pair of bits by which the variance is shifted takes one, and e comes last. That of a
# reciprocal is 31 - k + e, as its variance is the square of the sum.
_MOMENTS_EXPONENT = 38 + 5 - _LENGTH.width
_RECIPROCAL_EXPONENT = 31 + 5

_row = data.StructLayout({"reciprocal": 1, "addr": _ADDR, "length": _LENGTH})
_slot = data.StructLayout({"reciprocal": 1, "length": _LENGTH, "fetch": _ADDR, "write": _ADDR, "end": _ADDR})
_moments = data.StructLayout(
    {"negative": 1, "sum": _SUM, "factor": _EXPONENTIALS, "squares": _SQUARES, "length": _LENGTH}
)


class RowUnit(wiring.Component):
    """Compute ``layernorm_scalars`` or ``reciprocal_scalars`` of :mod:`spec.arithmetic` for rows of statistics.

    Five stages of 16 cycles work on different rows at the same time: fetch, which also normalizes the length; variance
    beside mean; normalization; square root; division. A sum of exponentials goes the same way, as the variance
    ``sum * sum``.

    Latency: 82 cycles from the transfer of a job to the write of its first row. Throughput: a row in 16 cycles, across
    jobs too. Takes four jobs at a time: the running one and three that wait.

    Parameters
    ----------
    config : AcceleratorConfig
        Uses ``acc_depth``.

    Members
    -------
    i : In(stream.Signature(RowJob))
        Rows ``addr`` to ``addr + m - 1``, which must exist; ``length`` (at least 1) matters to LayerNorm only.
    stats_addr : Out(range(acc_depth)), stats_data : In(row_stats)
        Read port of the statistics, data one cycle after the address.
    scalars_en : Out(1), scalars_addr : Out(range(acc_depth)), scalars_data : Out(row_scalars)
        Write port of the scalars.
    query : In(12), pending : Out(1)
        Combinational: row ``query`` is one of a job that was taken and its scalars were not written before this cycle.
    """

    i: stream.Interface
    stats_addr: Signal
    stats_data: Any
    scalars_en: Signal
    scalars_addr: Signal
    scalars_data: Any
    query: Signal
    pending: Signal

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(RowJob)),
                "stats_addr": Out(range(config.acc_depth)),
                "stats_data": In(row_stats),
                "scalars_en": Out(1),
                "scalars_addr": Out(range(config.acc_depth)),
                "scalars_data": Out(row_scalars),
                "query": In(_ADDR),
                "pending": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.jobs = jobs = _Jobs()
        m.submodules.fetch = fetch = _Fetch()
        m.submodules.variance = variance = _Variance()
        m.submodules.mean = mean = _Mean()
        m.submodules.normalize = normalize = _Normalize()
        m.submodules.root = root = _Root()
        m.submodules.reciprocal = reciprocal = _Reciprocal()

        # In the last cycle of a beat every stage takes what the one before has made. An idle unit stays in that cycle.
        # A register of its own tells each stage, and the rest, since one would have too far to go.
        stages: tuple[Any, ...] = (fetch, variance, mean, normalize, root, reciprocal)
        cycle = Signal(range(_STEP_CYCLES + 1), init=_STEP_CYCLES)
        lasts = [Signal(name=f"last_{k}", init=1) for k in range(len(stages) + 1)]
        last = lasts[-1]
        valid = Signal(5)
        begins = jobs.valid | valid[:-1].any()
        for register in lasts:
            m.d.sync += register.eq(Mux(register, ~begins, cycle == _STEP_CYCLES - 1))
        with m.If(~last):
            m.d.sync += cycle.eq(cycle + 1)
        with m.Else():
            m.d.sync += valid.eq(Cat(jobs.valid, valid))
            with m.If(begins):
                m.d.sync += cycle.eq(0)

        def later(value: Value, beats: int) -> Value:
            for _ in range(beats):
                register = Signal(value.shape(), reset_less=True)
                with m.If(last):
                    m.d.sync += register.eq(value)
                value = register
            return value

        magnitude = Signal(mean.magnitude.shape())
        wiring.connect(m, wiring.flipped(self.i), jobs.i)
        m.d.comb += [stage.load.eq(register) for stage, register in zip(stages, lasts, strict=False)]
        m.d.comb += [
            jobs.next.eq(last),
            fetch.i.eq(jobs.o),
            self.stats_addr.eq(fetch.stats_addr),
            fetch.stats_data.eq(self.stats_data),
            variance.i.eq(fetch.o),
            mean.i.eq(fetch.o),
            normalize.i.eq(variance.o),
            normalize.i_exponent.eq(later(fetch.exponent, 1)),
            root.i.eq(normalize.o),
            reciprocal.i.eq(root.o),
            reciprocal.i_length.eq(later(fetch.length, 3)),
            reciprocal.i_exponent.eq(later(normalize.o_exponent, 1)),
            self.scalars_en.eq(last & valid[-1]),
            self.scalars_addr.eq(jobs.write_addr),
            self.scalars_data.mul.eq(reciprocal.mul),
            self.scalars_data.total.eq(reciprocal.total),
            magnitude.eq(later(mean.magnitude, 1)),
            self.scalars_data.mean.eq(later(Mux(later(mean.negative, 1), -magnitude, magnitude), 2)),
            jobs.written.eq(self.scalars_en),
            jobs.query.eq(self.query),
            self.pending.eq(jobs.pending),
        ]
        return m


class _Jobs(wiring.Component):
    """Jobs in a ring: one end hands out rows to fetch, the other knows which rows are not yet written.

    Members
    -------
    o, valid : Out(_row), Out(1)
        The next row, taken by ``next`` if ``valid``; the one after it is there 2 cycles later.
    write_addr : Out(_ADDR), written : In(1)
        The next row to write; the one after it is there 2 cycles later.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(RowJob)),
                "o": Out(_row),
                "valid": Out(1),
                "next": In(1),
                "write_addr": Out(_ADDR),
                "written": In(1),
                "query": In(_ADDR),
                "pending": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        slots = Signal(data.ArrayLayout(_slot, _SLOTS), reset_less=True)
        live = Signal(_SLOTS)
        put, fetch, write = (Signal(range(2 * _SLOTS), name=name) for name in ("put", "fetch", "write"))
        index = len(put) - 1  # the top bit tells a full ring from an empty one

        # Both ends move once in a beat at most, so what they point at can wait in registers.
        fetching, writing = slots[fetch[:index]], slots[write[:index]]
        fetch_end, write_end = Signal(_ADDR, reset_less=True), Signal(_ADDR, reset_less=True)
        m.d.sync += [
            self.valid.eq(fetch != put),
            self.o.reciprocal.eq(fetching.reciprocal),
            self.o.addr.eq(fetching.fetch),
            self.o.length.eq(fetching.length),
            self.write_addr.eq(writing.write),
            fetch_end.eq(fetching.end),
            write_end.eq(writing.end),
        ]
        m.d.comb += [
            self.i.ready.eq(~live.bit_select(put[:index], 1)),
            self.pending.eq(
                Cat(live[k] & (slots[k].write <= self.query) & (self.query < slots[k].end) for k in range(_SLOTS)).any()
            ),
        ]
        with m.If(self.valid & self.next):
            following = Signal(_ADDR)
            m.d.comb += following.eq(self.o.addr + 1)
            m.d.sync += [fetching.fetch.eq(following), fetch.eq(fetch + (following == fetch_end))]
        with m.If(self.written):
            following = Signal(_ADDR)
            m.d.comb += following.eq(self.write_addr + 1)
            m.d.sync += writing.write.eq(following)
            with m.If(following == write_end):
                m.d.sync += [write.eq(write + 1), live.bit_select(write[:index], 1).eq(0)]
        with m.If(self.i.valid & self.i.ready):
            job, slot = self.i.payload, slots[put[:index]]
            m.d.sync += [
                put.eq(put + 1),
                live.bit_select(put[:index], 1).eq(1),
                slot.reciprocal.eq(job.reciprocal),
                slot.length.eq(job.length),
                slot.fetch.eq(job.addr),
                slot.write.eq(job.addr),
                slot.end.eq(job.addr + job.m),
            ]
        return m


class _Fetch(wiring.Component):
    """Read a row's statistics; shift its length up to full width."""

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(_row),
                "stats_addr": Out(_ADDR),
                "stats_data": In(row_stats),
                "o": Out(_moments),
                "length": Out(_LENGTH),
                "exponent": Out(_SHIFT),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        reciprocal, moments = Signal(), Signal(_moments, reset_less=True)
        one = 1 << (_LENGTH.width - 1)
        with m.If(self.load):
            m.d.sync += [
                reciprocal.eq(self.i.reciprocal),
                self.stats_addr.eq(self.i.addr),
                moments.length.eq(Mux(self.i.reciprocal, 1, self.i.length)),
                self.length.eq(Mux(self.i.reciprocal, one, self.i.length)),
                self.exponent.eq(Mux(self.i.reciprocal, _RECIPROCAL_EXPONENT, _MOMENTS_EXPONENT)),
            ]
        with m.Elif(~self.length[-1]):
            m.d.sync += [self.length.eq(self.length << 1), self.exponent.eq(self.exponent + 1)]

        stats = Signal(row_stats, reset_less=True)
        m.d.sync += stats.eq(self.stats_data)
        total = stats.b[: _EXPONENTIALS.width]
        m.d.comb += self.o.eq(moments)
        with m.If(reciprocal):
            m.d.sync += [moments.sum.eq(0), moments.factor.eq(total), moments.squares.eq(total)]
        with m.Else():
            m.d.sync += [moments.sum.eq(abs(stats.a)), moments.factor.eq(moments.length), moments.squares.eq(stats.b)]
        m.d.sync += moments.negative.eq(stats.a < 0)
        return m


class _Variance(wiring.Component):
    """``max(factor * squares - sum * sum, 1)``, both products from the top bit down in one sum."""

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(_moments),
                "o": Out(_VARIANCE),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        acc = Signal(signed(_VARIANCE.width), reset_less=True)
        factor, sum_bits = Signal(_STEPS, reset_less=True), Signal(_STEPS, reset_less=True)
        squares = Signal(_SQUARES, reset_less=True)
        difference = Signal(signed(_SQUARES.width + 1), reset_less=True)
        negated = Signal(signed(_SUM.width + 1), reset_less=True)
        with m.If(self.load):
            m.d.sync += [
                acc.eq(0),
                factor.eq(self.i.factor),
                sum_bits.eq(self.i.sum),
                squares.eq(self.i.squares),
                negated.eq(-self.i.sum),
                difference.eq(self.i.squares - self.i.sum),
            ]
        with m.Else():
            total: Any = acc
            for step in range(_STEPS_PER_CYCLE):
                bit = _STEPS - 1 - step
                plus, minus = factor[bit], sum_bits[bit]
                addend = Mux(plus, Mux(minus, difference, squares), Mux(minus, negated, 0))
                total = (total << 1) + addend
            m.d.sync += [
                acc.eq(total),
                factor.eq(factor << _STEPS_PER_CYCLE),
                sum_bits.eq(sum_bits << _STEPS_PER_CYCLE),
            ]
        m.d.comb += self.o.eq(Mux(acc > 0, acc, 1))
        return m


class _Mean(wiring.Component):
    """``sum / length`` with 8 fraction bits, rounded, saturated: magnitude and sign."""

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(_moments),
                "magnitude": Out(_MEAN.width - 1),
                "negative": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.divide = divide = _Divide(_LENGTH.width)
        large = Signal()
        greatest = (1 << (_MEAN.width - 1)) - 1
        # The quotient needs one more fraction bit, to round, and saturates when it has more bits than the mean.
        dividend = self.i.sum << (_MEAN_FRACTION + 1)
        m.d.comb += [
            divide.load.eq(self.load),
            divide.dividend.eq(dividend),
            divide.divisor.eq(self.i.length),
        ]
        with m.If(self.load):
            m.d.sync += [self.negative.eq(self.i.negative), large.eq((dividend >> _MEAN.width) >= self.i.length)]
        magnitude = _round_half(divide.quotient, _MEAN.width)
        m.d.comb += self.magnitude.eq(Mux(large | magnitude[-1], greatest, magnitude))
        return m


class _Normalize(wiring.Component):
    """Shift left by pairs of bits until the top pair is not zero; keep the top ``_RADICAND`` bits."""

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(_VARIANCE),
                "i_exponent": In(_SHIFT),
                "o": Out(_RADICAND),
                "o_exponent": Out(_SHIFT),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        value = Signal(_VARIANCE, reset_less=True)
        with m.If(self.load):
            m.d.sync += [value.eq(self.i), self.o_exponent.eq(self.i_exponent)]
        with m.Else():
            shifts = Signal(range(_STEPS_PER_CYCLE + 1))
            for pairs in range(1, _STEPS_PER_CYCLE + 1):
                with m.If(~value[-2 * pairs :].any()):
                    m.d.comb += shifts.eq(pairs)
            m.d.sync += [value.eq(value << (2 * shifts)), self.o_exponent.eq(self.o_exponent - shifts)]
        m.d.comb += self.o.eq(value[-_RADICAND.width :])
        return m


class _Root(wiring.Component):
    """Integer square root, two bits a cycle."""

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(_RADICAND),
                "o": Out(_ROOT),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        radicand, remainder = Signal(2 * _STEPS, reset_less=True), Signal(_ROOT.width + 1, reset_less=True)
        root = Signal(_ROOT, reset_less=True)
        m.d.comb += self.o.eq(root)
        with m.If(self.load):
            m.d.sync += [radicand.eq(self.i), remainder.eq(0), root.eq(0)]
        with m.Else():
            # Both outcomes of a cycle's first step are followed side by side.
            high, low = radicand[-2:], radicand[-4:-2]
            widened = Cat(high, remainder)
            difference = widened - Cat(1, 0, root)
            outcomes = []
            for rest, longer in ((widened, Cat(0, root)), (difference, Cat(1, root))):
                wide = Cat(low, rest[: len(remainder)])
                left = wide - Cat(1, 0, longer)
                outcomes.append((Mux(left[-1], wide, left)[: len(remainder)], Cat(~left[-1], longer)))
            m.d.sync += [
                radicand.eq(radicand << (2 * _STEPS_PER_CYCLE)),
                remainder.eq(Mux(difference[-1], outcomes[0][0], outcomes[1][0])),
                root.eq(Mux(difference[-1], outcomes[0][1], outcomes[1][1])),
            ]
        return m


class _Reciprocal(wiring.Component):
    """``reciprocal(length, root)`` of :mod:`spec.arithmetic`, and the total shift."""

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "i": In(_ROOT),
                "i_length": In(_LENGTH),
                "i_exponent": In(_SHIFT),
                "mul": Out(_MUL),
                "total": Out(_SHIFT),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.divide = divide = _Divide(_ROOT.width)
        num = self.i_length << (_ROOT.width - _LENGTH.width)
        less = Signal()
        m.d.comb += [
            less.eq(num < self.i),
            divide.load.eq(self.load),
            divide.dividend.eq(Mux(less, num << _QUOTIENT_BITS, num << (_QUOTIENT_BITS - 1))),
            divide.divisor.eq(self.i),
        ]
        with m.If(self.load):
            m.d.sync += self.total.eq(self.i_exponent + less)
        rounded = _round_half(divide.quotient, _QUOTIENT_BITS)
        m.d.comb += self.mul.eq(Mux(rounded[-1], (1 << _MUL.width) - 1, rounded))
        return m


class _Divide(wiring.Component):
    """Restoring division, two bits of quotient a cycle: all multiples of the divisor are compared at once.

    The quotient of ``dividend`` (``_STEPS`` bits and as many as the divisor has) is right if it fits ``_STEPS`` bits.
    """

    def __init__(self, divisor_bits: int) -> None:
        super().__init__(
            {
                "load": In(1),
                "dividend": In(_STEPS + divisor_bits),
                "divisor": In(divisor_bits),
                "quotient": Out(_STEPS),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        divisor, remainder = (
            Signal.like(self.divisor, name=name, reset_less=True) for name in ("divisor", "remainder")
        )
        quotient = Signal.like(self.quotient, reset_less=True)
        m.d.comb += self.quotient.eq(quotient)
        triple = Signal(len(divisor) + 2, reset_less=True)
        with m.If(self.load):
            m.d.sync += [
                Cat(quotient, remainder).eq(self.dividend),
                divisor.eq(self.divisor),
                triple.eq(self.divisor + (self.divisor << 1)),
            ]
        with m.Else():
            widened = Cat(quotient[-_STEPS_PER_CYCLE:], remainder)
            rest, digit = widened, Const(0, _STEPS_PER_CYCLE)
            for number, multiple in enumerate((divisor, divisor << 1, triple), start=1):
                difference = widened - multiple
                rest, digit = Mux(difference[-1], rest, difference), Mux(difference[-1], digit, number)
            m.d.sync += [remainder.eq(rest), quotient.eq(Cat(digit, quotient))]
        return m


def _round_half(value: Any, bits: int) -> Any:
    """Halve a number of ``bits`` bits, halves up; the top bit of the result is its overflow."""
    return (value[:bits] + 1)[1:]
