"""Hardware twin of :mod:`spec.rules`: the same rules, and the same operand blamed."""

import enum
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.core.control.range_check import Extent, RangeCheck
from hw.layouts import INSTRUCTION, instruction_layout
from spec.config import AcceleratorConfig
from spec.isa import (
    Destination,
    Drain,
    Engine,
    ErrorCode,
    Gemm,
    Halt,
    Load,
    LoadTarget,
    Opcode,
    ParamMode,
    SecondStage,
    Stats,
    Stream,
    Sweep,
    SweepKind,
)
from spec.memories import Memory
from spec.operands import OPERANDS, Operand

__all__ = ["Checker"]

_ADDR = unsigned(32)


class _Place(enum.IntEnum):
    """Operands of an instruction that are checked side by side."""

    MAIN = 0
    OTHER = 1
    PARAMETERS = 2
    TABLE = 3
    STATISTICS = 4


_PLACES: dict[Opcode, dict[str, _Place]] = {
    Opcode.HALT: {},
    Opcode.LOAD: {"target": _Place.MAIN, "source": _Place.OTHER},
    Opcode.STREAM: {"source": _Place.OTHER},
    Opcode.GEMM: {"A": _Place.MAIN, "B": _Place.OTHER},
    Opcode.DRAIN: {
        "destination": _Place.MAIN,
        "parameters": _Place.PARAMETERS,
        "residual": _Place.OTHER,
        "table": _Place.TABLE,
        "statistics": _Place.STATISTICS,
    },
    Opcode.SWEEP: {
        "source": _Place.MAIN,
        "destination": _Place.OTHER,
        "parameters": _Place.PARAMETERS,
        "table": _Place.TABLE,
        "statistics": _Place.STATISTICS,
    },
}
"""Where operands of each name are checked: at most one of them is used."""


class Checker(wiring.Component):
    """A checker of instructions, one after the other, as ``check_raw`` of :mod:`spec.rules` does.

    Latency: 4 cycles, one more for every 3 bits of the largest number of rows less one, and two more to tell which
    operand is out of range: 6 where ``m`` and ``n`` are at most 64, up to 8 for every instruction but a GEMM with ``n``
    > 4096, up to 10 for that. Throughput: one instruction in as many cycles.

    Parameters
    ----------
    config : AcceleratorConfig
        What instructions are checked against.

    Members
    -------
    i : In(stream.Signature(INSTRUCTION))
        256 bits of any content.
    o : Out(stream.Signature(StructLayout({"instruction": INSTRUCTION, "code": 4, "addr": 32})))
        The same instruction, its error code (0: none) and the address of the error.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        checked = data.StructLayout({"instruction": INSTRUCTION, "code": unsigned(4), "addr": _ADDR})
        super().__init__({"i": In(stream.Signature(INSTRUCTION)), "o": Out(stream.Signature(checked))})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        instruction = Signal(INSTRUCTION, reset_less=True)
        classes = (Halt, Load, Stream, Gemm, Drain, Sweep)
        views = {cls.opcode: data.View(instruction_layout(cls), instruction) for cls in classes}
        halt, load, stream_, gemm, drain, sweep = views.values()
        fields_legal = {
            Opcode.HALT: _tokens_legal(halt, None),
            Opcode.LOAD: _tokens_legal(load, Load.engine) & self._load_legal(load),
            Opcode.STREAM: _tokens_legal(stream_, None) & self._stream_legal(stream_),
            Opcode.GEMM: _tokens_legal(gemm, Gemm.engine) & self._gemm_legal(gemm),
            Opcode.DRAIN: _tokens_legal(drain, Drain.engine) & self._drain_legal(drain),
            Opcode.SWEEP: _tokens_legal(sweep, Sweep.engine) & self._sweep_legal(sweep),
        }
        extents: dict[tuple[_Place, Opcode], list[Extent]] = {(p, o): [] for p in _Place for o in Opcode}
        for opcode, view in views.items():
            for operand in OPERANDS[opcode]:
                extents[_PLACES[opcode][operand.name], opcode].append(self._extent(operand, view))

        checks: dict[_Place, RangeCheck] = {}
        for place in _Place:
            listed = [extent for opcode in Opcode for extent in extents[place, opcode]]
            m.submodules[place.name.lower()] = checks[place] = check = RangeCheck(listed)
            with m.Switch(halt.opcode):
                for opcode in Opcode:
                    with m.Case(opcode):
                        for extent in extents[place, opcode]:
                            with m.If(extent.used):
                                m.d.comb += check.assign(extent)

        code, addr = Signal(ErrorCode, reset_less=True), Signal(_ADDR, reset_less=True)
        legal = Signal(len(fields_legal), reset_less=True)  # of an instruction taken at least two cycles ago
        fields_code = Signal(ErrorCode, init=ErrorCode.ILLEGAL_OPCODE)
        beyond, blamed = Signal(len(_Place), reset_less=True), Signal(_Place, reset_less=True)
        m.d.comb += [
            self.o.payload.instruction.eq(instruction),
            self.o.payload.code.eq(code),
            self.o.payload.addr.eq(addr),
        ]
        m.d.sync += legal.eq(Cat(fields_legal.values()))
        with m.Switch(halt.opcode):
            for opcode, fits in zip(fields_legal, legal, strict=True):
                with m.Case(opcode):
                    m.d.comb += fields_code.eq(Mux(fits, ErrorCode.NONE, ErrorCode.ILLEGAL_FIELD))

        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.next = "SELECT"
            with m.State("SELECT"):
                m.d.comb += [check.start.eq(1) for check in checks.values()]
                m.next = "MEASURE"
            with m.State("MEASURE"):
                m.d.sync += [code.eq(fields_code), addr.eq(0)]
                with m.If(Cat(check.done for check in checks.values()).all()):
                    m.next = "COMPARE"
            with m.State("COMPARE"):
                m.d.sync += beyond.eq(Cat(check.beyond for check in checks.values()))
                m.next = "GIVE"
                with m.If((code == ErrorCode.NONE) & Cat(check.beyond for check in checks.values()).any()):
                    m.d.sync += code.eq(ErrorCode.OUT_OF_RANGE)
                    m.next = "BLAME"
            with m.State("BLAME"):
                m.d.sync += blamed.eq(_first_beyond(beyond, halt.opcode))
                m.next = "NAME"
            with m.State("NAME"):
                with m.Switch(blamed):
                    for place, check in checks.items():
                        with m.Case(place):
                            m.d.sync += addr.eq(check.operand.first)
                m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += [self.o.valid.eq(1), self.i.ready.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "TAKE"
                    with m.If(self.i.valid):
                        m.next = "SELECT"
        with m.If(self.i.ready):
            m.d.sync += instruction.eq(self.i.payload)
        return m

    def _rows_legal(self, rows: Any) -> Any:
        return (rows > 0) & (rows <= self._config.acc_depth)

    def _aligned(self, mem_addr: Any) -> Any:
        return (mem_addr & (self._config.bus_bytes - 1)) == 0

    def _load_legal(self, load: Any) -> Any:
        return _exists(LoadTarget, load.target) & (load.count > 0) & self._aligned(load.mem_addr)

    def _stream_legal(self, stream_: Any) -> Any:
        return (stream_.count > 0) & self._aligned(stream_.mem_addr)

    def _gemm_legal(self, gemm: Any) -> Any:
        whole_banks = gemm.clear & gemm.release
        return (
            self._rows_legal(gemm.m) & (gemm.n > 0) & (gemm.k_tiles > 0) & ((gemm.n <= self._config.cols) | whole_banks)
        )

    def _drain_legal(self, drain: Any) -> Any:
        int16_result = (drain.dest == Destination.VECTOR) & ~drain.table_enable
        starts_row_unit = (drain.stats == Stats.MOMENTS) & drain.stats_last
        return (
            self._rows_legal(drain.m)
            & (drain.n > 0)
            & _exists(Destination, drain.dest)
            & _exists(ParamMode, drain.param_mode)
            & _exists(SecondStage, drain.second)
            & _exists(Stats, drain.stats)
            & ((drain.dest != Destination.MEMORY) | self._aligned(drain.dest_addr))
            & ((drain.stats == Stats.NONE) | int16_result)
            & (~starts_row_unit | (drain.row_length > 0))
        )

    def _sweep_legal(self, sweep: Any) -> Any:
        byte_exists = (sweep.src_lane < self._config.lanes) & (sweep.dest_byte < self._config.rows)
        return (
            self._rows_legal(sweep.m)
            & (sweep.n > 0)
            & _exists(SweepKind, sweep.kind)
            & ((sweep.kind != SweepKind.MOMENTS) | (sweep.row_length > 0))
            & ((sweep.kind != SweepKind.GATHER) | ((sweep.n == 1) & byte_exists))
        )

    def _extent(self, operand: Operand, view: Any) -> Extent:
        """Return what is checked of an operand: its fields, and limits that follow from the configuration."""
        first, used = getattr(view, operand.first), operand.used(view)
        size = operand.memory.size(self._config)
        length = _quantity(view, operand.values or operand.words)
        rows = _quantity(view, operand.rows)
        if operand.memory is Memory.MAIN:
            if operand.values:
                values = length + (operand.unit.values(self._config) - 1)
                length = values << (operand.unit.value_bytes.bit_length() - 1)
            else:
                # Bytes of a word are a constant, and rows are what is multiplied digit by digit.
                rows = operand.unit.nbytes(self._config)
            return Extent(used=used, first=first, rows=rows, stride=length, length=length, size=size)
        return Extent(
            used=used,
            first=first,
            rows=rows,
            stride=_quantity(view, operand.stride or 0),
            length=length,
            unit=operand.unit.values(self._config) if operand.values else 1,
            size=size // operand.scale,
        )


def _quantity(view: Any, quantity: str | int) -> Any:
    return getattr(view, quantity) if isinstance(quantity, str) else quantity


def _first_beyond(beyond: Any, opcode: Any) -> Any:
    """Return the place of the first operand that is out of range, in the order of :mod:`spec.rules`."""
    before_parameters = Mux(opcode == Opcode.DRAIN, ~beyond[_Place.PARAMETERS], 1)
    first: Any = _Place.STATISTICS
    for place, blamed in (
        (_Place.TABLE, beyond[_Place.TABLE]),
        (_Place.PARAMETERS, beyond[_Place.PARAMETERS]),
        (_Place.OTHER, beyond[_Place.OTHER] & before_parameters),
        (_Place.MAIN, beyond[_Place.MAIN]),
    ):
        first = Mux(blamed, place, first)
    return first


def _tokens_legal(view: Any, engine: Engine | None) -> Any:
    forbidden = 0b111 if engine is None else 1 << engine
    return ((view.wait | view.signal) & forbidden) == 0


def _exists(kind: type[enum.IntEnum], value: Any) -> Any:
    return value < len(kind)
