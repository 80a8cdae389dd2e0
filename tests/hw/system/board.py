"""A board on which everything but the host is simulated."""

from typing import Any

from amaranth.hdl import DomainRenamer, Elaboratable, Module
from amaranth.lib.wiring import connect

from host.link.client import LinkClient
from hw.sdram.pins import WORD_BYTES
from hw.system.sdram_system import SdramSystem
from sim.chips.sdram import SdramModel
from sim.chips.sdram_rule import SdramRule
from spec.config import AcceleratorConfig
from spec.program import Program
from spec.registers import COUNTERS, REGISTERS, Status
from spec.sdram_chip import SdramChip
from tests.host.link.ports import DIVISOR, SimulatedPort, serial_line

__all__ = ["CHIP", "Board", "Host", "memory_words"]

CHIP = SdramChip(rows=256, retention_ns=256 * 7812.5, power_up_ns=500)
"""1 MiB of the real chip with a short power-up."""

_OFFSETS = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}
_TIMEOUT_CYCLES = 3000


def memory_words(program: Program) -> list[int]:
    """Return the first words of a chip that holds a program."""
    memory = bytearray(program.memory_bytes + program.memory_bytes % WORD_BYTES)
    for addr, content in (
        (program.instructions_addr, program.instructions),
        (program.constants_addr, program.constants),
    ):
        memory[addr : addr + len(content)] = content.tobytes()
    return [int.from_bytes(memory[at : at + WORD_BYTES], "little") for at in range(0, len(memory), WORD_BYTES)]


class Board(Elaboratable):
    """The system with a chip at its pins."""

    def __init__(self, config: AcceleratorConfig, clock_hz: float, sdram_hz: float, words: list[int]) -> None:
        self.config = config
        self.periods = {"sync": 1 / clock_hz, "sdram": 1 / sdram_hz}
        self.system = SdramSystem(config, CHIP, clock_hz=clock_hz, sdram_hz=sdram_hz, baud=clock_hz / DIVISOR)
        self.model = SdramModel(CHIP, sdram_hz, words)

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.system = self.system
        m.submodules.model = DomainRenamer("sdram")(self.model)
        connect(m, self.system.pins, self.model.pins)
        return m


class Host:
    """A client at the serial line of a simulated board.

    ``irq`` and ``violations``, the counts of the rules that were broken, are what the board shows.
    """

    def __init__(
        self, config: AcceleratorConfig, *, clock_hz: float, sdram_hz: float, words: list[int] | None = None
    ) -> None:
        board = Board(config, clock_hz, sdram_hz, words or [])
        self._words = board.model.memory.data
        self._ctx: Any = None
        self.irq = 0
        self.violations: dict[str, int] = {}

        async def watch_irq(ctx: Any) -> None:
            self._ctx = ctx
            async for (self.irq,) in ctx.changed(board.system.irq):
                pass

        async def watch_rules(ctx: Any) -> None:
            async for (counts,) in ctx.changed(board.model.violations):
                self.violations = {rule.value: counts[rule.value] for rule in SdramRule if counts[rule.value]}

        async def line(ctx: Any, port: SimulatedPort) -> None:
            await serial_line(ctx, port, board.system)

        port = SimulatedPort(board, line, _TIMEOUT_CYCLES, watch_irq, watch_rules, periods=board.periods)
        self.client = LinkClient(port, bus_bytes=config.bus_bytes)

    def read(self, name: str) -> int:
        """Read a register, or the low half of a counter."""
        return self.client.read_register(_OFFSETS[name])

    def write(self, name: str, value: int) -> None:
        """Write a register."""
        self.client.write_register(_OFFSETS[name], value)

    def peek(self, addr: int, size: int) -> bytes:
        """Return bytes of the chip."""
        words = (self._ctx.get(self._words[at // WORD_BYTES]) for at in range(addr, addr + size, WORD_BYTES))
        return b"".join(int(word).to_bytes(WORD_BYTES, "little") for word in words)

    def wait(self) -> int:
        """Return STATUS as soon as the core neither runs nor resets."""
        for _ in range(50):
            status = self.read("STATUS")
            if not status & (Status.BUSY | Status.RESETTING):
                return status
        raise AssertionError("the core hangs")
