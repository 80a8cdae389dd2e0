"""The serial port of a simulated board."""

import ctypes
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gen.rtlil import emit_component
from hw.config import AcceleratorConfig
from hw.sdram.chip import ULX3S_SDRAM, SdramChip
from hw.sdram.rule import SdramRule
from sim.board.system import SystemWithSdram
from sim.rtl.design import Design
from sim.rtl.library import build_library

__all__ = ["SMALL_SDRAM", "SimulatedPort"]

_ROWS = 256

SMALL_SDRAM = replace(ULX3S_SDRAM, rows=_ROWS, retention_ns=ULX3S_SDRAM.retention_ns * _ROWS / ULX3S_SDRAM.rows)
"""The chip of the ULX3S but for its size, here 1 MiB."""

_CLOCKS_PER_BIT = 8

_HARNESS = Path(__file__).with_name("harness.cpp")


class SimulatedPort:
    """What pyserial's ``Serial`` offers of a port, with a complete board at its end.

    The board is :class:`hw.board.sdram_system.SdramSystem` with the model of its SDRAM chip. Bytes go over its pins bit
    by bit. Time passes for it while the host waits in :meth:`read`, and at no other time. The first board with the same
    parameters takes a minute or so to build; later ones find it in ``build/rtl``.

    Parameters
    ----------
    config : AcceleratorConfig
        The accelerator on the board.
    chip : SdramChip
        Its memory; by default of 1 MiB.
    real : SdramChip, optional
        The chip that the model is of, if the controller is made for another one.
    clock_hz, sdram_hz : int
        Frequencies of the clock domains ``sync`` and ``sdram``, which begin with an edge at the same time.
    baud : int, optional
        Bits in a second of the serial line; by default one takes 8 cycles, which is quick to simulate.
    timeout_cycles : int
        Cycles of ``sync`` without anything on the line after which :meth:`read` returns.
    report : callable, optional
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
        chip: SdramChip = SMALL_SDRAM,
        real: SdramChip | None = None,
        clock_hz: int = 50_000_000,
        sdram_hz: int = 100_000_000,
        baud: int | None = None,
        timeout_cycles: int = 50_000,
        report: Callable[[str], None] | None = None,
    ) -> None:
        rates = {"clock_hz": clock_hz, "sdram_hz": sdram_hz, "baud": baud or clock_hz // _CLOCKS_PER_BIT}

        def emit() -> str:
            system = SystemWithSdram(config, chip, real=real, **rates)
            return emit_component(system, system.ports)

        design = Design(key=f"board {config!r}, {chip!r}, {real!r}, {rates!r}", emit=emit, harness=_HARNESS)
        self._functions = _load(build_library(design, report))
        unit = math.gcd(clock_hz, sdram_hz)
        settings = _Settings(sdram_hz // unit, clock_hz // unit, clock_hz, rates["baud"])
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
        """How often each rule of the SDRAM has been broken, up to 255; only those that have been."""
        counts = (ctypes.c_uint8 * len(SdramRule))()
        self._functions.board_violations(self._board, counts)
        return {rule.value: count for rule, count in zip(SdramRule, counts, strict=True) if count}

    def fill(self, data: bytes) -> None:
        """Put ``data`` into the SDRAM from address 0 on, in no time.

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


class _Settings(ctypes.Structure):
    """Mirrors the structure of that name in harness.cpp."""

    _fields_ = (
        ("clock_period", ctypes.c_uint64),
        ("sdram_period", ctypes.c_uint64),
        ("clock_hz", ctypes.c_uint64),
        ("baud", ctypes.c_uint64),
    )


def _load(library: Path) -> Any:
    """Load the library and declare the types of its functions."""
    functions = ctypes.CDLL(str(library))
    board, data, count = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64
    signatures: dict[str, tuple[Any, ...]] = {
        "board_new": (board, ctypes.POINTER(_Settings)),
        "board_free": (None, board),
        "board_cycles": (count, board),
        "board_waiting": (count, board),
        "board_fill": (count, board, data, count),
        "board_send": (None, board, data, count),
        "board_receive": (count, board, data, count, count),
        "board_violations": (None, board, ctypes.POINTER(ctypes.c_uint8)),
    }
    for name, (result, *arguments) in signatures.items():
        function = getattr(functions, name)
        function.restype, function.argtypes = result, arguments
    return functions
