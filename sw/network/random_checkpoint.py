"""Checkpoints of any shape from a seed, for tests and benchmarks of everything that reads one."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.network.attention import Attention
from sw.network.checkpoint import Checkpoint
from sw.network.embed import Embed, TokenTypes
from sw.network.linear import Codes, Linear, Residual, Slots, Sums, Table
from sw.network.network import Network, Node
from sw.network.norm import Norm
from sw.network.select import Select

__all__ = ["random_checkpoint"]

CODE_STD = 45.0
"""Aimed spread of int8 codes: some saturate, most do not."""

WEIGHT_STD = 74.0
"""Spread of uniform int8 weights."""

NORMALIZED_STD = 1024.0
"""One in the Q5.10 of normalised rows."""

SUM_STD = 5000.0
"""Aimed spread of the int16 residual sums."""

INDEX_STD = 400.0
"""Aimed spread of table indices around their middle."""


def random_checkpoint(
    seed: int,
    *,
    layers: int = 2,
    hidden: int = 16,
    heads: int = 2,
    ffn: int = 32,
    vocabulary: int = 64,
    positions: int = 32,
    labels: int = 2,
    slots: int = 3,
    token_types: int = 1,
) -> Checkpoint:
    """Return a checkpoint whose activations neither vanish nor always saturate.

    Parameters
    ----------
    seed : int
        Same seed and shape, same checkpoint.
    layers, hidden, heads, ffn, vocabulary, positions, labels : int
        Shape of the model; ``heads`` divides ``hidden``.
    slots : int
        Extra K slots after every norm and after the first FFN matrix; a channel may be repeated.
    token_types : int
        All else is the same for any number of them.

    Notes
    -----
    Multipliers have both signs and tables are without order, so that no off-by-one stays unseen.
    """
    make = _Maker(np.random.default_rng(seed), hidden, slots)
    made = [node for i in range(layers) for node in make.layer(f"layers.{i}.", heads, ffn)]
    embedding = make.embedding(vocabulary, positions, token_types)
    pooler_norm = make.norm("pooler_norm")
    pooler = make.index("pooler", hidden)
    tanh = Table(table=make.rng.integers(-127, 128, 2048).astype(np.int8).view(np.uint8), unsigned=False)
    classifier = make.linear("classifier", labels, hidden, CODE_STD)
    logits = Sums(scale=make.rng.uniform(1e-4, 2e-4, labels).astype(np.float32))
    return Checkpoint(
        network=Network(
            (
                embedding,
                *made,
                Select(name="first", row=0),
                pooler_norm,
                replace(pooler, then=tanh),
                replace(classifier, then=logits),
            )
        ),
        labels=tuple(f"label {i}" for i in range(labels)),
        metadata={"source": f"random, seed {seed}"},
    )


class _Maker:
    def __init__(self, rng: np.random.Generator, hidden: int, slots: int) -> None:
        self.rng, self.hidden, self.slots = rng, hidden, slots

    def layer(self, name: str, heads: int, ffn: int) -> list[Node]:
        width = self.hidden + self.slots
        score = [
            self.scale(np.array([INDEX_STD / (np.sqrt(self.hidden // heads) * CODE_STD**2)])) for _ in range(heads)
        ]
        context_mul, context_shift = self.scale(np.full(self.hidden, 1 / 256))
        input_norm = self.norm(f"{name}input_norm")
        attention = Attention(
            name=f"{name}attention",
            heads=heads,
            query=self.linear("query", self.hidden, width, CODE_STD),
            key=self.linear("key", self.hidden, width, CODE_STD),
            value=self.linear("value", self.hidden, width, CODE_STD),
            score_mul=np.concatenate([mul for mul, _ in score]),
            score_pre_shift=self.rng.integers(0, 3, heads).astype(np.int32),
            score_shift=np.array([shift - 1 for _, shift in score], np.int32),
            softmax_table=np.rint(255 * np.exp(-np.arange(2048) * 8 / 2048)).astype(np.uint8),
            context_mul=context_mul,
            context_shift=context_shift,
        )
        output = self.residual(f"{name}output", self.hidden)
        mid_norm = self.norm(f"{name}mid_norm")
        ffn1 = self.index(f"{name}ffn1", ffn)
        gelu_table = self.rng.integers(0, 256, 2048).astype(np.uint8)
        gelu = Table(table=gelu_table, unsigned=True, slots=self.ffn_slots(ffn))
        ffn2 = self.residual(f"{name}ffn2", ffn + self.slots, input_std=2 * CODE_STD)
        return [input_norm, attention, output, mid_norm, replace(ffn1, then=gelu), ffn2]

    def embedding(self, vocabulary: int, positions: int, token_types: int) -> Embed:
        difference = np.random.default_rng(token_types).normal(0, 1000, (token_types - 1, self.hidden))
        return Embed(
            name="embed",
            word=self.codes(vocabulary, self.hidden),
            word_scale=self.rng.uniform(20, 60, vocabulary).astype(np.float32),
            position=self.rng.normal(0, 1000, (positions, self.hidden)).astype(np.float32),
            types=TokenTypes(difference=difference.astype(np.float32)) if token_types > 1 else None,
        )

    def norm(self, name: str) -> Norm:
        g, shift = self.scale(np.full(self.hidden, CODE_STD / NORMALIZED_STD))
        channel = self.rng.integers(0, self.hidden, self.slots)
        return Norm(
            name=name,
            g=g,
            b=self.offsets(self.hidden, 20 << shift),
            shift=shift,
            slot_channel=channel.astype(np.int32),
            slot_g=g[channel] // 2,
            slot_b=self.offsets(self.slots, 20 << shift),
        )

    def linear(self, name: str, n: int, k: int, out_std: float, *, input_std: float = CODE_STD) -> Linear:
        sum_std = np.sqrt(k) * WEIGHT_STD * input_std
        mul, pre_shift, shift = self.requantizer(n, sum_std, out_std)
        # Drawn for every matrix, though only some add it to the rows.
        residual_mul, residual_shift = self.scale(np.full(self.hidden, SUM_STD / NORMALIZED_STD))
        self._residual = Residual(mul=residual_mul, shift=residual_shift)
        return Linear(
            name=name,
            weight=self.codes(n, k),
            bias=self.offsets(n, sum_std),
            mul=mul,
            pre_shift=pre_shift,
            shift=shift,
            then=Codes(),
        )

    def residual(self, name: str, k: int, *, input_std: float = CODE_STD) -> Linear:
        """A matrix whose results are added to the rows."""
        made = self.linear(name, self.hidden, k, SUM_STD, input_std=input_std)
        return replace(made, then=self._residual)

    def index(self, name: str, n: int) -> Linear:
        """A matrix whose results are table indices around 1024."""
        made = self.linear(name, n, self.hidden + self.slots, INDEX_STD)
        scale = made.mul.astype(np.float64) * 2.0 ** -(made.pre_shift + made.shift)
        return replace(made, bias=np.rint(1024 / scale).astype(np.int32))

    def ffn_slots(self, ffn: int) -> Slots:
        sum_std = np.sqrt(self.hidden) * WEIGHT_STD * CODE_STD
        mul, pre_shift, shift = self.requantizer(self.slots, sum_std, 2 * CODE_STD)
        return Slots(
            channel=self.rng.integers(0, ffn, self.slots).astype(np.int32),
            bias=self.offsets(self.slots, sum_std),
            mul=mul,
            pre_shift=pre_shift,
            shift=shift,
            high=int(self.rng.integers(200, 256)),
        )

    def requantizer(self, n: int, sum_std: float, out_std: float) -> tuple[NDArray[np.int32], int, int]:
        """Multipliers, pre-shift (so that 4 deviations fit 18 bits) and shift from one spread to another."""
        pre_shift = max(0, int(np.ceil(np.log2(4 * sum_std))) - 17)
        mul, shift = self.scale(np.full(n, out_std / sum_std * 2**pre_shift))
        return mul, pre_shift, shift

    def scale(self, factor: NDArray[np.floating[Any]]) -> tuple[NDArray[np.int32], int]:
        """Multipliers of 18 bits and either sign near ``factor``, and their shift."""
        largest = float(factor.max(initial=1e-9)) * 1.4
        shift = int(np.clip(17 - np.ceil(np.log2(largest)), 0, 20))
        size = self.rng.uniform(0.6, 1.4, len(factor)) * factor * 2.0**shift
        return np.rint(size * self.rng.choice([-1, 1], len(factor))).astype(np.int32), shift

    def codes(self, *shape: int) -> NDArray[np.int8]:
        return self.rng.integers(-127, 128, shape).astype(np.int8)

    def offsets(self, n: int, spread: float) -> NDArray[np.int32]:
        return np.rint(self.rng.uniform(-spread, spread, n)).astype(np.int32)
