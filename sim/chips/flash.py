"""A chip that checks how it is treated."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.flash.command import CONTINUE, DUMMY_CLOCKS, QUAD_ENABLE, Command
from hw.flash.pins import WIRES, FlashPins
from sim.chips.flash_rule import FlashRule
from spec.flash_chip import FlashChip

__all__ = ["FlashModel"]

_COUNT_BITS = 8
_ADDRESS_BITS = 24
_MODE_BITS = 8
_CONTINUE_FIELD = slice(4, 6)
_COMMAND_CLOCKS = 8
_ADDRESS_CLOCKS = _ADDRESS_BITS // WIRES
_MODE_CLOCKS = _MODE_BITS // WIRES
_HOLDING = slice(2, 4)  # wires that hold and protect the chip unless they carry data
_UNDRIVEN = (1 << WIRES) - 1


class _Phase(IntEnum):
    """What the next clock means."""

    COMMAND = 0
    STATUS = 1
    ADDRESS = 2
    MODE = 3
    DUMMY = 4
    DATA = 5
    NOTHING = 6


class FlashModel(wiring.Component):
    """Behaviour of a chip on the clock ``sync``, made of synthesizable parts so that every simulator runs it.

    Knows the commands of `Command`. Undriven wires read as ones. A read that comes to the end of the chip goes on at
    address 0. Wrong uses are counted and carried out as far as they make sense. Simulators hold every byte, so that a
    smaller chip is worth its while.

    Latency: data change in the cycle after a clock of the chip, to be sampled by the next clock.

    Parameters
    ----------
    chip : FlashChip
    clock_hz : float
        Frequency of ``sync``.
    half_rate : bool
        ``sck_en`` is the clock itself; otherwise every cycle in which it is high is one clock.
    powered_down, continuous : bool
        The chip is powered down at first; it is in the mode in which reads need no command.
    init : Iterable[int]
        First bytes of the memory.

    Members
    -------
    pins : In(FlashPins())
    violations : Out(StructLayout of 8 bits for each `FlashRule`)
        How often each rule was broken; stays at 255.
    selections : Out(16)
        How often the chip was selected.

    Attributes
    ----------
    memory : Memory
        The bytes.
    """

    pins: Any
    violations: Any
    selections: Any

    def __init__(
        self,
        chip: FlashChip,
        clock_hz: float,
        *,
        half_rate: bool = False,
        powered_down: bool = True,
        continuous: bool = False,
        init: Iterable[int] = (),
    ) -> None:
        self._chip = chip
        self._half_rate = half_rate
        self._powered_down, self._continuous = powered_down, continuous
        self._deselect_read = chip.cycles(chip.deselect_read_ns, clock_hz)
        self._deselect_other = chip.cycles(chip.deselect_other_ns, clock_hz)
        self._release = chip.cycles(chip.release_ns, clock_hz)
        self.memory = Memory(shape=8, depth=chip.size, init=init)
        super().__init__(
            {
                "pins": In(FlashPins()),
                "violations": Out(data.StructLayout({rule.value: _COUNT_BITS for rule in FlashRule})),
                "selections": Out(16),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        pins = self.pins
        broken = {rule: Signal(name=f"broken_{rule.value}") for rule in FlashRule}
        for rule, signal in broken.items():
            count = self.violations[rule.value]
            with m.If(signal & ~count.all()):
                m.d.sync += count.eq(count + 1)

        # A clock, seen in the cycle at whose end its data are to change.
        clock, selects, deselects = Signal(), Signal(), Signal()
        wires, selected, was_selected = Signal(WIRES), Signal(), Signal()
        m.d.comb += [
            selected.eq(~pins.cs_n),
            clock.eq(selected & pins.sck_en),
            selects.eq(selected & ~was_selected),
            deselects.eq(~selected & was_selected),
            wires.eq(Mux(pins.io_oe, pins.io_o, _UNDRIVEN)),
        ]
        m.d.sync += [was_selected.eq(selected), self.selections.eq(self.selections + selects)]
        if self._half_rate:
            was_high, old_wires = Signal(), Signal(WIRES)
            m.d.sync += [was_high.eq(pins.sck_en), old_wires.eq(wires)]
            m.d.comb += [
                clock.eq(selected & pins.sck_en & ~was_high),
                broken[FlashRule.SETUP].eq(clock & (selects | (wires != old_wires))),
            ]

        # Where in a selection; what has been sent so far of a phase. The first clock may come with the selection.
        later = Signal(_Phase)
        phase = Signal(_Phase)
        clocks = Signal(range(_COMMAND_CLOCKS))
        shifted, sent = Signal(_ADDRESS_BITS), Signal(_ADDRESS_BITS)
        continuous = Signal(init=self._continuous)
        done = Signal()
        lengths = {
            _Phase.COMMAND: _COMMAND_CLOCKS,
            _Phase.STATUS: _COMMAND_CLOCKS,
            _Phase.ADDRESS: _ADDRESS_CLOCKS,
            _Phase.MODE: _MODE_CLOCKS,
            _Phase.DUMMY: DUMMY_CLOCKS,
        }
        m.d.comb += [
            phase.eq(Mux(selects, Mux(continuous, _Phase.ADDRESS, _Phase.COMMAND), later)),
            sent.eq(Mux(phase < _Phase.ADDRESS, Cat(wires[0], shifted), Cat(wires, shifted))),
        ]
        with m.Switch(phase):
            for each, length in lengths.items():
                with m.Case(each):
                    m.d.comb += done.eq(clock & (Mux(selects, 0, clocks) == length - 1))
        m.d.sync += later.eq(phase)
        with m.If(clock):
            m.d.sync += [clocks.eq(Mux(done, 0, Mux(selects, 0, clocks) + 1)), shifted.eq(sent)]
        with m.Elif(selects):
            m.d.sync += clocks.eq(0)

        # What comes of it.
        byte = sent[:8]
        powered_down, enabled = Signal(init=self._powered_down), Signal(init=self._chip.quad_enabled)
        writable, releases, continues = Signal(), Signal(), Signal()
        addressed = Signal(_ADDRESS_BITS)
        m.d.comb += continues.eq(byte[_CONTINUE_FIELD] == Const(CONTINUE, _MODE_BITS)[_CONTINUE_FIELD])
        with m.If(done), m.Switch(phase):
            with m.Case(_Phase.COMMAND):
                m.d.sync += [later.eq(_Phase.NOTHING), writable.eq(0)]
                with m.If(powered_down):
                    m.d.sync += releases.eq(byte == Command.RELEASE_POWER_DOWN)
                    m.d.comb += broken[FlashRule.POWERED_DOWN].eq(
                        (byte != Command.RELEASE_POWER_DOWN) & (byte != Command.NONE)
                    )
                with m.Elif(byte == Command.VOLATILE_WRITE_ENABLE):
                    m.d.sync += writable.eq(1)
                with m.Elif(byte == Command.WRITE_STATUS_2):
                    m.d.sync += later.eq(_Phase.STATUS)
                    m.d.comb += broken[FlashRule.WRITE_DISABLED].eq(~writable)
                with m.Elif(byte == Command.READ_QUAD):
                    m.d.sync += later.eq(_Phase.ADDRESS)
                    m.d.comb += broken[FlashRule.QUAD_DISABLED].eq(~enabled)
                with m.Else():
                    m.d.comb += broken[FlashRule.COMMAND].eq(~Cat(byte == command for command in Command).any())
            with m.Case(_Phase.STATUS):
                m.d.sync += [later.eq(_Phase.NOTHING), enabled.eq((byte & QUAD_ENABLE).any())]
                m.d.comb += broken[FlashRule.STATUS].eq(byte != QUAD_ENABLE)
            with m.Case(_Phase.ADDRESS):
                m.d.sync += [later.eq(_Phase.MODE), addressed.eq(sent)]
            with m.Case(_Phase.MODE):
                m.d.sync += [later.eq(_Phase.DUMMY), continuous.eq(continues)]
                m.d.comb += [
                    broken[FlashRule.MODE].eq(~continues & ~byte.all()),
                    broken[FlashRule.BEYOND].eq((addressed >= self._chip.size) & ~byte.all()),
                ]
            with m.Case(_Phase.DUMMY):
                m.d.sync += later.eq(_Phase.DATA)

        # Data from the last dummy clock on: the nibble that is driven, and the one that comes next.
        m.submodules.memory = self.memory
        port = self.memory.read_port()
        here, there = (Signal(exact_log2(2 * self._chip.size), name=name) for name in ("here", "there"))
        starts, drives = Signal(), Signal()
        m.d.comb += [
            starts.eq((phase == _Phase.DUMMY) & done),
            drives.eq((phase == _Phase.DATA) & selected),
            there.eq(Mux(starts, addressed << 1, here + 1)),
            port.addr.eq(there >> 1),
            port.en.eq(clock),
            pins.io_i.eq(Mux(drives, Mux(here[0], port.data[:WIRES], port.data[WIRES:]), _UNDRIVEN)),
        ]
        with m.If(clock):
            m.d.sync += here.eq(there)

        # Deselection: what it must not interrupt, and what must not come too soon after it.
        read, unfinished = Signal(), Signal()
        with m.If(deselects):
            m.d.sync += read.eq(later == _Phase.DATA)
        since_deselection = self._age(m, deselects, max(self._deselect_read, self._deselect_other))
        since_release = self._age(m, deselects & releases, self._release)
        with m.If(deselects & releases):
            m.d.sync += [powered_down.eq(0), releases.eq(0)]
        with m.Switch(later):
            with m.Case(_Phase.COMMAND):
                m.d.comb += unfinished.eq(clocks != 0)
            with m.Case(_Phase.ADDRESS):
                m.d.comb += unfinished.eq((clocks != 0) | ~continuous)
            with m.Case(_Phase.STATUS, _Phase.MODE):
                m.d.comb += unfinished.eq(1)
            with m.Case(_Phase.DUMMY):
                m.d.comb += unfinished.eq(continuous)
        m.d.comb += [
            broken[FlashRule.CUT_SHORT].eq(deselects & unfinished),
            broken[FlashRule.DESELECT].eq(
                selects & (since_deselection < Mux(read, self._deselect_read, self._deselect_other))
            ),
            broken[FlashRule.RELEASE].eq(selects & (since_release < self._release)),
            broken[FlashRule.CONTENTION].eq(pins.io_oe & (drives | starts)),
            broken[FlashRule.UNDRIVEN].eq(clock & (phase < _Phase.DUMMY) & ~pins.io_oe),
            broken[FlashRule.HOLD].eq(clock & (phase < _Phase.ADDRESS) & ~enabled & ~wires[_HOLDING].all()),
        ]
        return m

    @staticmethod
    def _age(m: Module, event: Value, limit: int) -> Signal:
        """Return how many cycles ago an event was; stays at `limit`, from where it begins."""
        age = Signal(range(limit + 1), init=limit)
        with m.If(event):
            m.d.sync += age.eq(1)
        with m.Elif(age != limit):
            m.d.sync += age.eq(age + 1)
        return age
