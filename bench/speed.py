"""How fast the simulations are: the RTL in cycles a second, the integer model against ONNX Runtime."""

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.arrays import ARRAYS
from bench.cores import CORES
from bench.figure import Figure
from bench.float_bert import BertShape, write_onnx_bert
from bench.layers import first_layers
from bench.run import run
from cli.workers import end_with_parent, no_interrupts
from sw.apps.model_files import load_model
from sw.lowering import NetworkLowering
from sw.network.attention import Attention
from sw.network.checkpoint import Checkpoint
from sw.network.linear import Linear, Table
from sw.network.reference import embed, forward

__all__ = ["COMMAND", "measure_speed"]

COMMAND = "make bench BENCH=sim"

ARRAY = "16x16"

MODEL = Path("minilm-l6-imdb")

LENGTH = 128

ROUNDS = 3
"""Each alternates between both contestants; the middle of the ratios counts."""

REVIEWS = 16
"""In each round, and in a batch of ONNX Runtime."""


def measure_speed(progress: Callable[[str, int, int], None] | None = None) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Time the whole chip on one inference, and both integer BERTs on the same cores.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of what has been measured, how many there are by now, and how many there will be.

    Raises
    ------
    RuntimeError
        If ``onnx`` or ``onnxruntime`` is not installed.
    """
    progress = progress or (lambda *_: None)
    checkpoint, _ = load_model(MODEL)
    cycles_per_second = _rtl_speed(checkpoint)
    progress(f"RTL of {ARRAY}", 1, 1 + ROUNDS)
    rounds = []
    with tempfile.TemporaryDirectory() as folder, _Workers() as workers:
        onnx_seconds = _onnx_runner(checkpoint, Path(folder))
        for number in range(ROUNDS):
            rounds.append({"model": REVIEWS / workers.seconds(), "onnxruntime": REVIEWS / onnx_seconds()})
            progress("integer model and ONNX Runtime", 2 + number, 1 + ROUNDS)
    ratio = statistics.median(each["model"] / each["onnxruntime"] for each in rounds)
    table = {
        "cores": CORES,
        "cycles_per_second": round(cycles_per_second),
        "reviews_per_second": {
            name: round(statistics.median(each[name] for each in rounds), 1) for name in ("model", "onnxruntime")
        },
    }
    figures = {
        f"RTL of the whole chip, {ARRAY}": Figure(
            value=round(cycles_per_second), unit="cycles/s", command=COMMAND, target=">= 150000"
        ),
        "reviews of the integer model against ONNX Runtime": Figure(
            value=round(ratio, 3), unit="x", command=COMMAND, target=">= 0.2"
        ),
    }
    return figures, table


def _rtl_speed(checkpoint: Checkpoint) -> float:
    """Cycles a second of one layer, simulator ready."""
    program = NetworkLowering(first_layers(checkpoint, 1), ARRAYS[ARRAY]).lower(LENGTH)
    inputs: dict[str, Any] = {"rows": np.zeros(program.inputs["rows"].shape, np.int16)}
    run(program, inputs)
    started = time.perf_counter()
    measurement, _ = run(program, inputs)
    return measurement.cycles / (time.perf_counter() - started)


def _onnx_runner(checkpoint: Checkpoint, folder: Path) -> Callable[[], float]:
    """Return a function that runs a batch and returns its seconds, dynamically quantized, one thread a core."""
    try:
        import onnxruntime  # noqa: PLC0415  # only for benchmarks
        from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise RuntimeError(f"{error.name} must be installed: pip install -c constraints.txt -e '.[bench]'") from error
    network = checkpoint.network
    hidden, attentions = network.hidden, [node for node in network.nodes if isinstance(node, Attention)]
    shape = BertShape(
        layers=len(attentions),
        hidden=hidden,
        heads=attentions[0].heads,
        ffn=next(node.bias.size for node in network.nodes if isinstance(node, Linear) and isinstance(node.then, Table)),
        labels=len(checkpoint.labels),
    )
    write_onnx_bert(shape, folder / "float.onnx")
    quantize_dynamic(folder / "float.onnx", folder / "int8.onnx", weight_type=QuantType.QInt8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = CORES, 1
    session = onnxruntime.InferenceSession(folder / "int8.onnx", options, providers=["CPUExecutionProvider"])
    rows = np.random.default_rng(0).normal(0, 1, (REVIEWS, LENGTH, hidden)).astype(np.float32)

    def seconds() -> float:
        started = time.perf_counter()
        session.run(None, {"rows": rows})
        return time.perf_counter() - started

    seconds()
    return seconds


class _Workers:
    """One process a core, each with one BLAS thread and the checkpoint in memory."""

    def __enter__(self) -> "_Workers":
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        with no_interrupts():
            self._pool = multiprocessing.get_context("spawn").Pool(CORES, _load)
        self.seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.terminate()

    def seconds(self) -> float:
        """Time of all reviews."""
        started = time.perf_counter()
        self._pool.map(_forward, range(REVIEWS), chunksize=1)
        return time.perf_counter() - started


def _load() -> None:
    end_with_parent()
    global _checkpoint  # of this process
    _checkpoint, _ = load_model(MODEL)


def _forward(seed: int) -> None:
    ids = np.random.default_rng(seed).integers(0, len(_checkpoint.network.embed.word), LENGTH)
    forward(_checkpoint, embed(_checkpoint, ids.tolist()))


_checkpoint: Checkpoint
