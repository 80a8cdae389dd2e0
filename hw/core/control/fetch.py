"""Instruction fetch."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import AXI_ADDRESS_BITS
from hw.bus.gearbox import Gearbox
from hw.bus.read_port import ReadPort
from hw.bus.reader import Reader
from hw.layouts import INSTRUCTION
from spec.config import AcceleratorConfig
from spec.isa import INSTRUCTION_BYTES

__all__ = ["LENGTH_BITS", "Fetch"]

LENGTH_BITS = AXI_ADDRESS_BITS - (INSTRUCTION_BYTES - 1).bit_length()
"""Width of a program's length in instructions."""

_BUFFERED_BEATS = 32


class Fetch(wiring.Component):
    """Reads a program ahead of its execution.

    Throughput: ``min(bus_bytes, 32)`` bytes per cycle.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    start : In(1)
        Pulse: read the program. Not while one is being read: a program that was left early needs a reset first.
    addr : In(32)
        Address of the first instruction.
    length : In(27)
        Instructions.
    port : Out(ReadPort(config))
    o : Out(stream.Signature(INSTRUCTION))
    """

    start: Any
    addr: Any
    length: Any
    port: Any
    o: stream.Interface

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "addr": In(AXI_ADDRESS_BITS),
                "length": In(LENGTH_BITS),
                "port": Out(ReadPort(config)),
                "o": Out(stream.Signature(INSTRUCTION)),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.reader = reader = Reader(self.config, depth=_BUFFERED_BEATS)
        m.submodules.gearbox = gearbox = Gearbox(self.config.bus_bytes, INSTRUCTION_BYTES)
        connect(m, reader.port, flipped(self.port))
        connect(m, reader.o, gearbox.i)
        m.d.comb += [
            reader.i.payload.addr.eq(self.addr),
            reader.i.payload.bytes.eq(self.length * INSTRUCTION_BYTES),
            reader.i.valid.eq(self.start & (self.length != 0)),
            self.o.payload.eq(gearbox.o.payload.data.as_value()),
            self.o.valid.eq(gearbox.o.valid),
            gearbox.o.ready.eq(self.o.ready),
        ]
        return m
