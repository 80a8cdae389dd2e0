"""A large memory with one port."""

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["SPRAM_BYTES", "Spram"]

_WORDS = 1 << 14
_WORD_BYTES = 2
_WORD_BITS = 8 * _WORD_BYTES
_MASKED_BITS = 4

SPRAM_BYTES = _WORDS * _WORD_BYTES
"""Size of the memory."""


class Spram(wiring.Component):
    """16,384 words of 16 bits, read or written in a cycle; on an iCE40, one SB_SPRAM256KA.

    Latency: read data in the next cycle; they stay while nothing is read, but not across a write.

    Members
    -------
    addr : In(range(16384))
    write : In(1)
        Write instead of reading.
    w_mask : In(2)
        Bytes that are written.
    w_data : In(16)
    r_data : Out(16)
    """

    addr: Any
    write: Any
    w_mask: Any
    w_data: Any
    r_data: Any

    def __init__(self) -> None:
        super().__init__(
            {
                "addr": In(range(_WORDS)),
                "write": In(1),
                "w_mask": In(_WORD_BYTES),
                "w_data": In(_WORD_BITS),
                "r_data": Out(_WORD_BITS),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if getattr(platform, "family", None) == "ice40":
            m.submodules.block = Instance(
                "SB_SPRAM256KA",
                i_CLOCK=ClockSignal(),
                i_ADDRESS=self.addr,
                i_CHIPSELECT=Const(1),
                i_WREN=self.write,
                i_MASKWREN=Cat(bit.replicate(8 // _MASKED_BITS) for bit in self.w_mask),
                i_DATAIN=self.w_data,
                o_DATAOUT=self.r_data,
                i_STANDBY=Const(0),
                i_SLEEP=Const(0),
                i_POWEROFF=Const(1),  # low active
            )
            return m
        m.submodules.memory = memory = Memory(shape=_WORD_BITS, depth=_WORDS, init=[])
        write_port, read_port = memory.write_port(granularity=8), memory.read_port()
        m.d.comb += [
            write_port.addr.eq(self.addr),
            write_port.en.eq(Mux(self.write, self.w_mask, 0)),
            write_port.data.eq(self.w_data),
            read_port.addr.eq(self.addr),
            read_port.en.eq(~self.write),
            self.r_data.eq(read_port.data),
        ]
        return m
