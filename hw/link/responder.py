"""Accesses from request frames, and the frames that answer them."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.link.answerer import Answerer
from hw.link.chip_buses import chip_buses, pass_buses
from hw.link.executor import Executor
from hw.link.frame_receiver import FrameReceiver
from hw.link.layouts import BYTE, frame_byte
from spec.link import LARGEST_PAYLOAD

__all__ = ["Responder"]


class Responder(wiring.Component):
    """A responder that does what requests ask, one after the other, so that one CRC and one payload memory do.

    Latency: that of its parts. Throughput: a request is received only after the last one has been answered.

    Parameters
    ----------
    bus_bytes : int
        Width of the memory bus in bytes: 2, 4, 8 or 16.

    Members
    -------
    i : In(stream.Signature(frame_byte))
    o : Out(stream.Signature(frame_byte))
    axil : Out(AxiLite(12))
    axi_read : Out(Axi4Read(bus_bytes))
    axi_write : Out(Axi4Write(bus_bytes))

    Raises
    ------
    ValueError
        If ``bus_bytes`` is another number.
    """

    i: stream.Interface
    o: stream.Interface
    axil: Any
    axi_read: Any
    axi_write: Any

    def __init__(self, bus_bytes: int) -> None:
        self._executor = Executor(bus_bytes)
        super().__init__(
            {
                "i": In(stream.Signature(frame_byte)),
                "o": Out(stream.Signature(frame_byte)),
                **chip_buses(bus_bytes),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.receiver = receiver = FrameReceiver()
        m.submodules.executor = executor = self._executor
        m.submodules.answerer = answerer = Answerer()
        connect(m, flipped(self.i), receiver.i)
        connect(m, receiver.o, executor.i)
        connect(m, executor.o, answerer.i)
        connect(m, answerer.o, flipped(self.o))
        pass_buses(m, executor, self)

        # The receiver has done with the CRC and the memory when it offers a request.
        m.submodules.crc = crc = CRC32_ETHERNET(data_width=8).create()
        for user in (receiver, answerer):
            m.d.comb += [user.crc.crc.eq(crc.crc), user.crc.match.eq(crc.match_detected)]
            with m.If(receiver.o.valid == (user is answerer)):
                m.d.comb += [crc.start.eq(user.crc.start), crc.data.eq(user.crc.data), crc.valid.eq(user.crc.valid)]

        m.submodules.payload = memory = Memory(shape=BYTE, depth=LARGEST_PAYLOAD, init=[])
        write, read = memory.write_port(), memory.read_port()
        for writer, active in ((receiver.payload, ~receiver.o.valid), (executor.store, receiver.o.valid)):
            with m.If(active):
                m.d.comb += [write.addr.eq(writer.addr), write.data.eq(writer.data), write.en.eq(writer.en)]
        m.d.comb += read.addr.eq(executor.fetch.addr)
        with m.If(executor.o.valid):
            m.d.comb += read.addr.eq(answerer.payload.addr)
        m.d.comb += [executor.fetch.data.eq(read.data), answerer.payload.data.eq(read.data)]
        return m
