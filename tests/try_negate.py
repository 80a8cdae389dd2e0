"""What ``tests/test_contributing.py`` runs in its copy of the project, which has a ``Negate``."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from sim import open_device
from spec.presets import PRESETS
from sw.families.real import (
    RealAttention,
    RealEmbed,
    RealLinear,
    RealNegate,
    RealNetwork,
    RealNode,
    RealNorm,
    RealSelect,
    Then,
)
from sw.lowering import lower_network
from sw.network.checkpoint import Checkpoint
from sw.network.reference import embed, forward
from sw.quantizer.quantize import quantize_network

N, FFN, WORDS, LENGTH = 16, 24, 40, 12

Float = NDArray[np.float32]


def network(rng: np.random.Generator) -> RealNetwork:
    """A model of one layer with two of them: contexts, and what the pooler leaves, change their signs."""

    def normal(*shape: int) -> Float:
        return rng.normal(0, 1, shape).astype(np.float32)

    def linear(name: str, n: int, k: int, then: Then = "nothing") -> RealLinear:
        return RealLinear(name=name, weight=normal(n, k) / np.float32(k**0.5), bias=normal(n), then=then)

    def norm(name: str) -> RealNorm:
        return RealNorm(name=name, gamma=1 + normal(N) / 8, beta=normal(N), epsilon=1e-12)

    query, key, value = (linear(name, N, N) for name in ("query", "key", "value"))
    nodes: tuple[RealNode, ...] = (
        RealEmbed(name="embed", word=normal(WORDS, N), position=normal(LENGTH, N), types=normal(0, N)),
        norm("input_norm"),
        RealAttention(name="attention", heads=2, query=query, key=key, value=value),
        RealNegate(name="contexts"),
        linear("output", N, N, "residual"),
        norm("mid_norm"),
        linear("ffn1", FFN, N, "tanh"),
        linear("ffn2", N, FFN, "residual"),
        RealSelect(name="first", row=0),
        norm("pooler_norm"),
        linear("pooler", N, N, "tanh"),
        RealNegate(name="pooled"),
        linear("classifier", 3, N, "sums"),
    )
    return RealNetwork(nodes=nodes, labels=("a", "b", "c"), task="single_label_classification")


def main() -> None:
    """Quantize, save, load, lower and run it; what is wrong raises AssertionError."""
    rng = np.random.default_rng(0)
    real = network(rng)
    texts = [rng.integers(0, WORDS, LENGTH).tolist() for _ in range(30)]
    made = quantize_network(real, texts)
    with TemporaryDirectory() as folder:
        made.save(Path(folder) / "checkpoint")
        checkpoint = Checkpoint.load(Path(folder) / "checkpoint")
    config = PRESETS["tiny"]
    program = lower_network(checkpoint, config, LENGTH)
    assert {"contexts", "pooled"} <= set(program.labels)
    device = open_device("model", config)
    for ids in texts[:5]:
        rows = embed(checkpoint, ids)
        seen: dict[str, NDArray[np.integer]] = {}
        sums = forward(checkpoint, rows, seen.__setitem__)
        assert np.array_equal(seen["pooled"], -seen["pooler"])
        assert np.array_equal(seen["contexts"], -seen["attention.context"])
        assert np.array_equal(device.run(program, {"rows": rows}).outputs["logits"], sums)
        exact = real.forward(ids)
        assert np.abs(sums * checkpoint.logit_scale - exact).max() < 0.1 * np.abs(exact).max()
    print(Path(sys.modules["sw"].__file__ or "").parents[1])


if __name__ == "__main__":
    main()
