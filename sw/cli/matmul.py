"""``python -m sw matmul``: a random product, checked against NumPy."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cli.terminal import Terminal
from sim.rtl import RtlDevice
from spec.config import AcceleratorConfig
from sw.apps.open_device import open_device
from sw.cli.options import add_configuration, at_least, backend, configuration, device_options
from sw.cli.upload import Upload
from sw.lowering.matmul import MatmulLowering, check_sizes

__all__ = ["add_parser"]

LONG_SECONDS = 120

RTL_MACS_A_SECOND, MODEL_MACS_A_SECOND = 5e7, 1e10
"""What a core simulates and the integer model computes, roughly."""

CHECKED_AT_ONCE = 1 << 30
"""Products of a moment's work and little memory."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("matmul", help="multiply random int8 matrices and check the result")
    for name, what in (("m", "rows of a"), ("n", "columns of b"), ("k", "length of the sums")):
        parser.add_argument(name, type=at_least(1), metavar=name.upper(), help=what)
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="of the operands (default: 0)")
    add_configuration(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = configuration(options)
    m, n, k = options.m, options.n, options.k
    check_sizes(m, n, k)
    _warn(backend(options), config, m * n * k)
    product = MatmulLowering(config, m, n, k)
    rng = np.random.default_rng(options.seed)
    a, b = (rng.integers(-128, 128, shape, np.int8) for shape in ((m, k), (k, n)))
    console = Terminal()
    with Upload(console) as upload:
        device = open_device(backend(options), config, **device_options(options, upload))
        with _progress(product.program.macs // config.macs) as progress:
            inputs = product.pack(a, b)
            if isinstance(device, RtlDevice):
                result = device.run(product.program, inputs, progress=progress)
            else:
                result = device.run(product.program, inputs)
    exact = _is_product(product.unpack(result.outputs["c"]), a, b)
    print(f"[{m}, {k}] x [{k}, {n}] on {config.rows}x{config.cols}: {'equals' if exact else 'DIFFERS FROM'} NumPy")
    if result.cycles:
        utilization = product.program.macs / (config.macs * result.cycles)
        print(f"{result.cycles:,} cycles, utilization {utilization:.1%}")
    return 0 if exact else 1


def _warn(kind: str, config: AcceleratorConfig, macs: int) -> None:
    """Say beforehand what takes minutes."""
    cycles = macs // config.macs
    seconds = {"rtl": cycles * config.macs / RTL_MACS_A_SECOND, "model": macs / MODEL_MACS_A_SECOND}.get(kind, 0)
    if seconds >= LONG_SECONDS:
        took = f"{seconds / 3600:,.0f} hours" if seconds >= 2 * 3600 else f"{seconds / 60:.0f} minutes"
        print(f"at least {cycles:,} cycles: this may take {took}", file=sys.stderr, flush=True)


@contextmanager
def _progress(cycles: int) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many of about so many cycles are simulated; yield what is told of them."""
    console = Terminal(stderr=True)
    columns = (TextColumn("simulating"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=max(cycles, 1))
        yield lambda done, _instructions: progress.update(task, completed=done)


def _is_product(c: NDArray[np.int32], a: NDArray[np.int8], b: NDArray[np.int8]) -> bool:
    """Whether ``c`` is ``a @ b``; float64 holds all sums of int8 products exactly, and is faster than integers."""
    rows, right = max(1, CHECKED_AT_ONCE // b.size), b.astype(np.float64)
    return all(
        np.array_equal(c[first : first + rows], a[first : first + rows].astype(np.float64) @ right)
        for first in range(0, len(a), rows)
    )
