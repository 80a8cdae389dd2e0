"""The link from bytes to accesses, in few cells."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.link.chip_buses import chip_buses, pass_buses
from hw.link.compact.bus_port import BUS_BYTES, BusPort
from hw.link.compact.byte_code import Action, Source
from hw.link.compact.byte_fifo import ByteFifo
from hw.link.compact.byte_machine import ByteMachine
from hw.link.compact.firmware import link_code
from hw.link.compact.serial_crc import SerialCrc
from hw.link.layouts import BYTE
from spec.link import FIFO_BYTES, Command

__all__ = ["CompactLink"]


class CompactLink(wiring.Component):
    """What :class:`hw.link.byte_link.ByteLink` does, byte for byte, on a bus of 4 bytes; a program does it.

    Latency: from the end of a request to the beginning of its answer up to 400 cycles and the accesses. Throughput: one
    byte of a frame in 60 cycles on the way in, in 50 on the way out; an access of 4 bytes takes 80 and what the bus
    takes.

    Members
    -------
    i : In(stream.Signature(8))
    o : Out(stream.Signature(8))
    axil : Out(AxiLite(12))
    axi_read : Out(Axi4Read(4))
    axi_write : Out(Axi4Write(4))
    """

    i: stream.Interface
    o: stream.Interface
    axil: Any
    axi_read: Any
    axi_write: Any

    def __init__(self) -> None:
        super().__init__(
            {"i": In(stream.Signature(BYTE)), "o": Out(stream.Signature(BYTE)), **chip_buses(BUS_BYTES)},
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.fifo = fifo = ByteFifo(FIFO_BYTES)
        m.submodules.machine = machine = ByteMachine(link_code())
        m.submodules.crc = crc = SerialCrc()
        m.submodules.port = port = BusPort()
        connect(m, flipped(self.i), fifo.i)
        pass_buses(m, port, self)

        command = machine.a
        m.d.comb += [
            self.o.payload.eq(machine.a),
            crc.byte.eq(machine.a),
            port.byte.eq(machine.a),
            port.register.eq(command >= Command.READ_REGISTER),
            port.write.eq(~command[0]),
            port.source.eq(machine.index),
        ]
        with m.Switch(machine.source):
            with m.Case(Source.RECEIVED):
                m.d.comb += machine.operand.eq(fifo.o.payload)
            with m.Case(Source.CRC):
                m.d.comb += machine.operand.eq(crc.low)
            with m.Case(Source.INDEX):
                m.d.comb += machine.operand.eq(machine.index)
            with m.Case(Source.RESPONSE):
                m.d.comb += machine.operand.eq(port.error)
            with m.Default():
                m.d.comb += machine.operand.eq(port.read)
        with m.Switch(machine.action):
            with m.Case(Action.NEXT):
                m.d.comb += [fifo.o.ready.eq(1), machine.wait.eq(~fifo.o.valid)]
            with m.Case(Action.SEND):
                m.d.comb += [self.o.valid.eq(1), machine.wait.eq(~self.o.ready)]
            with m.Case(Action.CRC_BEGIN):
                m.d.comb += crc.begin.eq(1)
            with m.Case(Action.CRC_TAKE):
                m.d.comb += [crc.take.eq(1), machine.wait.eq(~crc.done)]
            with m.Case(Action.SHIFT):
                m.d.comb += port.shift.eq(1)
            with m.Case(Action.ACCESS):
                m.d.comb += [port.access.eq(1), machine.wait.eq(~port.answered)]
            with m.Case(Action.FINISH):
                m.d.comb += port.finish.eq(1)
        return m
