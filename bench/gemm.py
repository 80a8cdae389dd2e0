"""Utilization of matrix products, memory traffic included."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import gcd
from typing import Any

import numpy as np

from bench.arrays import ARRAYS
from bench.at_once import at_once
from bench.attention import attention_inputs, attention_program
from bench.figure import Figure
from bench.ideal import ideal_cycles
from bench.measurement import Measurement
from bench.run import Inputs, run
from bench.small_gemms import small_gemms
from sim import open_device
from spec.config import AcceleratorConfig
from spec.program import Program
from sw.lowering import MatmulLowering

__all__ = ["ATTENTION", "COMMAND", "PRODUCTS", "measure_attention", "measure_gemm", "measure_product", "measure_small"]

COMMAND = "make bench BENCH=gemm"

REFERENCE = "16x16"
"""The array of the figures with targets."""

ATTENTION_LENGTH, ATTENTION_HEADS = 128, 12

SMALL_COUNT, SMALL_BANKS = 64, 8


@dataclass(frozen=True)
class Product:
    """``[m, k] x [k, n]``, what it is in a model, and the utilization that it should reach, in percent."""

    m: int
    n: int
    k: int
    what: str
    target: float | None = None

    @property
    def name(self) -> str:
        """Rows, columns and length of the sums."""
        return f"{self.m}x{self.n}x{self.k}"


PRODUCTS = (
    Product(128, 768, 768, "BERT-base projection", 97),
    Product(128, 3072, 768, "BERT-base FFN1", 97),
    Product(128, 768, 3072, "BERT-base FFN2"),
    Product(128, 384, 384, "MiniLM projection"),
    Product(128, 1536, 384, "MiniLM FFN1"),
    Product(128, 384, 1536, "MiniLM FFN2"),
    Product(1, 768, 768, "one row"),
    Product(16, 768, 768, "as many rows as columns of the array"),
    Product(100, 17, 1000, "ragged"),
    Product(127, 129, 131, "ragged"),
    Product(17, 33, 65, "ragged"),
    Product(5, 7, 3, "smaller than the array"),
    Product(512, 512, 512, "square"),
)

ATTENTION = {64: 90.0, 32: 85.0}
"""Utilization that attention should reach, in percent, by head width."""


@dataclass(frozen=True)
class _Case:
    kind: str
    array: str
    name: str
    what: str
    measure: Callable[[], Measurement]
    ideal: Callable[[], int | None]
    target: float | None = None


def measure_product(config: AcceleratorConfig, m: int, n: int, k: int, seed: int = 0) -> Measurement:
    """Run one product from memory to memory, int32 results included.

    Raises
    ------
    RuntimeError
        If the result is not NumPy's.
    """
    lowering = MatmulLowering(config, m, n, k)
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(-128, 128, shape, np.int8) for shape in ((m, k), (k, n)))
    measurement, outputs = run(lowering.program, lowering.pack(a, b))
    # Doubles hold all sums exactly.
    if not np.array_equal(lowering.unpack(outputs["c"].astype(np.int32)), a.astype(np.float64) @ b.astype(np.float64)):
        raise RuntimeError(f"[{m}, {k}] x [{k}, {n}] on {config.rows}x{config.cols} must equal NumPy")
    return measurement


def measure_attention(config: AcceleratorConfig, width: int) -> Measurement:
    """Run Q.K^T, softmax and P.V, operands from memory, contexts to the scratchpad: what 12 heads take behind 12."""
    programs = [
        attention_program(config, length=ATTENTION_LENGTH, width=width, heads=heads)
        for heads in (ATTENTION_HEADS, 2 * ATTENTION_HEADS)
    ]
    fewer, more = (_run(program, attention_inputs(program, seed=0)) for program in programs)
    return more - fewer


def measure_small(config: AcceleratorConfig) -> Measurement:
    """Run 64 independent products of the array's size, and count what they add to a program that brings their operands.

    The post-processor has as many lanes as it can, and there are :data:`SMALL_BANKS` accumulator banks.
    """
    config = replace(config, lanes=gcd(config.rows, config.cols), acc_banks=SMALL_BANKS)
    small = small_gemms(config, count=SMALL_COUNT, m=config.cols)
    counters = small.counters(open_device("rtl", config))
    # The first product waits for operands instead of for instructions, as long as the other program does.
    without = {"array_wait_load": 0, "array_wait_instruction": counters["array_wait_instruction"]}
    without["array_wait_instruction"] += counters["array_wait_load"]
    return Measurement(config=config, macs=small.program.macs, counters=counters | without)


def measure_gemm(
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Measure all products on all arrays.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of what has been measured, how many there are by now, and how many there will be.
    """
    cases = list(_cases())
    rows = []
    for case, row in zip(cases, at_once(_measure, cases), strict=True):
        rows.append(row)
        if progress:
            progress(f"{case.name} on {case.array}", len(rows), len(cases))
    figures = {
        f"{case.kind} {case.name} on {case.array}": Figure(
            value=row["utilization"], unit="%", command=COMMAND, target=f">= {case.target:g}" if case.target else None
        )
        for case, row in zip(cases, rows, strict=True)
        if case.array == REFERENCE
    }
    return figures, {"rows": rows}


def _cases() -> Iterator[_Case]:
    for array, config in ARRAYS.items():
        for product in PRODUCTS:
            yield _Case(
                "product",
                array,
                product.name,
                product.what,
                lambda c=config, p=product: measure_product(c, p.m, p.n, p.k),  # type: ignore[misc]
                lambda c=config, p=product: ideal_cycles(c, p.m, p.n, p.k),  # type: ignore[misc]
                product.target,
            )
        yield _Case(
            "small",
            array,
            f"{SMALL_COUNT} of {config.cols}x{config.rows}x{config.cols}",
            "independent, requantized in the scratchpad; without the LOADs of their operands",
            lambda c=config: measure_small(c),  # type: ignore[misc]
            lambda: None,
            85.0,
        )
        for width, target in ATTENTION.items():
            yield _Case(
                "attention",
                array,
                f"{ATTENTION_HEADS} heads of {ATTENTION_LENGTH}x{width}",
                "scores, softmax, context",
                lambda c=config, w=width: measure_attention(c, w),  # type: ignore[misc]
                lambda: None,
                target,
            )


def _measure(case: _Case) -> dict[str, Any]:
    described = {"kind": case.kind, "array": case.array, "shape": case.name, "what": case.what}
    return described | case.measure().to_json() | {"ideal": case.ideal()}


def _run(program: Program, inputs: Inputs) -> Measurement:
    measurement, _ = run(program, inputs)
    return measurement
