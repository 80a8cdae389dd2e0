"""The weight DMA: STREAM instructions become one endless stream of words."""

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.gearbox import Gearbox
from hw.bus.read_port import ReadPort
from hw.bus.reader import Reader
from hw.bus.stream_fifo import StreamFifo
from hw.core.control.queued import queued
from hw.layouts import instruction_layout
from spec.config import AcceleratorConfig
from spec.isa import Stream

__all__ = ["WeightDma"]

_BUFFERED_BEATS = 128


class WeightDma(wiring.Component):
    """A reader of the words of each STREAM, one STREAM after the other, as far ahead as buffers reach.

    Throughput: ``min(bus_bytes, rows)`` bytes per cycle.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    i : In(stream.Signature(queued))
        STREAMs; ``queue_depth`` of them are queued here.
    port : Out(ReadPort(config))
    o : Out(stream.Signature(ArrayLayout(unsigned(8), rows)))
    idle : Out(1)
        All words of all STREAMs have been handed on.
    """

    i: stream.Interface
    port: Any
    o: stream.Interface
    idle: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(queued)),
                "port": Out(ReadPort(config)),
                "o": Out(stream.Signature(data.ArrayLayout(unsigned(8), config.rows))),
                "idle": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.queue = queue = StreamFifo(queued, self.config.queue_depth)
        m.submodules.reader = reader = Reader(self.config, depth=_BUFFERED_BEATS)
        m.submodules.gearbox = gearbox = Gearbox(self.config.bus_bytes, self.config.rows)
        connect(m, flipped(self.i), queue.i)
        connect(m, reader.port, flipped(self.port))
        connect(m, reader.o, gearbox.i)
        words = data.View(instruction_layout(Stream), queue.o.payload.instruction)
        m.d.comb += [
            reader.i.payload.addr.eq(words.mem_addr),
            reader.i.payload.bytes.eq(words.count * self.config.rows),
            reader.i.payload.index.eq(queue.o.payload.index),
            reader.i.valid.eq(queue.o.valid),
            queue.o.ready.eq(reader.i.ready),
            self.o.payload.eq(gearbox.o.payload.data),
            self.o.valid.eq(gearbox.o.valid),
            gearbox.o.ready.eq(self.o.ready),
            self.idle.eq((queue.level == 0) & reader.idle),
        ]
        return m
