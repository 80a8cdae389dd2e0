"""The link from bytes to accesses, without the serial line."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.stream_fifo import StreamFifo
from hw.bus.stream_register import StreamRegister
from hw.link.chip_buses import chip_buses, pass_buses
from hw.link.layouts import BYTE
from hw.link.responder import Responder
from hw.link.slip_decoder import SlipDecoder
from hw.link.slip_encoder import SlipEncoder
from spec.link import FIFO_BYTES

__all__ = ["ByteLink"]


class ByteLink(wiring.Component):
    """A link that answers requests that arrive as bytes; whatever arrives, it goes on.

    Latency: that of :class:`hw.link.responder.Responder` and 4 cycles. Throughput: one byte in two cycles on the way
    in, until ``FIFO_BYTES`` wait for an answer to be sent.

    Parameters
    ----------
    bus_bytes : int
        Width of the memory bus in bytes: 2, 4, 8 or 16.

    Members
    -------
    i : In(stream.Signature(8))
    o : Out(stream.Signature(8))
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
        self._responder = Responder(bus_bytes)
        super().__init__(
            {
                "i": In(stream.Signature(BYTE)),
                "o": Out(stream.Signature(BYTE)),
                **chip_buses(bus_bytes),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.fifo = fifo = StreamFifo(BYTE, FIFO_BYTES)
        m.submodules.register = register = StreamRegister(BYTE)
        m.submodules.decoder = decoder = SlipDecoder()
        m.submodules.responder = responder = self._responder
        m.submodules.encoder = encoder = SlipEncoder()
        connect(m, flipped(self.i), fifo.i)
        # The memory's output is late in its cycle; the decoder and the CRC need a whole one.
        connect(m, fifo.o, register.i)
        connect(m, register.o, decoder.i)
        connect(m, decoder.o, responder.i)
        connect(m, responder.o, encoder.i)
        connect(m, encoder.o, flipped(self.o))
        pass_buses(m, responder, self)
        return m
