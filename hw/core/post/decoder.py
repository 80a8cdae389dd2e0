"""From instructions to commands: DRAIN and every kind of SWEEP as settings of one datapath."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.stream_register import StreamRegister
from hw.core.post.layouts import Factor, Operand, Sink, command
from hw.layouts import INSTRUCTION, instruction_layout
from spec.codes import INDEX, INT16
from spec.isa import Destination, Drain, Opcode, ParamMode, SecondStage, Stats, Sweep, SweepKind

__all__ = ["Decoder"]


class Decoder(wiring.Component):
    """A decoder of one instruction into a register.

    Latency: 1 cycle. Throughput: one instruction in two cycles.

    Members
    -------
    i : In(stream.Signature(INSTRUCTION))
        DRAIN and SWEEP.
    o : Out(stream.Signature(command))
        The same, decoded.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(INSTRUCTION)), "o": Out(stream.Signature(command))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        drain = instruction_layout(Drain)(self.i.payload)
        sweep = instruction_layout(Sweep)(self.i.payload)
        decoded = Signal(command)
        with m.If(drain.opcode == Opcode.DRAIN):
            m.d.comb += _drain_command(decoded, drain)
        with m.Else():
            m.d.comb += _sweep_command(decoded, sweep)

        m.submodules.register = register = StreamRegister(command)
        wiring.connect(m, register.o, wiring.flipped(self.o))
        m.d.comb += [
            register.i.valid.eq(self.i.valid),
            register.i.payload.eq(decoded),
            self.i.ready.eq(register.i.ready),
        ]
        return m


def _drain_command(o: Any, i: Any) -> list[Any]:
    stats = (i.stats == Stats.MAX) | (i.stats == Stats.MOMENTS)
    moments = i.stats == Stats.MOMENTS
    job = moments & i.stats_last
    residual = i.second == SecondStage.RESIDUAL
    return [
        *_settings(
            o.recipe,
            operand=Operand.ACCUMULATOR,
            factor=Mux(i.row_scale, Factor.ROW, Factor.RECORD),
            pre_shift=i.pre_shift,
            shift=i.shift,
            vector=residual,
            scaled=i.second != SecondStage.NONE,
            residual=residual,
            second_shift=Mux(i.second == SecondStage.NONE, 0, i.second_shift),
            # Bounds in the wrong order give the upper one.
            clip_low=Mux(i.clip_low > i.clip_high, i.clip_high, i.clip_low),
            clip_high=i.clip_high,
            table_enable=i.table_enable,
            table=i.table,
            sink=Mux(
                i.dest == Destination.SCRATCHPAD,
                Sink.SCRATCHPAD,
                Mux(i.dest == Destination.VECTOR, Sink.VECTOR, Sink.MEMORY),
            ),
            write_a=stats,
            maximum=i.stats == Stats.MAX,
            write_b=moments,
            squares=moments,
            job=job,
        ),
        o.tiled.eq(1),
        o.row_needed.eq(i.row_scale | stats),
        o.stats_first.eq(i.stats_first),
        o.last_row.eq(i.m - 1),
        o.n.eq(i.n),
        o.vector_addr.eq(i.res_addr),
        o.vector_stride.eq(i.res_stride),
        o.dest_addr.eq(i.dest_addr),
        o.dest_stride.eq(i.dest_stride),
        o.param_mode.eq(i.param_mode),
        o.param_addr.eq(i.param_addr),
        *_job(o.job, i, reciprocal=0),
    ]


def _sweep_command(o: Any, i: Any) -> list[Any]:
    moments = i.kind == SweepKind.MOMENTS
    softmax = i.kind == SweepKind.SOFTMAX
    layernorm = i.kind == SweepKind.LAYERNORM
    gather = i.kind == SweepKind.GATHER
    scaled = layernorm | gather
    clip_low = Mux(i.clip_low > i.clip_high, i.clip_high, i.clip_low)
    return [
        *_settings(
            o.recipe,
            operand=Mux(softmax, Operand.BELOW_MAXIMUM, Operand.CENTRED),
            factor=Mux(softmax, Factor.MINUS_ONE, Factor.ROW),
            normalized=layernorm,
            vector=moments | gather,
            broadcast=gather,
            source_lane=i.src_lane,
            scaled=scaled,
            biased=scaled,
            second_shift=Mux(scaled, i.second_shift, 0),
            clip_low=Mux(softmax, 0, Mux(moments, -INT16 - 1, clip_low)),
            clip_high=Mux(softmax, INDEX, Mux(moments, INT16, i.clip_high)),
            table_enable=softmax,
            table=i.table,
            sink=Mux(moments, Sink.NONE, Sink.SCRATCHPAD),
            padded=softmax,
            write_a=moments,
            write_b=moments | softmax,
            squares=moments,
            job=moments | softmax,
        ),
        o.row_needed.eq(~gather),
        o.stats_first.eq(1),
        o.last_row.eq(i.m - 1),
        o.n.eq(i.n),
        o.vector_addr.eq(i.src_addr),
        o.vector_stride.eq(i.src_stride),
        o.dest_addr.eq(i.dest_addr),
        o.dest_stride.eq(i.dest_stride),
        o.dest_byte.eq(Mux(gather, i.dest_byte, 0)),
        o.param_mode.eq(Mux(gather, ParamMode.FIXED, ParamMode.COLUMN)),
        o.param_addr.eq(i.param_addr),
        *_job(o.job, i, reciprocal=softmax),
    ]


def _settings(o: Any, **settings: Any) -> list[Any]:
    """Assign the named members; the others stay zero."""
    return [getattr(o, name).eq(value) for name, value in settings.items()]


def _job(o: Any, i: Any, *, reciprocal: Any) -> list[Any]:
    return [
        o.reciprocal.eq(reciprocal),
        o.addr.eq(i.stats_addr),
        o.m.eq(i.m),
        o.length.eq(i.row_length),
    ]
