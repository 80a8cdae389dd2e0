"""A chip that checks how it is treated."""

from collections.abc import Iterable
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.sdram.command import Command
from hw.sdram.pins import AUTO_PRECHARGE_BIT, WORD_BITS, WORD_BYTES, SdramPins
from hw.sdram.power_up import mode_word
from hw.sdram.refresh_timer import MAX_OWED, RefreshTimer
from sim.chips.sdram_rule import SdramRule
from spec.sdram_chip import SdramChip

__all__ = ["SdramModel"]

_COUNT_BITS = 8
_CAS_FIELD = slice(4, 7)
_UNDRIVEN = (1 << WORD_BITS) - 1


class SdramModel(wiring.Component):
    """Behaviour of a chip on the clock ``sync``, made of synthesizable parts so that every simulator runs it.

    Single reads and writes with masks; reading masks act two cycles later. Undriven wires read as ones. The mode
    register's CAS latency is obeyed if it is 2 or 3. Wrong commands are counted and carried out as far as they make
    sense. The clock-enable wire low means no command. Simulators hold every word, so that a chip of fewer rows is
    worth its while.

    Latency: data change ``CAS - 1`` cycles after the edge that samples a READ, to be sampled by the edge ``CAS`` later.

    Parameters
    ----------
    chip : SdramChip
    clock_hz : float
    init : Iterable[int]
        First words of the memory; a word's index is its address: column, bank and row from the lowest bit up.

    Members
    -------
    pins : In(SdramPins())
    violations : Out(StructLayout of 8 bits for each `SdramRule`)
        How often each rule was broken; stays at 255.
    owed : Out(range(9))
        Refreshes owed.

    Attributes
    ----------
    memory : Memory
        The words.

    Raises
    ------
    ValueError
        The chip cannot work with this clock; see `SdramChip.timing`.
    """

    pins: Any
    violations: Any
    owed: Any

    def __init__(self, chip: SdramChip, clock_hz: float, init: Iterable[int] = ()) -> None:
        self._chip = chip
        self._timing = chip.timing(clock_hz)
        self.memory = Memory(shape=WORD_BITS, depth=chip.words, init=init)
        super().__init__(
            {
                "pins": In(SdramPins()),
                "violations": Out(data.StructLayout({rule.value: _COUNT_BITS for rule in SdramRule})),
                "owed": Out(range(MAX_OWED + 1)),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        chip, timing, pins = self._chip, self._timing, self.pins
        broken = {rule: Signal(name=f"broken_{rule.value}") for rule in SdramRule}
        for rule, signal in broken.items():
            count = self.violations[rule.value]
            with m.If(signal & ~count.all()):
                m.d.sync += count.eq(count + 1)

        # The command, and what it means for each bank.
        command = Signal(Command)
        m.d.comb += command.eq(Mux(pins.cs_n | ~pins.cke, Command.NOP, Cat(pins.we_n, pins.cas_n, pins.ras_n)))
        given = {code: Signal(name=f"given_{code.name.lower()}") for code in Command}
        m.d.comb += [signal.eq(command == code) for code, signal in given.items()]
        bank = pins.ba[: exact_log2(chip.banks)]
        all_banks = pins.a[AUTO_PRECHARGE_BIT]
        reads_or_writes = given[Command.READ] | given[Command.WRITE]

        opened = Signal(chip.banks)
        rows = Array(Signal(range(chip.rows), name=f"row_{n}") for n in range(chip.banks))
        too_early: dict[SdramRule, list[Value]] = {rule: [] for rule in SdramRule}
        for number in range(chip.banks):
            here = bank == number
            closes = given[Command.PRECHARGE] & (here | all_banks)
            activates = given[Command.ACTIVATE] & here
            with m.If(activates):
                m.d.sync += [opened[number].eq(1), rows[number].eq(pins.a)]
            with m.If(closes):
                m.d.sync += opened[number].eq(0)

            since_activate = self._age(m, activates, max(timing.rcd, timing.ras, timing.rc, timing.rrd))
            since_precharge = self._age(m, closes & opened[number], timing.rp)
            since_write = self._age(m, given[Command.WRITE] & here, timing.wr)
            unready = given[Command.REFRESH] | given[Command.MODE] | activates
            too_early[SdramRule.T_RCD].append(reads_or_writes & here & (since_activate < timing.rcd))
            too_early[SdramRule.T_RP].append(unready & (since_precharge < timing.rp))
            too_early[SdramRule.T_RAS].append(closes & opened[number] & (since_activate < timing.ras))
            too_early[SdramRule.T_RC].append(activates & (since_activate < timing.rc))
            too_early[SdramRule.T_RRD].append(given[Command.ACTIVATE] & ~here & (since_activate < timing.rrd))
            too_early[SdramRule.T_WR].append(closes & opened[number] & (since_write < timing.wr))
        since_refresh = self._age(m, given[Command.REFRESH], timing.rfc)
        since_mode = self._age(m, given[Command.MODE], timing.mrd)
        too_early[SdramRule.T_RFC].append(~given[Command.NOP] & (since_refresh < timing.rfc))
        too_early[SdramRule.T_MRD].append(~given[Command.NOP] & (since_mode < timing.mrd))
        m.d.comb += [broken[rule].eq(Cat(terms).any()) for rule, terms in too_early.items() if terms]

        m.d.comb += [
            broken[SdramRule.CLOSED_BANK].eq(reads_or_writes & ~opened.bit_select(bank, 1)),
            broken[SdramRule.OPEN_BANK].eq(given[Command.ACTIVATE] & opened.bit_select(bank, 1)),
            broken[SdramRule.ROWS_OPEN].eq((given[Command.REFRESH] | given[Command.MODE]) & opened.any()),
            broken[SdramRule.UNDRIVEN].eq(given[Command.WRITE] & ~pins.dq_oe),
        ]

        # Power-up, the mode register and the refreshes owed from then on.
        waited = Signal(range(timing.power_up + 1))
        refreshes = Signal(range(chip.initial_refreshes + 1))
        precharged, mode_loaded = Signal(), Signal()
        latency = Signal(_CAS_FIELD.stop - _CAS_FIELD.start, init=chip.cas_latency)
        may_load = Signal()
        m.d.comb += may_load.eq(precharged & (refreshes == chip.initial_refreshes))
        with m.If(waited != timing.power_up):
            m.d.sync += waited.eq(waited + 1)
        with m.If(given[Command.PRECHARGE] & all_banks):
            m.d.sync += precharged.eq(1)
        with m.If(given[Command.REFRESH] & (refreshes != chip.initial_refreshes)):
            m.d.sync += refreshes.eq(refreshes + 1)
        with m.If(given[Command.MODE]):
            m.d.sync += [mode_loaded.eq(1), latency.eq(pins.a[_CAS_FIELD])]
        out_of_order = Signal()
        with m.Switch(command):
            with m.Case(Command.NOP, Command.PRECHARGE):
                pass
            with m.Case(Command.REFRESH):
                m.d.comb += out_of_order.eq(~precharged)
            with m.Case(Command.MODE):
                m.d.comb += out_of_order.eq(~may_load)
            with m.Default():
                m.d.comb += out_of_order.eq(~mode_loaded)
        other_mode = pins.a ^ Cat(Const(mode_word(0), _CAS_FIELD.start), pins.a[_CAS_FIELD])
        m.submodules.refresh_timer = refresh_timer = RefreshTimer(timing.refi)
        m.d.comb += [
            broken[SdramRule.POWER_UP].eq(~given[Command.NOP] & ((waited != timing.power_up) | out_of_order)),
            broken[SdramRule.CAS_LATENCY].eq(given[Command.MODE] & (pins.a[_CAS_FIELD] != chip.cas_latency)),
            broken[SdramRule.UNSUPPORTED].eq(
                (given[Command.MODE] & other_mode.any()) | (reads_or_writes & all_banks) | given[Command.STOP]
            ),
            refresh_timer.en.eq(mode_loaded),
            refresh_timer.taken.eq(given[Command.REFRESH]),
            broken[SdramRule.REFRESH_OWED].eq(refresh_timer.overdue),
            self.owed.eq(refresh_timer.owed),
        ]

        # Words. The memory's own read register is the first cycle of the CAS latency.
        m.submodules.memory = self.memory
        write_port = self.memory.write_port(granularity=WORD_BITS // WORD_BYTES)
        read_port = self.memory.read_port()
        address = Cat(pins.a[: exact_log2(chip.columns)], bank, rows[bank])
        m.d.comb += [
            write_port.addr.eq(address),
            write_port.data.eq(pins.dq_o),
            write_port.en.eq(Mux(given[Command.WRITE], ~pins.dqm, 0)),
            read_port.addr.eq(address),
            read_port.en.eq(given[Command.READ]),
        ]
        word_layout = data.StructLayout({"valid": 1, "data": WORD_BITS})
        first, second, third = (Signal(word_layout, name=f"word_{n}") for n in ("first", "second", "third"))
        m.d.comb += first.data.eq(read_port.data)
        m.d.sync += [first.valid.eq(given[Command.READ]), second.eq(first), third.eq(second)]
        word = Mux(latency == 2, second.as_value(), third.as_value())
        masks = [Signal(WORD_BYTES, name=f"mask_{n}") for n in range(2)]
        m.d.sync += [masks[0].eq(pins.dqm), masks[1].eq(masks[0])]
        shown = data.View(word_layout, word)
        drives = Signal(WORD_BYTES)
        m.d.comb += [
            drives.eq(Mux(shown.valid, ~masks[1], 0)),
            broken[SdramRule.CONTENTION].eq(drives.any() & pins.dq_oe),
        ]
        undriven = Const(_UNDRIVEN, WORD_BITS)
        for lane in range(WORD_BYTES):
            byte = slice(lane * WORD_BITS // WORD_BYTES, (lane + 1) * WORD_BITS // WORD_BYTES)
            m.d.comb += pins.dq_i[byte].eq(Mux(drives[lane], shown.data[byte], undriven[byte]))
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
