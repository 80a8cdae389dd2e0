"""Whole inferences and whole layers on the RTL, and the bytes that they move."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.arrays import ARRAYS
from bench.at_once import at_once
from bench.figure import Figure
from bench.layers import first_layers
from bench.measurement import Measurement
from bench.run import FAST_MEMORY, SLOW_MEMORY, run
from bench.traffic import Traffic, weight_traffic
from spec.program import Program
from sw.apps.model_files import load_model
from sw.lowering import NetworkLowering
from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint

__all__ = ["COMMAND", "LENGTHS", "measure_bert", "measure_inference"]

COMMAND = "make bench BENCH=bert"

ARRAY = "16x16"

LENGTHS = (16, 32, 64, 128, 256, 512)

LENGTH = 128
"""Of the figures with targets."""

MODEL = Path("minilm-l6-imdb")

LAYER_DEPTHS = (2, 3)
"""A layer is what a model of three layers takes beyond one of two: neither the first nor the last."""


@dataclass(frozen=True)
class _Case:
    model: str
    depth: int
    length: int
    bytes_per_cycle: int
    up_to: int = 0


def measure_inference(
    checkpoint: Checkpoint, length: int, bytes_per_cycle: int, up_to: int = 0
) -> tuple[Measurement, Traffic]:
    """Run one text of random tokens; its tokens do not change its cycles.

    Parameters
    ----------
    checkpoint : Checkpoint
    length : int
        Tokens.
    bytes_per_cycle : int
        Bandwidth of the memory in each direction.
    up_to : int
        With the one program for all lengths up to this one, whose multiply-accumulates are those of the longest;
        0: with the length's own.
    """
    lowering = NetworkLowering(checkpoint, ARRAYS[ARRAY])
    program = lowering.lower_up_to(up_to).with_variables(tokens=length) if up_to else lowering.lower(length)
    measurement, _ = run(program, _inputs(program), bytes_per_cycle=bytes_per_cycle)
    return measurement, weight_traffic(program)


def measure_bert(progress: Callable[[str, int, int], None] | None = None) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Measure inferences of all lengths with fast and slow memory, and layers.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of what has been measured, how many there are by now, and how many there will be.
    """
    cases = list(_cases())
    measured: dict[_Case, tuple[Measurement, Traffic]] = {}
    for case, result in zip(cases, at_once(_measure, cases), strict=True):
        measured[case] = result
        if progress:
            progress(f"{case.model}, {case.depth} layers, {case.length} tokens", len(measured), len(cases))
    inferences = [
        {"tokens": length, "bytes_per_cycle": memory, **_inference(*measured[_Case("MiniLM", 6, length, memory)])}
        for memory in (FAST_MEMORY, SLOW_MEMORY)
        for length in LENGTHS
    ]
    layers = [
        {"model": model, "tokens": length, "bytes_per_cycle": FAST_MEMORY, **layer.to_json()}
        for model, length in [("BERT-base", LENGTH), *(("MiniLM", length) for length in LENGTHS)]
        for layer in [_layer(measured, model, length)]
    ]
    one_program = [
        {"tokens": length, "up_to": LENGTH, "cycles": shared.cycles, "own_cycles": own.cycles}
        for length in LENGTHS
        if length <= LENGTH
        for own, _ in [measured[_Case("MiniLM", 6, length, FAST_MEMORY)]]
        for shared, _ in [measured[_Case("MiniLM", 6, length, FAST_MEMORY, up_to=LENGTH)]]
    ]
    return _figures(inferences, layers), {"inferences": inferences, "layers": layers, "one_program": one_program}


def _cases() -> Iterator[_Case]:
    """The longest ones first, so that both cores have work to the end."""
    for depth in reversed(LAYER_DEPTHS):
        yield _Case("BERT-base", depth, LENGTH, FAST_MEMORY)
    for length in reversed(LENGTHS):
        yield _Case("MiniLM", 6, length, FAST_MEMORY)
        yield _Case("MiniLM", 6, length, SLOW_MEMORY)
        for depth in LAYER_DEPTHS:
            yield _Case("MiniLM", depth, length, FAST_MEMORY)
        if length <= LENGTH:
            yield _Case("MiniLM", 6, length, FAST_MEMORY, up_to=LENGTH)


def _measure(case: _Case) -> tuple[Measurement, Traffic]:
    return measure_inference(_checkpoint(case.model, case.depth), case.length, case.bytes_per_cycle, case.up_to)


@cache
def _checkpoint(model: str, depth: int) -> Checkpoint:
    """MiniLM as it is, its first layers only, or random weights in the shape of BERT-base."""
    if model == "MiniLM":
        checkpoint, _ = load_model(MODEL)
        return first_layers(checkpoint, depth)
    return random_checkpoint(0, layers=depth, hidden=768, heads=12, ffn=3072, positions=LENGTH, slots=0)


def _inputs(program: Program) -> dict[str, Any]:
    return {"rows": np.random.default_rng(0).integers(-2000, 2000, program.inputs["rows"].shape, np.int16)}


def _layer(measured: dict[_Case, tuple[Measurement, Traffic]], model: str, length: int) -> Measurement:
    fewer, more = (measured[_Case(model, depth, length, FAST_MEMORY)][0] for depth in LAYER_DEPTHS)
    return more - fewer


def _inference(measurement: Measurement, traffic: Traffic) -> dict[str, Any]:
    return measurement.to_json() | {
        "weights_read": traffic.read,
        "weights_minimum": traffic.minimum,
        "instruction_bytes": measurement.counters["instruction_bytes"],
        "load_bytes": measurement.counters["load_bytes"],
        "write_bytes": measurement.counters["write_bytes"],
    }


def _figures(inferences: list[dict[str, Any]], layers: list[dict[str, Any]]) -> dict[str, Figure]:
    def percent(value: float, target: float) -> Figure:
        return Figure(value=value, unit="%", command=COMMAND, target=f">= {target:g}")

    def most(value: float, unit: str, target: str) -> Figure:
        return Figure(value=round(value, 4), unit=unit, command=COMMAND, target=f"<= {target}")

    fast, slow = (
        next(row for row in inferences if row["tokens"] == LENGTH and row["bytes_per_cycle"] == memory)
        for memory in (FAST_MEMORY, SLOW_MEMORY)
    )
    layer = {row["model"]: row for row in layers if row["tokens"] == LENGTH}
    where = f"{LENGTH} tokens on {ARRAY}"
    return {
        f"BERT-base layer, {where}": percent(layer["BERT-base"]["utilization"], 95),
        f"MiniLM layer, {where}": percent(layer["MiniLM"]["utilization"], 92),
        f"MiniLM inference, {where}": percent(fast["utilization"], 91),
        f"MiniLM inference, {where}, cycles": most(fast["cycles"], "cycles", "5300000"),
        f"MiniLM inference, {where}, {SLOW_MEMORY} bytes a cycle": percent(slow["utilization"], 80),
        f"MiniLM inference, {where}, weights read": most(
            fast["weights_read"] / fast["weights_minimum"], "x minimum", "1.02"
        ),
        f"MiniLM inference, {where}, instruction bytes": most(
            100 * fast["instruction_bytes"] / fast["weights_read"], "% of weight bytes", "2"
        ),
    }
