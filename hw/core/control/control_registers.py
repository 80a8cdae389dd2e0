"""The registers behind AXI4-Lite."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import AXI_ADDRESS_BITS, AxiLite
from hw.bus.fault import Fault
from hw.core.control.counters import COUNTER_BITS
from hw.core.control.fetch import LENGTH_BITS
from spec.config import AcceleratorConfig
from spec.isa import ISA_VERSION
from spec.registers import ADDRESS_BITS, COUNTERS, DEVICE_ID, REGISTERS, Control, Status

__all__ = ["ControlRegisters", "status_layout"]

_WORD_BITS = 32

_GROUP_BITS = 6  # of an address; they choose a byte in a group of registers
_GROUP_BYTES = 1 << _GROUP_BITS

status_layout = data.StructLayout({flag.name.lower(): 1 for flag in Status if flag.name})
"""STATUS, one bit per flag."""


class ControlRegisters(wiring.Component):
    """What the host sees, as :mod:`spec.registers` has it.

    Latency: 3 cycles from a read's address, 1 from a write's address and data, to the answer; one more to ``start`` and
    ``soft_reset``. Throughput: one write per cycle, a read in 3 cycles.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    axil : In(AxiLite(12))
    irq : Out(1)
        Level: enabled, and DONE or ERROR.
    start, soft_reset : Out(1)
        Pulses.
    program_addr : Out(32)
    program_length : Out(27)
        Of the program that runs: what the register was at START.
    status : In(status_layout)
    error : In(Fault())
    counters : In(ArrayLayout(unsigned(48), 22))
    """

    axil: Any
    irq: Any
    start: Any
    soft_reset: Any
    program_addr: Any
    program_length: Any
    status: Any
    error: Any
    counters: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "axil": In(AxiLite(ADDRESS_BITS)),
                "irq": Out(1),
                "start": Out(1),
                "soft_reset": Out(1),
                "program_addr": Out(AXI_ADDRESS_BITS),
                "program_length": Out(LENGTH_BITS),
                "status": In(status_layout),
                "error": In(Fault()),
                "counters": In(data.ArrayLayout(unsigned(COUNTER_BITS), len(COUNTERS))),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        axil = self.axil
        offsets = {register.name: register.offset for register in REGISTERS}
        irq_enable = Signal()
        m.d.comb += self.irq.eq(irq_enable & (self.status.done | self.status.error))

        # Writes: address and data are taken together.
        write = Signal()
        m.d.comb += [
            write.eq(axil.awvalid & axil.wvalid & (~axil.bvalid | axil.bready)),
            axil.awready.eq(write),
            axil.wready.eq(write),
        ]
        with m.If(axil.bready):
            m.d.sync += axil.bvalid.eq(0)
        with m.If(write):
            m.d.sync += axil.bvalid.eq(1)

        strobes = Cat(strobe.replicate(8) for strobe in axil.wstrb)
        next_length = Signal(LENGTH_BITS)
        with m.If(~self.status.busy):
            m.d.sync += self.program_length.eq(next_length)
        stored = {
            "PROGRAM_ADDR": self.program_addr,
            "PROGRAM_LENGTH": next_length,
            "IRQ_ENABLE": irq_enable,
        }
        m.d.sync += [self.start.eq(0), self.soft_reset.eq(0)]
        with m.If(write), m.Switch(axil.awaddr >> 2):
            with m.Case(offsets["CONTROL"] >> 2):
                control = axil.wdata & strobes
                m.d.sync += [
                    self.start.eq((control & Control.START).any()),
                    self.soft_reset.eq((control & Control.SOFT_RESET).any()),
                ]
            for name, register in stored.items():
                with m.Case(offsets[name] >> 2):
                    m.d.sync += register.eq((register & ~strobes) | (axil.wdata & strobes))

        # Reads.
        read_values: dict[str, Any] = {
            "ID": DEVICE_ID,
            "VERSION": ISA_VERSION,
            "STATUS": self.status.as_value(),
            "ERROR_CODE": self.error.code,
            "ERROR_INDEX": self.error.index,
            "ERROR_ADDR": self.error.addr,
            "ROWS": self.config.rows,
            "COLS": self.config.cols,
            "LANES": self.config.lanes,
            **stored,
        }
        words = {offsets[name]: value for name, value in read_values.items()}
        for counter, value in zip(COUNTERS, self.counters, strict=True):
            words[counter.offset] = value[:_WORD_BITS]
            words[counter.offset + _WORD_BITS // 8] = value[_WORD_BITS:]
        # Registers are many: first one of each group is chosen, then the group.
        address, asked, looked_up = Signal(ADDRESS_BITS), Signal(), Signal()
        groups = {
            offset // _GROUP_BYTES: Signal(_WORD_BITS, name=f"group_{offset // _GROUP_BYTES}") for offset in words
        }
        m.d.comb += axil.arready.eq(~asked & ~looked_up & ~axil.rvalid)
        m.d.sync += [asked.eq(axil.arvalid & axil.arready), looked_up.eq(asked)]
        with m.If(axil.arready):
            m.d.sync += address.eq(axil.araddr)
        m.d.sync += [group.eq(0) for group in groups.values()]
        with m.Switch(address[2:_GROUP_BITS]):
            for place in range(_GROUP_BYTES // 4):
                with m.Case(place):
                    m.d.sync += [
                        groups[offset // _GROUP_BYTES].eq(value)
                        for offset, value in words.items()
                        if offset % _GROUP_BYTES // 4 == place
                    ]
        with m.If(looked_up):
            m.d.sync += [axil.rvalid.eq(1), axil.rdata.eq(0)]
            with m.Switch(address[_GROUP_BITS:]):
                for number, group in groups.items():
                    with m.Case(number):
                        m.d.sync += axil.rdata.eq(group)
        with m.Elif(axil.rready):
            m.d.sync += axil.rvalid.eq(0)
        return m
