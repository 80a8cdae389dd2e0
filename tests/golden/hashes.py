"""What is hashed: netlists, Verilog, programs and results, each under a name."""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from bench.gemm import PRODUCTS
from gen.emit.rtlil import emit_rtlil
from gen.emit.verilog import emit_verilog
from spec.config import AcceleratorConfig
from spec.presets import PRESETS
from spec.program import Program
from sw.apps.model_files import MODELS, load_model
from sw.cli.texts import load_texts
from sw.lowering import NetworkLowering, lower_matmul
from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from sw.training.reviews import load_reviews

__all__ = ["SMALL_PRESETS", "designs", "logits", "products", "programs", "random_programs", "reviews"]

LENGTHS = (1, 2, 17, 64, 128, 512)
"""Tokens of the default model's programs."""

SMALL_PRESETS = ("tiny", "icebreaker")
"""Presets that take seconds to emit: one of each core."""

REVIEWS = 2000
"""Reviews whose logits are hashed, the first of the development set."""

_MODEL = Path("minilm-l6-imdb")
_WORDS = 128  # a review takes up to this many tokens


def _small(rows: int, cols: int, **fields: int) -> AcceleratorConfig:
    memories = {"acc_depth": 16, "scratchpad_kib": 16, "vector_kib": 16, "param_words": 64, "weight_fifo_words": 32}
    return AcceleratorConfig(rows=rows, cols=cols, **memories, **fields)


RANDOM: tuple[tuple[dict[str, int], AcceleratorConfig], ...] = (
    ({}, _small(rows=4, cols=4)),
    ({"slots": 0}, _small(rows=3, cols=5)),
    ({"slots": 17}, _small(rows=8, cols=4)),
    ({"slots": 1, "ffn": 1}, _small(rows=2, cols=2)),
    ({"layers": 3, "hidden": 20, "heads": 5, "labels": 3}, _small(rows=4, cols=8)),
    ({"layers": 1, "hidden": 7, "heads": 1, "ffn": 5, "labels": 1}, _small(rows=1, cols=1)),
    ({"hidden": 32, "heads": 1, "ffn": 50}, _small(rows=16, cols=8)),
    ({"hidden": 9, "heads": 9, "labels": 7}, _small(rows=5, cols=7)),
    ({"layers": 4, "hidden": 24, "heads": 3, "ffn": 96}, _small(rows=8, cols=8)),
    ({"layers": 2, "hidden": 48, "heads": 4, "ffn": 64}, _small(rows=8, cols=8, lanes=2)),
    ({"layers": 1, "hidden": 16, "heads": 4, "labels": 5}, _small(rows=4, cols=4, lanes=1, tables=1)),
    ({"layers": 2, "hidden": 32, "heads": 2, "ffn": 40}, PRESETS["icebreaker"]),
)
"""Shapes of random checkpoints, each with a small accelerator."""


def designs(*presets: str) -> Iterator[tuple[str, str]]:
    """Yield the hashes of the RTLIL, which has no source locations, and of the Verilog of presets."""
    for preset in presets:
        rtlil = emit_rtlil(PRESETS[preset])
        yield f"rtlil/{preset}", _hash(rtlil.encode())
        yield f"verilog/{preset}", _hash(emit_verilog(rtlil).encode())


def programs() -> Iterator[tuple[str, str]]:
    """Yield the hashes of the default model's programs on every preset, and which of them do not fit."""
    checkpoint, _ = load_model(_MODEL)
    for preset, config in PRESETS.items():
        yield from _programs(f"program/{preset}", checkpoint, config, LENGTHS)


def products() -> Iterator[tuple[str, str]]:
    """Yield the hashes of the programs of the benchmark's matrix products."""
    for preset in ("default", "small_8x8", "icebreaker"):
        for product in PRODUCTS:
            yield (
                f"product/{preset}/{product.name}",
                _program_hash(lower_matmul(PRESETS[preset], product.m, product.n, product.k)),
            )


def random_programs() -> Iterator[tuple[str, str]]:
    """Yield the hashes of the programs of random checkpoints."""
    for seed, (shape, config) in enumerate(RANDOM):
        yield from _programs(f"random/{seed}", random_checkpoint(seed, **shape), config, (1, 2, 13, 32))


def logits() -> Iterator[tuple[str, str]]:
    """Yield the hash of each sample review's logits."""
    checkpoint, tokenizer = load_model(_MODEL)
    samples = MODELS.parent / "sw" / "samples.jsonl"
    for number, sample in enumerate(load_texts(samples, checkpoint.labels)):
        yield f"logits/sample {number}", _hash(_logits(checkpoint, tokenizer.encode(sample.text, 128).ids))


def reviews() -> Iterator[tuple[str, str]]:
    """Yield one hash of the logits of many reviews; nothing if SYSTOLM_DATA is not set."""
    if "SYSTOLM_DATA" not in os.environ:
        return
    checkpoint, tokenizer = load_model(_MODEL)
    total = sha256()
    for review in load_reviews(Path(os.environ["SYSTOLM_DATA"]) / "imdb_dev.jsonl.gz", REVIEWS):
        total.update(_logits(checkpoint, tokenizer.encode(review.text, _WORDS).ids))
    yield f"logits/{REVIEWS} reviews", total.hexdigest()


def _programs(
    name: str, checkpoint: Checkpoint, config: AcceleratorConfig, lengths: tuple[int, ...]
) -> Iterator[tuple[str, str]]:
    lowering = NetworkLowering(checkpoint, config)
    for length in lengths:
        try:
            program = lowering.lower(length)
        except ValueError as error:
            yield f"{name}/{length}", str(error)
            continue
        yield f"{name}/{length}", _program_hash(program)


def _program_hash(program: Program) -> str:
    return f"{_hash(program.instructions.tobytes())} {_hash(program.constants.tobytes())}"


def _logits(checkpoint: Checkpoint, ids: list[int]) -> bytes:
    return forward(checkpoint, embed(checkpoint, ids)).tobytes()


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
