"""Serial arithmetic on row statistics: LayerNorm's mean and reciprocal root, softmax's reciprocal sum."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.row_unit.fetch import Fetch
from hw.core.post.row_unit.formats import ADDR, STEP_CYCLES
from hw.core.post.row_unit.jobs import Jobs
from hw.core.post.row_unit.mean import Mean
from hw.core.post.row_unit.normalize import Normalize
from hw.core.post.row_unit.reciprocal import Reciprocal
from hw.core.post.row_unit.root import Root
from hw.core.post.row_unit.variance import Variance
from hw.core.post.timed import Timed
from hw.layouts import RowJob, row_scalars, row_stats
from spec.config import AcceleratorConfig

__all__ = ["RowUnit"]


# Beats of a row, by what has been made at their ends.
_FETCHED, _SQUARED, _NORMALIZED, _ROOTED, _DIVIDED = range(5)


class RowUnit(wiring.Component):
    """A unit for ``layernorm_scalars`` and ``reciprocal_scalars`` of :mod:`spec.arithmetic`, from rows of statistics.

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
                "query": In(ADDR),
                "pending": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.jobs = jobs = Jobs()
        m.submodules.fetch = fetch = Fetch()
        m.submodules.variance = variance = Variance()
        m.submodules.mean = mean = Mean()
        m.submodules.normalize = normalize = Normalize()
        m.submodules.root = root = Root()
        m.submodules.reciprocal = reciprocal = Reciprocal()

        # In the last cycle of a beat every stage takes what the one before has made. An idle unit stays in that cycle.
        # A register of its own tells each stage, and the rest, since one would have too far to go.
        stages: tuple[Any, ...] = (fetch, variance, mean, normalize, root, reciprocal)
        cycle = Signal(range(STEP_CYCLES + 1), init=STEP_CYCLES)
        lasts = [Signal(name=f"last_{k}", init=1) for k in range(len(stages) + 1)]
        last = lasts[-1]
        valid = Signal(_DIVIDED + 1)
        begins = jobs.valid | valid[:-1].any()
        for register in lasts:
            m.d.sync += register.eq(Mux(register, ~begins, cycle == STEP_CYCLES - 1))
        with m.If(~last):
            m.d.sync += cycle.eq(cycle + 1)
        with m.Else():
            m.d.sync += valid.eq(Cat(jobs.valid, valid))
            with m.If(begins):
                m.d.sync += cycle.eq(0)

        def later(value: Value, made: int, beside: int) -> Value:
            """Keep what is made in one beat until the end of another."""
            return Timed(value, made).at(m, beside, name="register", enable=last).value

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
            normalize.i_exponent.eq(later(fetch.exponent, _FETCHED, _SQUARED)),
            root.i.eq(normalize.o),
            reciprocal.i.eq(root.o),
            reciprocal.i_length.eq(later(fetch.length, _FETCHED, _ROOTED)),
            reciprocal.i_exponent.eq(later(normalize.o_exponent, _NORMALIZED, _ROOTED)),
            self.scalars_en.eq(last & valid[-1]),
            self.scalars_addr.eq(jobs.write_addr),
            self.scalars_data.mul.eq(reciprocal.mul),
            self.scalars_data.total.eq(reciprocal.total),
            magnitude.eq(later(mean.magnitude, _SQUARED, _NORMALIZED)),
            self.scalars_data.mean.eq(
                later(Mux(later(mean.negative, _SQUARED, _NORMALIZED), -magnitude, magnitude), _NORMALIZED, _DIVIDED)
            ),
            jobs.written.eq(self.scalars_en),
            jobs.query.eq(self.query),
            self.pending.eq(jobs.pending),
        ]
        return m
