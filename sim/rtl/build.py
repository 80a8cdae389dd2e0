"""Builds the simulator of an accelerator."""

from collections.abc import Callable
from pathlib import Path

from gen.emit.rtlil import emit_rtlil
from sim.rtl.design import Design
from sim.rtl.library import build_library
from spec.config import AcceleratorConfig

__all__ = ["build_simulator"]

_HARNESS = Path(__file__).with_name("harness.cpp")


def build_simulator(
    config: AcceleratorConfig,
    *,
    traced: bool = False,
    probed: bool = False,
    harness: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Return the shared library that simulates an accelerator; see :func:`sim.rtl.library.build_library`.

    Parameters
    ----------
    config : AcceleratorConfig
        What to simulate.
    traced : bool
        With what waveforms need; simulates more slowly.
    probed : bool
        With what a record of the engines' activity needs; not together with ``traced``.
    harness : Path, optional
        C++ that drives it (see :class:`sim.rtl.design.Design`). Default: that of :class:`sim.rtl.chip.Chip`.
    report : callable, optional
        Called with the name of each stage when it begins.

    Raises
    ------
    RuntimeError
        If the library cannot be built.
    """
    design = Design(
        key=f"accelerator {config!r}, probed: {probed}",
        code=Path(__file__).parent,
        emit=lambda: emit_rtlil(config, probes=probed),
        harness=harness or _HARNESS,
        defines=(*(("TRACE",) if traced else ()), *(("PROBES",) if probed else ())),
        debug=traced,
    )
    return build_library(design, report)
