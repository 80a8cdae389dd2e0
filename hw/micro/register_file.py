"""Local variables of the microprogram, and the registers that the host sees."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.bus.axi import AxiLite
from hw.core.memory.collisions import NO_COLLISIONS
from hw.micro.microcode import INDEX_BITS, VALUE_BITS
from spec.registers import ADDRESS_BITS, COUNTERS, REGISTERS, Control, Status

__all__ = ["FIRST_LOCAL", "RegisterFile", "file_index"]

_WORD_BITS = 32
_HALF_BYTES = VALUE_BITS // 8
_HOST_BYTES = 128  # in which all registers are, and words that stay zero
_HOST_HALVES = _HOST_BYTES // _HALF_BYTES
_COUNTED = "instructions"

FIRST_LOCAL = _HOST_HALVES + 2
"""Of the words that the host does not see."""

_OFFSETS = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}


def file_index(name: str) -> int:
    """Return where the low half of a register is in the file, or of the only counter that is there."""
    return _HOST_HALVES if name == _COUNTED else _OFFSETS[name] // _HALF_BYTES


class RegisterFile(wiring.Component):
    """A memory of 16-bit words, of which the host reads and writes the first ones as registers of 32 bits.

    Of the counters, ``cycles`` and ``instructions`` count, with 32 bits; read the first one once it has stopped.

    The host waits until the file is ``ready``, for which all its words must be written, constants and zeros, and then
    while the microprogram uses a port, and with writes while these are held. It writes PROGRAM_ADDR, PROGRAM_LENGTH and
    IRQ_ENABLE alone; STATUS does not stand in the file.

    Latency: ``o`` is the word in the cycle after ``read``, and only in that; a register comes after 4 cycles or more.

    Members
    -------
    axil : In(AxiLite(12))
    ready : In(1)
        What the host sees has been written.
    index : In(8)
    read, write : In(1)
    i : In(16), o : Out(16)
    status : In(5)
    hold : In(1)
        Another write must not begin.
    start, soft_reset : Out(1)
        Pulses, after CONTROL has been written.
    irq_enable : Out(1)
    """

    axil: Any
    ready: Signal
    index: Signal
    read: Signal
    write: Signal
    i: Signal
    o: Signal
    status: Signal
    hold: Signal
    start: Signal
    soft_reset: Signal
    irq_enable: Signal

    def __init__(self) -> None:
        self.memory = Memory(shape=VALUE_BITS, depth=1 << INDEX_BITS, init=[], attrs=NO_COLLISIONS)
        super().__init__(
            {
                "axil": In(AxiLite(ADDRESS_BITS)),
                "ready": In(1),
                "index": In(INDEX_BITS),
                "read": In(1),
                "write": In(1),
                "i": In(VALUE_BITS),
                "o": Out(VALUE_BITS),
                "status": In(len(Status)),
                "hold": In(1),
                "start": Out(1),
                "soft_reset": Out(1),
                "irq_enable": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        axil = self.axil
        m.submodules.memory = memory = self.memory
        read_port, write_port = memory.read_port(), memory.write_port(granularity=1)
        m.d.comb += self.o.eq(read_port.data)

        # Reads, low half first; the address stays until both have been read.
        halves, taken, answer = Signal(2), Signal(), Signal(_WORD_BITS, reset_less=True)
        asks = self.ready & axil.arvalid & ~axil.rvalid & (halves != 2)
        turn = asks & ~self.read
        m.d.sync += taken.eq(turn)
        with m.If(turn):
            m.d.sync += halves.eq(halves + 1)
        is_status = axil.araddr[2:] == _OFFSETS["STATUS"] >> 2
        status = Mux(is_status & ~halves[1], self.status, 0)
        # Cycles since the core has become busy; none after a soft reset.
        busy, resets = ((self.status & state).any() for state in (Status.BUSY, Status.RESETTING))
        was_busy = Signal()
        cycles = Signal(_WORD_BITS)
        m.d.sync += was_busy.eq(busy)
        with m.If(busy):
            m.d.sync += cycles.eq(Mux(was_busy, cycles, 0) + 1)
        with m.If(resets):
            m.d.sync += cycles.eq(0)
        is_cycles = axil.araddr[2:] == _OFFSETS["cycles"] >> 2
        counted = Mux(is_cycles, cycles.word_select(halves[1], VALUE_BITS), 0)
        with m.If(taken):
            m.d.sync += answer.eq(Cat(answer[VALUE_BITS:], read_port.data | status | counted))
        m.d.comb += axil.arready.eq(taken & halves[1])
        with m.If(axil.arready):
            m.d.sync += [axil.rvalid.eq(1), halves.eq(0)]
        with m.If(axil.rvalid & axil.rready):
            m.d.sync += axil.rvalid.eq(0)
        m.d.comb += [
            axil.rdata.eq(answer),
            read_port.en.eq(self.read | asks),
            read_port.addr.eq(Mux(self.read, self.index, _host_index(axil.araddr, halves[0]))),
        ]

        # Writes, low half first.
        high = Signal()
        offered = self.ready & axil.awvalid & axil.wvalid & ~axil.bvalid & ~self.hold
        step = offered & ~self.write
        strobes = Cat(strobe.replicate(8) for strobe in axil.wstrb)
        mask = Signal(_WORD_BITS)
        with m.Switch(axil.awaddr[2:]):
            for register in REGISTERS:
                if register.access == "rw":
                    with m.Case(register.offset >> 2):
                        m.d.comb += mask.eq(strobes & ((1 << register.width) - 1))
        with m.If(step):
            m.d.sync += high.eq(~high)
        m.d.comb += [axil.awready.eq(step & high), axil.wready.eq(axil.awready)]
        with m.If(axil.awready):
            m.d.sync += axil.bvalid.eq(1)
        with m.Elif(axil.bready):
            m.d.sync += axil.bvalid.eq(0)
        ours = Signal(VALUE_BITS)
        m.d.comb += [
            ours.eq(mask.word_select(high, VALUE_BITS)),
            write_port.addr.eq(Mux(self.write, self.index, _host_index(axil.awaddr, high))),
            write_port.data.eq(Mux(self.write, self.i, axil.wdata.word_select(high, VALUE_BITS))),
            write_port.en.eq(Mux(self.write, (1 << VALUE_BITS) - 1, Mux(offered, ours, 0))),
        ]

        # What acts at once.
        control = step & ~high & axil.wstrb[0] & (axil.awaddr[2:] == _OFFSETS["CONTROL"] >> 2)
        enables = step & ~high & axil.wstrb[0] & (axil.awaddr[2:] == _OFFSETS["IRQ_ENABLE"] >> 2)
        m.d.sync += [
            self.start.eq(control & (axil.wdata & Control.START).any()),
            self.soft_reset.eq(control & (axil.wdata & Control.SOFT_RESET).any()),
        ]
        with m.If(enables):
            m.d.sync += self.irq_enable.eq(axil.wdata[0])
        return m


def _host_index(address: Any, high: Any) -> Any:
    """Where a half of a register is; where there is none, a word that is zero."""
    word = address[2:]
    counted = word == _OFFSETS[_COUNTED] >> 2
    beyond = address[(_HOST_BYTES - 1).bit_length() :].any() & ~counted
    within = address[2 : (_HOST_BYTES - 1).bit_length()] & (~counted).replicate(5) | beyond.replicate(5)
    return Cat(high, within, counted, Const(0, 1))
