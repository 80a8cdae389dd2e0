"""The registers behind AXI4-Lite."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import AXI_ADDRESS_BITS, AxiLite
from hw.bus.fault import Fault
from hw.config import AcceleratorConfig
from hw.control.counters import COUNTER_BITS
from hw.control.fetch import LENGTH_BITS
from hw.isa import ISA_VERSION
from hw.registers import ADDRESS_BITS, COUNTERS, DEVICE_ID, REGISTERS, Control, Status

__all__ = ["ControlRegisters", "status_layout"]

_WORD_BITS = 32

status_layout = data.StructLayout({flag.name.lower(): 1 for flag in Status if flag.name})
"""STATUS, one bit per flag."""


class ControlRegisters(wiring.Component):
    """What the host sees, as :mod:`hw.registers` has it.

    Latency: 1 cycle from a read's address, or a write's address and data, to the answer.
    Throughput: one access per cycle.

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
        stored = {
            "PROGRAM_ADDR": self.program_addr,
            "PROGRAM_LENGTH": self.program_length,
            "IRQ_ENABLE": irq_enable,
        }
        with m.If(write), m.Switch(axil.awaddr >> 2):
            with m.Case(offsets["CONTROL"] >> 2):
                control = axil.wdata & strobes
                m.d.comb += [
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
        m.d.comb += axil.arready.eq(~axil.rvalid | axil.rready)
        with m.If(axil.rready):
            m.d.sync += axil.rvalid.eq(0)
        with m.If(axil.arvalid & axil.arready):
            m.d.sync += [axil.rvalid.eq(1), axil.rdata.eq(0)]
            with m.Switch(axil.araddr >> 2):
                for offset, value in words.items():
                    with m.Case(offset >> 2):
                        m.d.sync += axil.rdata.eq(value)
        return m
