"""The LOAD engine: from memory to every on-chip memory."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.gearbox import Gearbox
from hw.bus.packet import packet
from hw.bus.read_port import ReadPort
from hw.bus.reader import Reader
from hw.bus.stream_buffer import StreamBuffer
from hw.bus.stream_fifo import StreamFifo
from hw.bus.stream_register import StreamRegister
from hw.bus.stream_stage import StreamStage
from hw.core.control.queued import queued
from hw.layouts import LoadWrite, instruction_layout, param_record
from spec.config import AcceleratorConfig
from spec.isa import Load, LoadTarget
from spec.operands import load_units

__all__ = ["LoadEngine"]

_BUFFERED_BEATS = 256
_PENDING_LOADS = 4
_TABLE_GROUP = data.ArrayLayout(unsigned(8), 8)

_targets = data.ArrayLayout(1, len(LoadTarget))  # a one for the target
_pending_load = data.StructLayout({"targets": _targets, "addr": instruction_layout(Load)["addr"].shape})


class LoadEngine(wiring.Component):
    """The engine that copies consecutive units from memory to one of five targets.

    Requests for the next LOADs go out while the data of the present one is still coming.

    Throughput: ``bus_bytes`` or one unit of the target per cycle, whichever is less.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    i : In(stream.Signature(queued))
        LOADs, tokens already taken.
    done : Out(1)
        Pulse per finished LOAD, in order: its last unit has been taken by the memory.
    port : Out(ReadPort(config))
    load_scratchpad : Out(LoadWrite(ArrayLayout(unsigned(8), rows)))
    load_vector : Out(LoadWrite(ArrayLayout(signed(16), lanes)))
    load_param : Out(LoadWrite(ArrayLayout(param_record, lanes)))
    load_table : Out(LoadWrite(ArrayLayout(unsigned(8), 8)))
    """

    i: stream.Interface
    done: Any
    port: Any
    load_scratchpad: stream.Interface
    load_vector: stream.Interface
    load_param: stream.Interface
    load_table: stream.Interface

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(queued)),
                "done": Out(1),
                "port": Out(ReadPort(config)),
                "load_scratchpad": Out(LoadWrite(data.ArrayLayout(unsigned(8), config.rows))),
                "load_vector": Out(LoadWrite(data.ArrayLayout(signed(16), config.lanes))),
                "load_param": Out(LoadWrite(data.ArrayLayout(param_record, config.lanes))),
                "load_table": Out(LoadWrite(_TABLE_GROUP)),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        config = self.config
        unit_bytes = {target: load_units(config, target)[1] for target in LoadTarget}
        ports = {
            LoadTarget.SCRATCHPAD: self.load_scratchpad,
            LoadTarget.VECTOR: self.load_vector,
            LoadTarget.PARAM: self.load_param,
            LoadTarget.PARAM_BROADCAST: self.load_param,
            LoadTarget.TABLE: self.load_table,
        }

        # Requests.
        m.submodules.reader = reader = Reader(config, depth=_BUFFERED_BEATS)
        m.submodules.pending = pending = StreamFifo(_pending_load, _PENDING_LOADS)
        m.submodules.present = present = StreamRegister(_pending_load)
        m.submodules.beats = beats = StreamBuffer(packet(config.bus_bytes))
        connect(m, pending.o, present.i)
        connect(m, reader.o, beats.i)
        connect(m, reader.port, flipped(self.port))
        load = data.View(instruction_layout(Load), self.i.payload.instruction)
        with m.Switch(load.target):
            for target, size in unit_bytes.items():
                with m.Case(target):
                    m.d.comb += reader.i.payload.bytes.eq(load.count * size)
        m.d.comb += [
            reader.i.payload.addr.eq(load.mem_addr),
            reader.i.payload.index.eq(self.i.payload.index),
            reader.i.valid.eq(self.i.valid & pending.i.ready),
            *(pending.i.payload.targets[target].eq(load.target == target) for target in LoadTarget),
            pending.i.payload.addr.eq(load.addr),
            pending.i.valid.eq(self.i.valid & reader.i.ready),
            self.i.ready.eq(reader.i.ready & pending.i.ready),
        ]

        # Data: through the gearbox of its unit to its target. Targets with equal units share a gearbox.
        current = present.o.payload
        active = {target: present.o.valid & current.targets[target] for target in unit_bytes}
        words = {}
        for size in sorted(set(unit_bytes.values())):
            m.submodules[f"gearbox_{size}"] = gearbox = Gearbox(config.bus_bytes, size)
            m.submodules[f"word_{size}"] = word = StreamStage(packet(size))
            connect(m, gearbox.o, word.i)
            words[size] = word.o
            users = [target for target in unit_bytes if unit_bytes[target] == size]
            selected = Signal(name=f"selected_{size}")
            m.d.comb += [
                # Behind a transfer's last word comes the next one's, which may be for another target.
                selected.eq(Cat(active[target] for target in users).any() & ~(word.o.valid & word.o.payload.last)),
                gearbox.i.payload.eq(beats.o.payload),
                gearbox.i.valid.eq(beats.o.valid & selected),
                word.o.ready.eq(Cat(active[target] & ports[target].ready for target in users).any()),
            ]
            with m.If(selected):
                m.d.comb += beats.o.ready.eq(gearbox.i.ready)

        moved, ends, first = Signal(), Signal(), Signal(init=1)
        addr, next_addr = (Signal(current.addr.shape(), name=name, reset_less=True) for name in ("addr", "next_addr"))
        m.d.comb += addr.eq(Mux(first, current.addr, next_addr))
        for target, port in ports.items():
            word = words[unit_bytes[target]]
            copies = len(port.payload.data.as_value()) // (8 * unit_bytes[target])
            m.d.comb += port.payload.addr.eq(addr)
            with m.If(active[target]):
                m.d.comb += [
                    port.payload.data.eq(word.payload.data.as_value().replicate(copies)),
                    port.valid.eq(word.valid),
                    moved.eq(word.valid & port.ready),
                    ends.eq(moved & word.payload.last),
                ]
        with m.If(moved):
            m.d.sync += [first.eq(ends), next_addr.eq(addr + 1)]
        m.d.comb += present.o.ready.eq(ends)
        m.d.sync += self.done.eq(ends)
        return m
