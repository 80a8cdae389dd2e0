"""The arithmetic of DRAIN and SWEEP, `lanes` values side by side."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core.dsp.product import PRODUCT_LATENCY, multiply
from hw.core.post.layouts import Factor, MemoryRead, Operand, Sink, chunk_layout
from hw.core.post.round_shift import RoundShift
from hw.core.post.timed import Timed
from hw.layouts import AccumulatorRead, param_record, row_scalars, row_stats
from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES

__all__ = ["Datapath"]

_TABLE_LATENCY = 2
_MEMORY_LATENCY = 3  # and the register in front of the memories, or the second one behind the accumulators: all are far
_MEAN_FRACTION = 8
_WIDE = 18  # bits of both multipliers' operands
_VALUE = signed(16)
_FACTOR = signed(_WIDE)
_PRODUCT = signed(2 * _WIDE)

# A chunk is in `stage[k]` k cycles after its issue. These are the stages in which the named registers belong to it.
_OPERANDS = _MEMORY_LATENCY
_SUM = _OPERANDS + 1
_FIRST_FACTORS = _SUM + RoundShift.LATENCY
_FIRST_PRODUCT = _FIRST_FACTORS + PRODUCT_LATENCY
_SCALED = _FIRST_PRODUCT + RoundShift.LATENCY
_SECOND_FACTORS = _SCALED + 1
_SECOND_PRODUCT = _SECOND_FACTORS + PRODUCT_LATENCY
_BIASED = _SECOND_PRODUCT + 1
_SCALED_TWICE = _BIASED + RoundShift.LATENCY
_ADDED = _SCALED_TWICE + 1
_CLIPPED = _ADDED + 1
_LOOKED_UP = _CLIPPED + _TABLE_LATENCY
_RESULT = _LOOKED_UP + 1


class Datapath(wiring.Component):
    """A pipeline that takes one chunk through both multipliers and the table.

    ``operand -> round_shift -> * factor -> round_shift -> (or vector) * mul2 + bias -> round_shift -> + residual ->
    clip -> table``; settings in the chunk's recipe make each kind of DRAIN and SWEEP of it. Memories are read when the
    value is due: vector and bias at the beginning for some recipes and at the second multiplier for others, so chunks
    of these must not overlap (the sequencer lets only DRAINs overlap, and these agree).

    Latency: :attr:`LATENCY` cycles. Throughput: one chunk per cycle; never stalls.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    i : In(chunk_layout(config))
    acc_read : Out(AccumulatorRead(config))
    vector : Out(MemoryRead(vector_words, ArrayLayout(signed(16), lanes)))
    bias, mul, mul2 : Out(MemoryRead(param_words, ArrayLayout(signed(...), lanes)))
    stats : Out(MemoryRead(acc_depth, row_stats)), scalars : Out(MemoryRead(acc_depth, row_scalars))
    table_en : Out(1), table : Out(2), index : Out(ArrayLayout(range(2048), lanes))
    entry : In(ArrayLayout(unsigned(8), lanes))
        ``table[index]`` 2 cycles later.
    memory_en : Out(1), memory_last : Out(1), memory_data : Out(ArrayLayout(signed(32), lanes))
        ``acc + bias`` of a DRAIN to memory.
    normalized_chunk : Out(chunk_layout(config)), normalized : Out(ArrayLayout(signed(16), lanes))
        Results of the first multiplier, for LAYERNORM.
    o : Out(chunk_layout(config)), result : Out(ArrayLayout(signed(16), lanes))
        Final results, zero in lanes that are not in the chunk's mask.
    """

    LATENCY = _RESULT

    i: Any
    acc_read: Any
    vector: Any
    bias: Any
    mul: Any
    mul2: Any
    stats: Any
    scalars: Any
    table_en: Signal
    table: Signal
    index: Any
    entry: Any
    memory_en: Signal
    memory_last: Signal
    memory_data: Any
    normalized_chunk: Any
    normalized: Any
    o: Any
    result: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        lanes = config.lanes
        chunk, values = chunk_layout(config), data.ArrayLayout(_VALUE, lanes)
        super().__init__(
            {
                "i": In(chunk),
                "acc_read": Out(AccumulatorRead(config)),
                "vector": Out(MemoryRead(config.vector_words, values)),
                **{
                    name: Out(MemoryRead(config.param_words, data.ArrayLayout(param_record[name].shape, lanes)))
                    for name in ("bias", "mul", "mul2")
                },
                "stats": Out(MemoryRead(config.acc_depth, row_stats)),
                "scalars": Out(MemoryRead(config.acc_depth, row_scalars)),
                "table_en": Out(1),
                "table": Out(2),
                "index": Out(data.ArrayLayout(range(TABLE_ENTRIES), lanes)),
                "entry": In(data.ArrayLayout(unsigned(8), lanes)),
                "memory_en": Out(1),
                "memory_last": Out(1),
                "memory_data": Out(data.ArrayLayout(signed(32), lanes)),
                "normalized_chunk": Out(chunk),
                "normalized": Out(values),
                "o": Out(chunk),
                "result": Out(values),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        stage = self._stages(m)
        self._reads(m, stage)
        row_factor = _later(m, self.scalars.data.mul, _OPERANDS, _FIRST_FACTORS - 1)
        shifts = self._shifts(m, stage[_OPERANDS].recipe)
        for lane in range(self._config.lanes):
            self._lane(m, platform, stage, lane, row_factor, shifts)

        m.d.comb += [
            self.memory_en.eq(stage[_SUM].valid & (stage[_SUM].recipe.sink == Sink.MEMORY)),
            self.memory_last.eq(stage[_SUM].last),
            self.normalized_chunk.eq(stage[_SCALED]),
            self.table_en.eq(stage[_CLIPPED].valid & stage[_CLIPPED].recipe.table_enable),
            self.table.eq(stage[_CLIPPED].recipe.table),
            self.o.eq(stage[_RESULT]),
        ]
        return m

    def _stages(self, m: Module) -> list[Any]:
        """The chunk in all stages."""
        stage: list[Any] = [self.i]
        for k in range(_RESULT):
            stage.append(Signal(self.i.shape(), name=f"stage_{k + 1}", reset_less=True))
            m.d.sync += stage[k + 1].eq(stage[k])
        return stage

    def _shifts(self, m: Module, recipe: Any) -> tuple[Any, Any]:
        """Return the shifts before and after the first multiplier: the recipe's, or those of the row's scalars."""
        total, of_row = self.scalars.data.total, recipe.factor == Factor.ROW
        large = total > _WIDE
        before = Mux(of_row, Mux(large, total - _WIDE, 0), recipe.pre_shift)
        after = Mux(of_row, Mux(large, _WIDE, total), recipe.shift)
        return _later(m, before, _OPERANDS, _SUM), _later(m, after, _OPERANDS, _FIRST_PRODUCT)

    def _reads(self, m: Module, stage: list[Any]) -> None:
        first, second = stage[0], stage[_SECOND_FACTORS - 1 - _MEMORY_LATENCY]
        from_vector = ~first.recipe.vector & (first.recipe.operand != Operand.ACCUMULATOR)
        vector_late = second.valid & second.recipe.vector
        m.d.comb += [
            self.acc_read.en.eq(first.valid & (first.recipe.operand == Operand.ACCUMULATOR)),
            self.acc_read.bank.eq(first.bank),
            self.acc_read.row.eq(first.row),
            self.acc_read.chunk.eq(first.column),
        ]
        m.d.sync += [
            # Chunks of padding only lie beyond the row, perhaps beyond the memory.
            self.vector.en.eq(vector_late | (first.valid & from_vector & first.mask.any())),
            self.vector.addr.eq(Mux(vector_late, second.vector_addr, first.vector_addr)),
            self.stats.en.eq(first.valid & (first.recipe.operand == Operand.BELOW_MAXIMUM)),
            self.stats.addr.eq(first.stats_addr),
            self.scalars.en.eq(first.valid & (first.recipe.factor == Factor.ROW)),
            self.scalars.addr.eq(first.stats_addr),
        ]

        biased = stage[_SECOND_PRODUCT - _MEMORY_LATENCY]
        bias_late = biased.valid & biased.recipe.biased
        multiplied = stage[_FIRST_FACTORS - 1 - _MEMORY_LATENCY]
        m.d.sync += [
            self.bias.en.eq(bias_late | (first.valid & (first.recipe.operand == Operand.ACCUMULATOR))),
            self.bias.addr.eq(Mux(bias_late, biased.param_addr, first.param_addr)),
            self.mul.en.eq(multiplied.valid & (multiplied.recipe.factor == Factor.RECORD)),
            self.mul.addr.eq(multiplied.param_addr),
            self.mul2.en.eq(second.valid & second.recipe.scaled),
            self.mul2.addr.eq(second.param_addr),
        ]

    def _lane(
        self, m: Module, platform: Any, stage: list[Any], lane: int, row_factor: Any, shifts: tuple[Any, Any]
    ) -> None:
        m.submodules[f"first_shift_{lane}"] = first_shift = RoundShift(33, 6)
        m.submodules[f"second_shift_{lane}"] = second_shift = RoundShift(_PRODUCT.width, 5)
        m.submodules[f"third_shift_{lane}"] = third_shift = RoundShift(_PRODUCT.width + 1, 5)

        # The first operand, without the bits that the multiplier has no room for.
        total = Signal(signed(33), name=f"total_{lane}", reset_less=True)
        vector = self.vector.data[lane]
        with m.Switch(stage[_OPERANDS].recipe.operand):
            with m.Case(Operand.ACCUMULATOR):
                m.d.sync += total.eq(self.acc_read.data[lane] + self.bias.data[lane])
            with m.Case(Operand.CENTRED):
                m.d.sync += total.eq((vector << _MEAN_FRACTION) - self.scalars.data.mean)
            with m.Default():
                m.d.sync += total.eq(vector - self.stats.data.a)
        m.d.comb += [
            self.memory_data[lane].eq(total),
            first_shift.i.eq(total),
            first_shift.shift.eq(shifts[0]),
        ]

        factor = Signal(_FACTOR, name=f"factor_{lane}", reset_less=True)
        with m.Switch(stage[_FIRST_FACTORS - 1].recipe.factor):
            with m.Case(Factor.RECORD):
                m.d.sync += factor.eq(self.mul.data[lane])
            with m.Case(Factor.ROW):
                m.d.sync += factor.eq(row_factor)
            with m.Default():
                m.d.sync += factor.eq(-1)
        m.d.comb += [
            second_shift.i.eq(multiply(m, platform, f"first_{lane}", first_shift.o, factor)),
            second_shift.shift.eq(shifts[1]),
            second_shift.narrow.eq(stage[_FIRST_PRODUCT].recipe.normalized),
            self.normalized[lane].eq(second_shift.o),
        ]

        choice = stage[_SECOND_FACTORS - 1].recipe
        operand2, factor2 = (
            Signal(_FACTOR, name=f"{name}_{lane}", reset_less=True) for name in ("operand2", "factor2")
        )
        from_memory = Mux(choice.broadcast, self.vector.data[choice.source_lane], vector)
        m.d.sync += [
            operand2.eq(Mux(choice.vector, from_memory, second_shift.o)),
            factor2.eq(Mux(choice.scaled, self.mul2.data[lane], 1)),
        ]
        biased = Signal.like(third_shift.i, name=f"biased_{lane}", reset_less=True)
        product2 = multiply(m, platform, f"second_{lane}", operand2, factor2)
        m.d.sync += biased.eq(product2 + Mux(stage[_SECOND_PRODUCT].recipe.biased, self.bias.data[lane], 0))
        m.d.comb += [third_shift.i.eq(biased), third_shift.shift.eq(stage[_BIASED].recipe.second_shift)]

        added = Signal(signed(_WIDE + 1), name=f"added_{lane}", reset_less=True)
        clipped = Signal(_VALUE, name=f"clipped_{lane}", reset_less=True)
        residual = stage[_SCALED_TWICE].recipe.residual
        scaled = _later(m, second_shift.o, _SCALED, _SCALED_TWICE)
        low, high = stage[_ADDED].recipe.clip_low, stage[_ADDED].recipe.clip_high
        m.d.sync += [
            added.eq(third_shift.o + Mux(residual, scaled, 0)),
            clipped.eq(Mux(added < low, low, Mux(added > high, high, added))),
        ]

        looked_up = stage[_LOOKED_UP]
        plain = _later(m, clipped, _CLIPPED, _LOOKED_UP)
        m.d.comb += self.index[lane].eq(clipped)
        # GATHER's mask counts from its byte, which may be in any lane.
        keep = looked_up.mask[lane] | looked_up.recipe.broadcast
        result = Signal(_VALUE, name=f"result_{lane}", reset_less=True)
        m.d.sync += result.eq(Mux(keep, Mux(looked_up.recipe.table_enable, self.entry[lane], plain), 0))
        m.d.comb += self.result[lane].eq(result)


def _later(m: Module, value: Any, stage: int, later: int) -> Any:
    """Return what belongs to the chunk in one stage when the chunk is in a later one."""
    return Timed(value, stage).at(m, later, name="delayed").value
