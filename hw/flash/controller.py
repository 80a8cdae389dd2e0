"""A flash behind an AXI4 bus."""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.bus.axi import RESPONSE_OKAY, RESPONSE_SLVERR, Axi4Read
from hw.flash.command import CONTINUE, DUMMY_CLOCKS, QUAD_ENABLE, Command
from hw.flash.pins import WIRES, FlashPins
from hw.flash.ram_read import RamRead
from spec.axi import BURST_BEATS
from spec.flash_chip import FlashChip

__all__ = ["BUS_BYTES", "QspiFlash"]

BUS_BYTES = 4
"""Width of the bus."""

_BRING_UP = (
    Command.NONE,
    Command.RELEASE_POWER_DOWN,
    Command.VOLATILE_WRITE_ENABLE,
    Command.WRITE_STATUS_2,
    QUAD_ENABLE,
    Command.READ_QUAD,
)
_STEPS = 8  # bytes of the bring-up, first address, all others
_ADDRESS_BITS = 24
_HIGH = Const(0b111, WIRES - 1)  # beside the bits of a command: wires that are low would hold and protect the chip
_UNIT_CLOCKS = 8  # of a command, of address and mode, and of a beat


class QspiFlash(wiring.Component):
    """AXI4 slave at address 0 that reads a flash on four wires, and a RAM beside it that may be connected.

    Takes bursts of up to 16 whole beats that increment, in order; it ignores ``arsize``, ``arburst`` and the address
    bits within a beat. What is neither in the flash nor in the RAM is answered with SLVERR and arbitrary data. ``rid``
    is 0.

    A read of the flash that begins where the last one ended goes on with it: the chip stays selected meanwhile, without
    a clock. Any other read selects it anew, with an address but no command. Beats that the bus does not take stop the
    clock. After a reset the chip is brought up from whatever state it is in: it leaves a read mode and power-down, and
    may use all its wires until power goes. For that its clock runs, and the bus may have to wait.

    Latency: 22 cycles from ``arvalid`` to ``rvalid``, 9 where the last read ended; 11 in the RAM. At half the rate 42,
    17 and 17. Throughput: 4 bytes in 8 cycles, without a pause between bursts that go on with one another, and in 10
    from the RAM; at half the rate, in 16.

    Parameters
    ----------
    chip : FlashChip
    clock_hz : float
        Frequency of the clock domain ``sync``.
    half_rate : bool
        The chip's clock is half as fast as ``sync`` instead of as fast.

    Members
    -------
    axi_read : In(Axi4Read(4))
    pins : Out(FlashPins())
        Outputs come out of registers, but for ``sck_en`` at the full rate, which follows ``rready``; the input goes
        into one.
    ram : Out(RamRead())

    Raises
    ------
    ValueError
        The clock is not positive, too fast for the chip, or too fast for the pauses between commands.
    """

    axi_read: Any
    pins: Any
    ram: Any

    def __init__(self, chip: FlashChip, clock_hz: float, *, half_rate: bool = False) -> None:
        self._chip = chip
        self._half_rate = half_rate
        rate = 2 if half_rate else 1
        pause_cycles = rate * BURST_BEATS * _UNIT_CLOCKS
        least = min(chip.max_clock_hz * rate, 1e9 / chip.deselect_read_ns, pause_cycles * 1e9 / chip.release_ns)
        if not 0 < clock_hz <= least:
            raise ValueError(f"clock_hz must be positive and at most {least:.0f}, not {clock_hz!r}")
        super().__init__({"axi_read": In(Axi4Read(BUS_BYTES)), "pins": Out(FlashPins()), "ram": Out(RamRead())})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        axi, pins, ram = self.axi_read, self.pins, self.ram

        # The chip is deselected, being sent to, about to answer, or being read; it is given a clock while ``running``.
        # Nothing that is reset has an enable: an iCE40 has no flip-flop whose reset goes before its enable.
        step = Signal(range(_STEPS))
        selected, sending, reading, running = Signal(), Signal(), Signal(), Signal(init=1)
        m.d.comb += selected.eq(~pins.cs_n)
        of_ram = Signal()
        place = Signal(range(_UNIT_CLOCKS))
        beats_left = Signal(range(BURST_BEATS))

        # A unit ends with the clock in which ``place`` is at its end, and so every one begins at 0.
        stalled, tick, advance = Signal(), Signal(), Signal()
        unit_end, last_beat, burst_end = Signal(), Signal(), Signal()
        m.d.comb += stalled.eq(axi.rvalid & ~axi.rready)
        if self._half_rate:
            rises = Signal()
            m.d.comb += rises.eq(running & ~tick & ~stalled)
            m.d.sync += [tick.eq(rises), pins.sck_en.eq(rises & ~of_ram)]
        else:
            m.d.comb += [tick.eq(running & ~stalled), pins.sck_en.eq(tick & ~of_ram)]
        m.d.comb += [
            advance.eq(tick & ~(of_ram & ram.wait)),
            unit_end.eq(advance & place.all()),
            last_beat.eq(beats_left == 0),
            burst_end.eq(unit_end & last_beat),
        ]
        # Fewer dummy clocks than those of a unit come after the mode.
        addressed = sending & step.all()
        m.d.sync += place.eq(_plus(place, advance) | Mux(addressed & unit_end, _UNIT_CLOCKS - DUMMY_CLOCKS, 0))

        # Bursts are taken when all beats of the one before are in, those of the flash also with their address; pauses
        # between commands of the bring-up are measured in beats as well.
        size_bits = exact_log2(self._chip.size)
        word = axi.araddr[exact_log2(BUS_BYTES) : size_bits]
        following = Signal(len(word), reset_less=True)
        idle, in_flash, free, goes_on, lost, to_ram, taken = (
            Signal(name=name) for name in ("idle", "in_flash", "free", "goes_on", "lost", "to_ram", "taken")
        )
        begins, follows, loads, with_address = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            idle.eq(~running & ~stalled),
            in_flash.eq(axi.araddr[size_bits:] == 0),
            free.eq((reading | ~selected) & (idle | burst_end)),
            goes_on.eq(axi.arvalid & in_flash & free & reading & (word == following)),
            lost.eq(axi.arvalid & in_flash & idle & reading & ~goes_on),
            to_ram.eq(axi.arvalid & ~in_flash & free & ~ram.busy),
            taken.eq(goes_on | to_ram | (loads & with_address)),
            axi.arready.eq(taken),
        ]
        with m.If(taken & ~to_ram):
            m.d.sync += following.eq(word + axi.arlen[: len(beats_left)] + 1)
        beat_ends = unit_end & (reading | ~selected)
        m.d.sync += beats_left.eq(Mux(taken, axi.arlen, ~_plus(~beats_left, beat_ends)))

        # Steps 4 and 6 follow without deselection, those from 5 on need an address.
        m.d.comb += [
            with_address.eq(step[2] & step[1]),
            begins.eq(~selected & free & ~of_ram & Mux(axi.arvalid, in_flash, ~step[2])),
            follows.eq(sending & unit_end & step[2] & ~step[0]),
            loads.eq(begins | follows),
        ]
        deselects = sending & unit_end & ~(step[2] & (step[1] | ~step[0]))
        m.d.sync += [
            step.eq(_plus(step, loads & ~step.all())),
            pins.cs_n.eq(~(begins | (selected & ~lost & ~deselects))),
            sending.eq(loads | (sending & ~unit_end)),
            reading.eq((reading & ~lost) | (selected & ~sending & unit_end)),
            running.eq(taken | (running & ~(reading & burst_end))),
            of_ram.eq(to_ram | (of_ram & ~burst_end)),
            axi.rvalid.eq((unit_end & (reading | of_ram)) | stalled),
        ]
        is_last, unmapped = Signal(reset_less=True), Signal(reset_less=True)
        with m.If(unit_end):
            m.d.sync += [is_last.eq(last_beat), unmapped.eq(of_ram & ~ram.mapped)]

        # One register for commands, addresses and data, the first nibble highest.
        shift = Signal(_UNIT_CLOCKS * WIRES, reset_less=True)
        command = Signal(_UNIT_CLOCKS)
        address = Cat(Const(CONTINUE, 8), Const(0, exact_log2(BUS_BYTES)), word, Const(0, _ADDRESS_BITS - size_bits))
        m.d.comb += command.eq(Array([*_BRING_UP, 0, 0])[step])
        with m.If(advance | begins):
            m.d.sync += shift.eq(Cat(Mux(of_ram, ram.nibble, pins.io_i), shift))
            with m.If(loads):
                m.d.sync += shift.eq(Mux(with_address, address, Cat(Cat(bit, _HIGH) for bit in command)))
        m.d.comb += [
            pins.io_oe.eq(sending),
            pins.io_o.eq(shift[-WIRES:]),
            axi.rdata.eq(Cat(shift[8 * n :][:8] for n in reversed(range(BUS_BYTES)))),
            axi.rlast.eq(is_last),
            axi.rresp.eq(Mux(unmapped, RESPONSE_SLVERR, RESPONSE_OKAY)),
            ram.addr.eq(axi.araddr),
            ram.start.eq(to_ram),
            ram.reading.eq(of_ram),
            ram.place.eq(place),
            ram.take.eq(advance),
        ]
        return m


def _plus(value: Value, carry: Value) -> Value:
    """Add one bit to a few without a carry chain, which would take more cells."""
    bits = []
    for bit in value:
        bits.append(bit ^ carry)
        carry = bit & carry
    return Cat(bits)
