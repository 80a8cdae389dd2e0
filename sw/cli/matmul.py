"""``python -m sw matmul``: a random product, checked against NumPy."""

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from sw.cli.options import add_configuration, at_least, backend, configuration, device_options
from sw.cli.upload import Upload
from sw.lowering import MatmulLowering
from sw.open_device import open_device

__all__ = ["add_parser"]


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
    product = MatmulLowering(config, m, n, k)
    rng = np.random.default_rng(options.seed)
    a, b = (rng.integers(-128, 128, shape, np.int8) for shape in ((m, k), (k, n)))
    with Upload(Console()) as upload:
        device = open_device(backend(options), config, **device_options(options, upload))
        result = device.run(product.program, product.pack(a, b))
    exact = np.array_equal(product.unpack(result.outputs["c"]), _exact_product(a, b))
    print(f"[{m}, {k}] x [{k}, {n}] on {config.rows}x{config.cols}: {'equals' if exact else 'DIFFERS FROM'} NumPy")
    if result.cycles:
        utilization = product.program.macs / (config.macs * result.cycles)
        print(f"{result.cycles:,} cycles, utilization {utilization:.1%}")
    return 0 if exact else 1


def _exact_product(a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int32]:
    """``a @ b``; float64 holds all sums of int8 products exactly, and is faster than integers."""
    product: NDArray[np.float64] = a.astype(np.float64) @ b.astype(np.float64)
    return product.astype(np.int32)
