"""From AXI bursts to segments."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.bus.axi import AXI_ADDRESS_BITS, BURST_INCR
from hw.bus.stream_register import StreamRegister
from hw.sdram.pins import WORD_BYTES
from hw.sdram.segment import segment_layout, words_per_beat
from spec.axi import BURST_BEATS
from spec.sdram_chip import SdramChip

__all__ = ["BurstSplitter", "burst_layout"]

_LEN_BITS = 8

burst_layout = data.StructLayout({"addr": AXI_ADDRESS_BITS, "len": _LEN_BITS, "size": 3, "burst": 2})
"""What an AXI4 address channel asks for, by its names."""


class BurstSplitter(wiring.Component):
    """A splitter that cuts bursts at multiples of 16 beats, so that no part crosses a row.

    A byte address holds the column in its low bits, then the bank, then the row: consecutive rows' worths of bytes go
    round the banks. Parts beyond the chip, and bursts that do not increment by whole beats, are marked as errors.

    Latency: 2 cycles. Throughput: one segment in two cycles.

    Parameters
    ----------
    chip : SdramChip
    bus_bytes : int
        Bytes of a beat: 2, 4, 8 or 16.

    Members
    -------
    i : In(stream.Signature(burst_layout))
    o : Out(stream.Signature(segment_layout(chip)))

    Raises
    ------
    ValueError
        See `words_per_beat`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, chip: SdramChip, bus_bytes: int) -> None:
        self._chip = chip
        self._bus_bytes = bus_bytes
        self._words_per_beat = words_per_beat(chip, bus_bytes)
        super().__init__(
            {"i": In(stream.Signature(burst_layout)), "o": Out(stream.Signature(segment_layout(chip)))},
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        beat_bits = exact_log2(self._bus_bytes)
        start_bits = exact_log2(BURST_BEATS)
        beat_addr = Signal(AXI_ADDRESS_BITS - beat_bits, reset_less=True)
        left = Signal(_LEN_BITS, reset_less=True)
        malformed = Signal(reset_less=True)
        busy = Signal()

        m.submodules.register = register = StreamRegister(segment_layout(self._chip))
        segment = register.i.payload
        until_boundary = Signal(start_bits)
        fits = Signal()
        in_chip = exact_log2(WORD_BYTES * self._chip.words) - beat_bits
        m.d.comb += [
            self.i.ready.eq(~busy),
            until_boundary.eq(~beat_addr[:start_bits]),
            fits.eq(left <= until_boundary),
            Cat(segment.column, segment.bank, segment.row).eq(beat_addr << exact_log2(self._words_per_beat)),
            segment.len.eq(Mux(fits, left, until_boundary)),
            segment.last.eq(fits),
            segment.error.eq(malformed | beat_addr[in_chip:].any()),
            register.i.valid.eq(busy),
        ]
        with m.If(~busy):
            m.d.sync += [
                busy.eq(self.i.valid),
                beat_addr.eq(self.i.payload.addr >> beat_bits),
                left.eq(self.i.payload.len),
                malformed.eq((self.i.payload.size != beat_bits) | (self.i.payload.burst != BURST_INCR)),
            ]
        with m.Elif(register.i.ready):
            m.d.sync += [
                busy.eq(~fits),
                beat_addr.eq(((beat_addr >> start_bits) + 1) << start_bits),
                left.eq(left - until_boundary - 1),
            ]

        wiring.connect(m, register.o, wiring.flipped(self.o))
        return m
