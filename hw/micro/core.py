"""The whole accelerator as one small machine."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import AXI_ADDRESS_BITS, Axi4Read, Axi4Write, AxiLite
from hw.core.memory.single_port import SinglePort
from hw.micro.machine import Machine
from hw.micro.memory_bus import BUS_BYTES, MemoryBus
from hw.micro.memory_map import MemoryMap
from hw.micro.microcode import VALUE_BITS, Access, Action, Mode, Register
from hw.micro.products import Products
from hw.micro.register_file import RegisterFile
from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES
from spec.registers import ADDRESS_BITS, Status

__all__ = ["MicroCore"]

_BYTE = 8
_HALF_BYTES = VALUE_BITS // _BYTE
_INDEX_BITS = (TABLE_ENTRIES - 1).bit_length()
_OCCUPIED = Status.BUSY | Status.ERROR | Status.RESETTING


class MicroCore(wiring.Component):
    """A core that executes a program as :class:`hw.accelerator.Accelerator` does, one instruction after the other.

    A microprogram fetches, checks and executes; memories and the array do what it says.

    Parameters
    ----------
    config : AcceleratorConfig
        Of core ``micro``.

    Members
    -------
    s_axil : In(AxiLite(12))
    m_axi_read : Out(Axi4Read(4)), m_axi_write : Out(Axi4Write(4))
    irq : Out(1)
        As those of the accelerator.
    """

    s_axil: Any
    m_axi_read: Any
    m_axi_write: Any
    irq: Signal

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self._machine, self._words, self._file = Machine(config), MemoryBus(config), RegisterFile()
        super().__init__(
            {
                "s_axil": In(AxiLite(ADDRESS_BITS)),
                "m_axi_read": Out(Axi4Read(BUS_BYTES)),
                "m_axi_write": Out(Axi4Write(BUS_BYTES)),
                "irq": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.machine = machine = self._machine
        m.submodules.file = file = self._file
        connect(m, flipped(self.s_axil), file.axil)
        m.d.comb += [
            file.index.eq(machine.index),
            file.read.eq(machine.local_read),
            file.write.eq(machine.local_write),
            file.i.eq(machine.bus),
            machine.local.eq(file.o),
        ]
        self._life(m, machine, file)
        self._memories(m, machine)
        self._memory_bus(m, machine)
        return m

    def _life(self, m: Module, machine: Machine, file: RegisterFile) -> None:
        """Status, START and soft reset; a hardware reset begins with one."""
        status, takes = Signal(len(Status), init=Status.RESETTING), Signal()
        state, refused = status[:-1], status[-1]
        with m.If(machine.now.destination == Register.STATUS):
            m.d.sync += [state.eq(machine.bus), takes.eq(0)]
        m.d.comb += [
            machine.start.eq(file.start & ~file.soft_reset & ~(status & _OCCUPIED).any()),
            machine.restart.eq(file.soft_reset & ~(status & Status.RESETTING).any()),
            file.hold.eq(takes),
        ]
        # Until the microprogram says that it is busy, it takes registers, which stay as they were at START.
        with m.If(machine.start):
            m.d.sync += [state.eq(Status.BUSY), takes.eq(1)]
        with m.If(machine.restart):
            m.d.sync += status.eq(Status.RESETTING)
        with m.If(file.start):
            m.d.sync += refused.eq(~machine.start)
        m.d.comb += [
            file.status.eq(status),
            self.irq.eq(file.irq_enable & (status & (Status.DONE | Status.ERROR)).any()),
        ]
        with m.If(machine.now.destination == Register.READY):
            m.d.sync += file.ready.eq(1)

    def _memories(self, m: Module, machine: Machine) -> None:
        now, bus, config = machine.now, machine.bus, self._config
        m.submodules.memory = memory = SinglePort(n_bytes=_HALF_BYTES, depth=MemoryMap(config).depth)
        m.submodules.scratchpad = scratchpad = SinglePort(n_bytes=config.rows, depth=config.scratchpad_words)
        m.d.comb += [
            memory.en.eq((now.access >= Access.READ_RECORD) & (now.access <= Access.WRITE_RESULT)),
            memory.mask.eq((now.access >= Access.WRITE_RECORD).replicate(_HALF_BYTES)),
            memory.i.eq(bus),
            machine.memory.eq(memory.o),
        ]
        with m.Switch(now.access):
            with m.Case(Access.READ_RECORD, Access.WRITE_RECORD):
                m.d.comb += memory.addr.eq(machine.p | now.index)
            with m.Case(Access.READ_ENTRY):
                table = machine.mode[Mode.TABLE_LOW : Mode.TABLE_HIGH + 1]
                m.d.comb += memory.addr.eq(MemoryMap(config).tables | Cat(machine.a[1:_INDEX_BITS], table))
            with m.Case(Access.WRITE_RESULT):
                m.d.comb += memory.addr.eq(machine.s)
            with m.Default():
                m.d.comb += memory.addr.eq(machine.v)

        # Bytes and halves go to where S says, which may be any in a word.
        stores_byte, stores_half = now.access == Access.STORE_BYTE, now.access == Access.STORE_HALF
        place = machine.s[: (config.rows - 1).bit_length()]
        halves = config.rows // _HALF_BYTES
        m.d.comb += [
            scratchpad.en.eq(now.access >= Access.STORE_BYTE),
            scratchpad.addr.eq(Mux(stores_byte | stores_half, machine.s >> len(place), machine.v)),
            scratchpad.i.eq(Cat(bus[:_BYTE], Mux(stores_byte, bus[:_BYTE], bus[_BYTE:])).replicate(halves)),
            scratchpad.mask.eq(Mux(stores_byte, 1, Mux(stores_half, 0b11, 0)) << place),
        ]

        m.submodules.products = products = Products(config)
        loads = (now.action == Action.WEIGHTS) | (now.action == Action.NO_WEIGHTS)
        m.d.comb += [
            products.operand.eq(scratchpad.o),
            products.stream.eq(now.access == Access.STREAM),
            products.fresh.eq(machine.mode[Mode.FRESH]),
            products.clear.eq((self._file.status & Status.RESETTING).any()),
            products.is_unsigned.eq(machine.mode[Mode.UNSIGNED]),
            products.load.eq(loads | (machine.takes_weights & self._words.second)),
            products.first.eq(now.destination == Register.ROW),
            products.first_row.eq(bus),
            products.next_row.eq(now.action == Action.NEXT_ROW),
            products.next_column.eq(now.action == Action.NEXT_VALUE),
            products.read.eq(now.action == Action.READ_SUMS),
            machine.sums.eq(products.sum),
        ]
        with m.If(now.action == Action.WEIGHTS):
            m.d.comb += products.weights.eq(scratchpad.o)
        with m.Elif(machine.takes_weights):
            m.d.comb += products.weights.as_value().eq(self._words.word)

    def _memory_bus(self, m: Module, machine: Machine) -> None:
        now, words = machine.now, self._words
        m.submodules.words = words
        connect(m, words.axi_read, flipped(self.m_axi_read))
        connect(m, words.axi_write, flipped(self.m_axi_write))
        addr = Signal(AXI_ADDRESS_BITS, reset_less=True)
        for half, destination in enumerate((Register.ADDR_LOW, Register.ADDR_HIGH)):
            with m.If(now.destination == destination):
                m.d.sync += addr.word_select(half, VALUE_BITS).eq(machine.bus)
        m.d.comb += [
            words.addr.eq(addr),
            words.read.eq(now.destination == Register.READ),
            words.beats.eq(machine.bus),
            words.write.eq(now.action == Action.WRITE),
            words.data.eq(machine.a),
            words.pop.eq((now.action == Action.POP) | machine.takes_weights),
            words.forget.eq(now.action == Action.FORGET),
            machine.word.eq(words.half),
            machine.available.eq(words.available),
            machine.second.eq(words.second),
            machine.owed.eq(words.owed),
            machine.failed.eq(words.failed),
            machine.dead.eq(words.dead),
        ]
