"""The simulator of an accelerator, built when it is needed."""

from collections.abc import Callable
from pathlib import Path

from gen.emit.rtlil import emit_rtlil
from sim.rtl.chip import HARNESS
from sim.rtl.design import Design
from sim.rtl.harness import Harness
from sim.rtl.library import build_library
from spec.config import AcceleratorConfig

__all__ = ["build_simulator"]


def build_simulator(
    config: AcceleratorConfig,
    *,
    traced: bool = False,
    probed: bool = False,
    harness: Harness = HARNESS,
    tell: Callable[[str], None] | None = None,
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
    harness : Harness
        C++ that drives it; by default that of :class:`sim.rtl.chip.Chip`.
    tell : callable, optional
        Called with the name of each stage when it begins.

    Raises
    ------
    RuntimeError
        If the library cannot be built.
    """
    design = Design(
        key=f"accelerator {config!r}, probed: {probed}",
        emit=lambda: emit_rtlil(config, probes=probed),
        harness=harness,
        defines=(*(("TRACE",) if traced else ()), *(("PROBES",) if probed else ())),
        debug=traced,
    )
    return build_library(design, tell)
