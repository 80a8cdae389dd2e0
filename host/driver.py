"""Driving an accelerator by its registers, whatever stands between them and the host."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from spec.device import DeviceError
from spec.dispatch import dispatch
from spec.isa import INSTRUCTION_BYTES, ErrorCode, Instruction, decode, fields_of
from spec.program import Program
from spec.registers import COUNTERS, REGISTERS, Control, Status

__all__ = ["Driver", "Registers"]

_OFFSETS = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}

_WORD_BYTES, _WORD_BITS = 4, 32

# What grows while a program gets on; of each the low word, which is enough to see that.
_SIGNS_OF_LIFE = ("instructions", "array_busy", "post_busy", "load_bytes", "weight_bytes", "write_bytes")


class Registers(Protocol):
    """A way to the registers of :mod:`spec.registers`; several at once, as a serial line answers all in one go."""

    def read_registers(self, offsets: Sequence[int], /) -> list[int]:
        """Return the registers at byte ``offsets``."""
        ...

    def write_registers(self, values: Mapping[int, int], /) -> None:
        """Write registers, by byte offset, in order."""
        ...


class Driver:
    """A driver that resets and starts an accelerator, waits for its end and puts its errors into words.

    Where it has to wait it calls ``pause``, which lets the accelerator go on for a while and returns the time.

    Parameters
    ----------
    registers : Registers
    unit : str
        Of the time.
    """

    def __init__(self, registers: Registers, unit: str) -> None:
        self._registers, self._unit = registers, unit

    def read(self, *names: str) -> list[int]:
        """Return registers by name; of counters, the low word."""
        return self._registers.read_registers([_OFFSETS[name] for name in names])

    def reset(self, pause: Callable[[], int], patience: int | None = None) -> None:
        """Do a soft reset: clear everything that an earlier run has left.

        Until it has ended, that run may write to memory: whatever the next one needs there is put there after this.

        Raises
        ------
        DeviceError
            With code BUS_TIMEOUT, if it takes longer than ``patience``; by default it may take any time.
        """
        self._write(CONTROL=Control.SOFT_RESET)
        began: int | None = None
        while self.read("STATUS")[0] & Status.RESETTING:
            now = pause()
            began = now if began is None else began
            if patience is not None and now - began >= patience:
                raise DeviceError(
                    f"the soft reset has not ended after {patience} {self._unit}: the memory still owes answers, and "
                    "both it and the accelerator need a hardware reset",
                    code=ErrorCode.BUS_TIMEOUT,
                )

    def start(self, program: Program) -> None:
        """Start a program whose bytes are in memory."""
        self._write(
            PROGRAM_ADDR=program.instructions_addr,
            PROGRAM_LENGTH=program.instructions.size // INSTRUCTION_BYTES,
            IRQ_ENABLE=1,
            CONTROL=Control.START,
        )

    def wait(
        self,
        program: Program,
        pause: Callable[[], int],
        patience: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Wait for the end of the program that :meth:`start` has started.

        Parameters
        ----------
        program : Program
        pause : callable
        patience : int
            Time without any progress after which the program counts as hung.
        progress : callable, optional
            Called after each pause with what it has returned, and the instructions dispatched so far.

        Raises
        ------
        DeviceError
            If the accelerator reports an error; with code 0 if it refuses to start, or shows neither progress nor an
            error.
        """
        signs: list[int] = []
        alive_at = 0
        while True:
            now = pause()
            before = signs
            status, *signs = self.read("STATUS", *_SIGNS_OF_LIFE)
            if status & Status.REFUSED and not status & Status.BUSY:
                raise DeviceError("the accelerator has refused to start: it needs a soft reset first")
            if status & Status.ERROR:
                raise self._error(program)
            if status & Status.DONE:
                return
            instructions = signs[0]
            if signs != before:
                alive_at = now
            elif now - alive_at >= patience:
                raise DeviceError(
                    f"instruction {instructions}: no progress for {patience} {self._unit}", index=instructions
                )
            if progress:
                progress(now, instructions)

    def counters(self) -> dict[str, int]:
        """Return all counters by name."""
        words = self._registers.read_registers([c.offset + part for c in COUNTERS for part in (0, _WORD_BYTES)])
        pairs = zip(words[::2], words[1::2], strict=True)
        return {c.name: low | high << _WORD_BITS for c, (low, high) in zip(COUNTERS, pairs, strict=True)}

    def _write(self, **values: int) -> None:
        self._registers.write_registers({_OFFSETS[name]: int(value) for name, value in values.items()})

    def _error(self, program: Program) -> DeviceError:
        """Put the error registers into words; of a deadlock, the accelerator does not tell the instruction."""
        number, index, addr = self.read("ERROR_CODE", "ERROR_INDEX", "ERROR_ADDR")
        reason = ""
        if number == ErrorCode.DEADLOCK and (stop := dispatch(program)[1]) and stop.code == ErrorCode.DEADLOCK:
            index, reason = stop.index, f": {stop.reason}"
        data = program.instructions[INSTRUCTION_BYTES * index :][:INSTRUCTION_BYTES].tobytes()
        try:
            instruction = f" ({_describe(decode(data))})"
        except ValueError:
            instruction = ""
        where = f" at address {addr:#x}" if addr else ""
        message = f"instruction {index}{instruction}: {ErrorCode(number).name}{where}{reason}"
        return DeviceError(message, code=number, index=index, addr=addr)


def _describe(instruction: Instruction) -> str:
    """Return the instruction's name and its fields that are not zero."""
    values = {name: getattr(instruction, name) for name, _width, _signed in fields_of(type(instruction))}
    return " ".join([instruction.opcode.name, *(f"{name}={value}" for name, value in values.items() if value)])
