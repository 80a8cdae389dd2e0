"""The serial port of a simulated board."""

import ctypes
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gen.emit.rtlil import emit_component
from sim.board.chip_board import ChipBoard
from sim.board.flash_board import FlashBoard
from sim.board.sdram_board import SdramBoard
from sim.rtl.design import Design
from sim.rtl.harness import Harness
from sim.rtl.library import build_library
from sim.rtl.load_functions import load_functions
from sim.rtl.structure import cpp_structure
from spec.config import AcceleratorConfig
from spec.flash_chip import ICEBREAKER_FLASH, FlashChip
from spec.sdram_chip import ULX3S_SDRAM, SdramChip

__all__ = ["SMALL_FLASH", "SMALL_SDRAM", "SimulatedPort"]

_ROWS = 256

SMALL_SDRAM = replace(ULX3S_SDRAM, rows=_ROWS, retention_ns=ULX3S_SDRAM.retention_ns * _ROWS / ULX3S_SDRAM.rows)
"""The chip of the ULX3S but for its size, here 1 MiB."""

SMALL_FLASH = replace(ICEBREAKER_FLASH, size=1 << 20)
"""The chip of the iCEBreaker but for its size, here 1 MiB."""

_CLOCKS_PER_BIT = 8

_BOARDS: dict[type, type[ChipBoard]] = {SdramChip: SdramBoard, FlashChip: FlashBoard}
_CLOCKS = {SdramBoard: (50_000_000, 100_000_000), FlashBoard: (24_000_000,)}


class SimulatedPort:
    """What pyserial's ``Serial`` offers of a port, with a complete board at its end.

    The board is the system for its memory chip, :class:`hw.system.sdram_system.SdramSystem` or
    :class:`hw.system.flash_system.FlashSystem`, with the model of that chip. Bytes go over its pins bit by bit. Time
    passes for it while the host waits in :meth:`read`, and at no other time. The first board with the same
    parameters takes a minute or so to build; later ones find it in ``build/rtl``.

    Parameters
    ----------
    config : AcceleratorConfig
        The accelerator on the board.
    chip : SdramChip or FlashChip
        Its memory; by default an SDRAM of 1 MiB.
    real : SdramChip or FlashChip, optional
        The chip that the model is of, if the controller is made for another one.
    clocks : dict of str to int, optional
        Frequencies of the clock domains: ``sync`` and, with an SDRAM, ``sdram``. They begin with an edge at the same
        time.
    baud : int, optional
        Bits in a second of the serial line; by default one takes 8 cycles, which is quick to simulate.
    timeout_cycles : int
        Cycles of ``sync`` without anything on the line after which :meth:`read` returns.
    tell : callable, optional
        Called with the name of each stage of building when it begins.

    Raises
    ------
    ValueError
        If the system or its memory cannot work at these rates.
    RuntimeError
        If the simulator cannot be built.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        *,
        chip: SdramChip | FlashChip = SMALL_SDRAM,
        real: SdramChip | FlashChip | None = None,
        clocks: Mapping[str, int] | None = None,
        baud: int | None = None,
        timeout_cycles: int = 50_000,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        make: Any = _BOARDS[type(chip)]
        clocks = dict(clocks or zip(make.domains, _CLOCKS[make], strict=True))
        if tuple(clocks) != make.domains:
            raise ValueError(f"clocks must be those of {', '.join(make.domains)}, not of {', '.join(clocks)}")
        baud = baud or clocks["sync"] // _CLOCKS_PER_BIT

        def emit() -> str:
            board = make(config, chip, real=real, clocks=clocks, baud=baud)
            return emit_component(board, board.ports)

        design = Design(
            key=f"board {config!r}, {chip!r}, {real!r}, {clocks!r}, {baud!r}",
            emit=emit,
            harness=HARNESS,
            code=_CODE,
            defines=(f"WORD_BYTES={make.word_bytes}", *(domain.upper() for domain in make.domains[1:])),
        )
        self._functions = _load(build_library(design, tell))
        self._rules = list(make.rules)
        unit = math.gcd(*clocks.values())
        first, *others = (hertz // unit for hertz in clocks.values())
        # Each period in units of which the other clock's are one another's.
        periods = [math.prod(others), *(first for _ in others)]
        settings = _BoardSettings(*periods, *[0] * (2 - len(periods)), clocks["sync"], baud)
        self._board = self._functions.board_new(ctypes.byref(settings))
        self._timeout_cycles = timeout_cycles

    def __del__(self) -> None:
        if hasattr(self, "_board"):
            self._functions.board_free(self._board)

    @property
    def cycles(self) -> int:
        """Cycles of ``sync`` so far."""
        return int(self._functions.board_cycles(self._board))

    @property
    def violations(self) -> dict[str, int]:
        """How often each rule of the memory chip has been broken, up to 255; only those that have been."""
        counts = (ctypes.c_uint8 * len(self._rules))()
        self._functions.board_violations(self._board, counts)
        return {rule.value: count for rule, count in zip(self._rules, counts, strict=True) if count}

    def fill(self, data: bytes) -> None:
        """Put ``data`` into the memory chip from address 0 on, in no time.

        Raises
        ------
        ValueError
            If it is longer than the memory.
        """
        fitted = self._functions.board_fill(self._board, data, len(data))
        if fitted < len(data):
            raise ValueError(f"data must be at most {fitted} bytes, not {len(data)}")

    @property
    def in_waiting(self) -> int:
        """Bytes that :meth:`read` returns at once."""
        return int(self._functions.board_waiting(self._board))

    def write(self, data: bytes) -> int:
        """Queue ``data``, to be sent while :meth:`read` waits; return how many bytes that are."""
        self._functions.board_send(self._board, data, len(data))
        return len(data)

    def read(self, size: int = 1) -> bytes:
        """Let the board run until ``size`` bytes have come, or the time-out has passed; return what has come."""
        data = ctypes.create_string_buffer(size)
        count = self._functions.board_receive(self._board, data, size, self._timeout_cycles)
        return data.raw[:count]


class _BoardSettings(ctypes.Structure):
    """Clocks and line as the C++ takes them: times in a unit that divides both periods; a flash has one clock."""

    _fields_ = (
        ("clock_period", ctypes.c_uint64),
        ("second_period", ctypes.c_uint64),
        ("clock_hz", ctypes.c_uint64),
        ("baud", ctypes.c_uint64),
    )


_HERE = Path(__file__).parent
_CODE = (_HERE, _HERE.parent / "chips")

HARNESS = Harness(
    source=_HERE / "cpp" / "board.cpp", headers={"board_settings.h": cpp_structure("BoardSettings", _BoardSettings)}
)
"""The C++ behind :class:`SimulatedPort`."""


def _load(library: Path) -> Any:
    board, data, count = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64
    signatures = {
        "board_new": (board, ctypes.POINTER(_BoardSettings)),
        "board_free": (None, board),
        "board_cycles": (count, board),
        "board_waiting": (count, board),
        "board_fill": (count, board, data, count),
        "board_send": (None, board, data, count),
        "board_receive": (count, board, data, count, count),
        "board_violations": (None, board, ctypes.POINTER(ctypes.c_uint8)),
    }
    return load_functions(library, signatures)
