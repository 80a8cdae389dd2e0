"""A board with an FPGA as a device."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from host.board.flash_image import HEADER_BYTES, MAGIC, FlashImage
from host.board.memory import BoardMemory
from host.driver import Driver
from host.link.client import LinkClient
from host.link.port import open_port
from spec.config import AcceleratorConfig
from spec.device import Result
from spec.isa import INSTRUCTION_BYTES, ISA_VERSION, Opcode, decode
from spec.link import BAUD, REMEMBERED
from spec.memories import Memory
from spec.program import Program, Region
from spec.registers import DEVICE_ID
from spec.spans import spans

__all__ = ["BoardDevice"]

_OPCODE_MASK = 0x0F
_NS_PER_MS = 1_000_000


class BoardDevice:
    """A device that runs programs on an FPGA at the other end of a serial line.

    What has once been written to its memory, such as weights, is not written again by later runs. Before the first run,
    and again after any failure, the registers ID, VERSION, ROWS, COLS and LANES must be those of ``config``; the sizes
    of memories cannot be read. Memory that neither instructions, constants nor inputs take is as earlier runs have left
    it.

    Parameters
    ----------
    client : LinkClient
    config : AcceleratorConfig
        What the FPGA has been configured with.
    patience : int
        Milliseconds without any progress after which a program counts as hung.
    progress : callable, optional
        Called while memory is written, with the bytes that have been and those that will be.
    flash : FlashImage, optional
        What the board's flash must hold; programs then run from there, and only inputs are written.

    Raises
    ------
    ConnectionError
        If the FPGA does not answer or holds something else, or the flash does.
    ValueError
        If it has been configured with another array.
    """

    def __init__(
        self,
        client: LinkClient,
        config: AcceleratorConfig,
        *,
        patience: int = 5_000,
        progress: Callable[[int, int], None] | None = None,
        flash: FlashImage | None = None,
    ) -> None:
        self.config = config
        self._patience = patience
        self._flash = flash
        self._memory = BoardMemory(client, config.bus_bytes, progress)
        self._driver = Driver(client, "ms")
        self._identified = False
        self._identify()

    @classmethod
    def open(
        cls,
        config: AcceleratorConfig,
        *,
        port: str,
        baud: int = BAUD,
        progress: Callable[[int, int], None] | None = None,
        flash: FlashImage | None = None,
    ) -> Self:
        """Return the board at a serial port.

        Parameters
        ----------
        config : AcceleratorConfig
        port : str
            Such as ``/dev/ttyUSB0`` or ``COM3``.
        baud : int
            Bits in a second.
        progress : callable, optional
        flash : FlashImage, optional

        Raises
        ------
        RuntimeError
            If pyserial is not installed.
        ConnectionError
            If the port cannot be opened, or as the constructor.
        ValueError
            As the constructor.
        """
        client = LinkClient(open_port(port, baud), bus_bytes=config.bus_bytes, window=REMEMBERED)
        return cls(client, config, progress=progress, flash=flash)

    def run(
        self,
        program: Program,
        inputs: dict[str, NDArray[np.generic]],
        state: Mapping[str, NDArray[np.generic]] | None = None,
    ) -> Result:
        """Write ``inputs`` and ``state`` to their regions, run to HALT, read outputs and state.

        Raises
        ------
        ValueError
            If the program was made for another configuration or is not in the flash, an input has another dtype or
            shape, or the FPGA has been configured anew with another array.
        ConnectionError
            If the FPGA does not answer or the port is gone.
        DeviceError
            If the device reports an error or has too little memory; with code 0 if it shows neither progress nor an
            error.
        """
        if program.config != self.config:
            raise ValueError(f"the program must be made for {self.config}, not {program.config}")
        if self._flash:
            program = self._flash.place(program)
        image = program.memory_image(inputs, state)
        if not self._identified:
            self._identify()
        # Until all has gone well nothing is certain.
        self._identified = False
        # What an interrupted run has left under way may still write to memory until this has ended.
        self._driver.reset(_milliseconds, self._patience)
        self._memory.write(image, _written_by_host(program) if self._flash else _read_parts(program))
        self._driver.start(program)
        self._driver.wait(program, _milliseconds, self._patience)
        counters = self._driver.counters()
        for region in (*program.outputs.values(), *program.state.values()):
            image[region.addr :][: region.nbytes] = self._memory.read(_range(region))
        self._memory.forget_parts(_written_parts(program))
        self._identified = True
        return Result(
            outputs=program.read_outputs(image),
            state=program.read_state(image),
            cycles=counters["cycles"],
            counters=counters,
        )

    def _identify(self) -> None:
        """Forget what was known of the FPGA, and see whether it is the right one."""
        self._memory.forget()
        device, version, *shape = self._driver.read("ID", "VERSION", "ROWS", "COLS", "LANES")
        if device != DEVICE_ID:
            raise ConnectionError(f"the FPGA must hold an accelerator, whose ID is {DEVICE_ID:#x}, not {device:#x}")
        if version != ISA_VERSION:
            raise ConnectionError(f"the FPGA must have version {ISA_VERSION} of the instruction set, not {version}")
        expected = [self.config.rows, self.config.cols, self.config.lanes]
        if shape != expected:
            raise ValueError(f"the FPGA must have {_describe(*expected)}, not {_describe(*shape)}")
        if self._flash:
            self._check_flash(self._flash)
        self._identified = True

    def _check_flash(self, image: FlashImage) -> None:
        """See whether the flash holds the image."""
        addr = image.where.data_addr
        found = self._memory.read(range(addr, addr + HEADER_BYTES)).tobytes()
        if found != image.header:
            what = "another image" if found.startswith(MAGIC) else "no image"
            raise ConnectionError(f"the flash holds {what} at {addr:#x}, not the given one; write that there first")


def _read_parts(program: Program) -> Iterator[range]:
    """Yield the memory that the host writes for a program."""
    yield range(program.instructions_addr, program.instructions_addr + program.instructions.size)
    yield range(program.constants_addr, program.constants_addr + program.constants.size)
    yield from _written_by_host(program)


def _written_by_host(program: Program) -> Iterator[range]:
    """Yield the memory that is another before each run."""
    yield from map(_range, (*program.inputs.values(), *program.state.values()))


def _written_parts(program: Program) -> Iterator[range]:
    """Yield the memory that a program writes."""
    codes = program.instructions.reshape(-1, INSTRUCTION_BYTES)
    for code in codes[codes[:, 0] & _OPCODE_MASK == Opcode.DRAIN]:
        for span in spans(program.config, decode(code.tobytes())):
            if span.memory is Memory.MAIN and span.writes:
                yield range(span.start, span.stop)


def _range(region: Region) -> range:
    return range(region.addr, region.addr + region.nbytes)


def _describe(rows: int, cols: int, lanes: int) -> str:
    return f"an array of {rows}x{cols} and {lanes} lanes"


def _milliseconds() -> int:
    return time.monotonic_ns() // _NS_PER_MS
