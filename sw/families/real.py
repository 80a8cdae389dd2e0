"""Float models as operators on plain arrays, with a forward pass that can be observed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sw.network.task import Task

__all__ = [
    "ACTIVATIONS",
    "RealAttention",
    "RealEmbed",
    "RealLinear",
    "RealNetwork",
    "RealNode",
    "RealNorm",
    "RealPool",
    "RealSelect",
    "Then",
]

Float = NDArray[np.float32]
Observer = Callable[[str, Float], None]

Then = Literal["nothing", "rows", "residual", "gelu", "gelu_new", "relu", "silu", "tanh", "sums"]
"""What becomes of a matrix's results: the rows, added to the rows, activated, or the model's own results."""


@dataclass(frozen=True, kw_only=True)
class _Flow:
    """``rows`` [S, N] of the residual stream, normalised ones behind a norm; ``codes`` [S, K], what matrices take."""

    rows: Float
    codes: Float


@dataclass(frozen=True, kw_only=True)
class RealEmbed:
    """Sums of word, position and token type embeddings."""

    name: str
    word: Float  # [vocabulary, N]
    position: Float  # [positions, N]: position + token type 0
    types: Float  # [types - 1, N]: what the types from 1 on have more than 0

    def rows(self, token_ids: Sequence[int], token_types: Sequence[int] = ()) -> Float:
        """Return the rows [S, N] of one text; without types, all are 0."""
        rows: Float = self.word[np.asarray(token_ids)] + self.position[: len(token_ids)]
        others = np.flatnonzero(token_types)
        rows[others] += self.types[np.asarray(token_types, np.int64)[others] - 1]
        return rows

    def run(self, flow: _Flow, see: Observer) -> _Flow:
        """Hand on the rows."""
        del see
        return flow


@dataclass(frozen=True, kw_only=True)
class RealNorm:
    """LayerNorm: normalised rows times ``gamma`` plus ``beta``; observed before these."""

    name: str
    gamma: Float  # [N]
    beta: Float  # [N]
    epsilon: float

    def run(self, flow: _Flow, see: Observer) -> _Flow:
        """Normalise each row."""
        centred = flow.rows - flow.rows.mean(1, keepdims=True)
        variance = (centred * centred).mean(1, keepdims=True)
        normalised: Float = centred / np.sqrt(variance + np.float32(self.epsilon))
        see(self.name, normalised)
        rows = normalised * self.gamma + self.beta
        return _Flow(rows=rows, codes=rows)


@dataclass(frozen=True, kw_only=True)
class RealLinear:
    """``x . weight^T + bias``, and what becomes of it.

    Results of an activation are observed twice: before, and as ``{name}.activated`` behind it.
    """

    name: str
    weight: Float  # [N, K]
    bias: Float  # [N]
    then: Then = "nothing"

    def product(self, x: Float) -> Float:
        """Return the results without what comes then."""
        y: Float = x @ self.weight.T + self.bias
        return y

    def run(self, flow: _Flow, see: Observer) -> _Flow:
        """Multiply."""
        y = self.product(flow.codes)
        if self.then in ("rows", "residual"):
            y = flow.rows + y if self.then == "residual" else y
            see(self.name, y)
            return _Flow(rows=y, codes=y)
        see(self.name, y)
        if self.then in ACTIVATIONS:
            y = ACTIVATIONS[self.then](y)
            see(f"{self.name}.activated", y)
        return replace(flow, codes=y)


@dataclass(frozen=True, kw_only=True)
class RealAttention:
    """Attention of all heads; every row sees all rows. Keys are observed without their bias."""

    name: str
    heads: int
    query: RealLinear
    key: RealLinear
    value: RealLinear

    def run(self, flow: _Flow, see: Observer) -> _Flow:
        """Attend."""
        x = flow.codes
        query, value = self.query.product(x), self.value.product(x)
        # Softmax does not change when all scores of a row do: the key's bias has no effect.
        key = x @ self.key.weight.T
        for part, rows in (("query", query), ("key", key), ("value", value)):
            see(f"{self.name}.{part}", rows)
        q, k, v = (rows.reshape(len(x), self.heads, -1).transpose(1, 0, 2) for rows in (query, key, value))
        scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(q.shape[2]))
        weights = np.exp(scores - scores.max(2, keepdims=True))
        context: Float = (weights / weights.sum(2, keepdims=True)) @ v
        context = context.transpose(1, 0, 2).reshape(len(x), -1)
        see(f"{self.name}.context", context)
        return replace(flow, codes=context)


@dataclass(frozen=True, kw_only=True)
class RealSelect:
    """One row goes on."""

    name: str
    row: int

    def run(self, flow: _Flow, see: Observer) -> _Flow:
        """Take the row."""
        del see
        own = slice(self.row, self.row + 1)
        return _Flow(rows=flow.rows[own], codes=flow.codes[own])


@dataclass(frozen=True, kw_only=True)
class RealPool:
    """The mean of the rows, of length 1 if it is normalised."""

    name: str
    normalise: bool

    def run(self, flow: _Flow, see: Observer) -> _Flow:
        """Take the mean."""
        del see
        mean: Float = flow.codes.mean(0, keepdims=True)
        if self.normalise:
            mean = mean / np.maximum(np.linalg.norm(mean), 1e-12)
        return _Flow(rows=mean, codes=mean)


RealNode = RealEmbed | RealNorm | RealLinear | RealAttention | RealSelect | RealPool


@dataclass(frozen=True, kw_only=True)
class RealNetwork:
    """A float model: its operators in their order, the first a :class:`RealEmbed`, and what its results mean."""

    nodes: tuple[RealNode, ...]
    labels: tuple[str, ...]
    task: Task

    @property
    def embed(self) -> RealEmbed:
        """The first operator."""
        node = self.nodes[0]
        assert isinstance(node, RealEmbed), "loaders put it there"
        return node

    @property
    def positions(self) -> int:
        """Most tokens of a text."""
        return len(self.embed.position)

    def norms(self) -> Iterator[RealNorm]:
        """Yield the norms in their order."""
        return (node for node in self.nodes if isinstance(node, RealNorm))

    def forward(
        self, token_ids: Sequence[int], observe: Observer | None = None, *, token_types: Sequence[int] = ()
    ) -> Float:
        """Return the results [labels] of one text.

        Parameters
        ----------
        token_ids : sequence of int
        observe : callable, optional
            Called with a name, which begins with an operator's, and the rows of each step.
        token_types : sequence of int, optional
            One for each id; without, all are 0.
        """
        see = observe or _ignore
        rows = self.embed.rows(token_ids, token_types)
        flow = _Flow(rows=rows, codes=rows)
        for node in self.nodes:
            flow = node.run(flow, see)
        results: Float = flow.codes[0]
        return results


def _gelu(x: NDArray[Any]) -> NDArray[Any]:
    """``x * Phi(x)``, exactly."""
    import torch  # noqa: PLC0415  # NumPy has no erf; torch is there when a float model is

    activated: NDArray[Any] = torch.nn.functional.gelu(torch.from_numpy(np.ascontiguousarray(x))).numpy()
    return activated


def _gelu_new(x: NDArray[Any]) -> NDArray[Any]:
    """GELU as approximated with tanh."""
    inner = np.sqrt(2 / np.pi).astype(x.dtype) * (x + x.dtype.type(0.044715) * x**3)
    activated: NDArray[Any] = x.dtype.type(0.5) * x * (1 + np.tanh(inner))
    return activated


def _relu(x: NDArray[Any]) -> NDArray[Any]:
    activated: NDArray[Any] = np.maximum(x, 0)
    return activated


def _silu(x: NDArray[Any]) -> NDArray[Any]:
    """``x * sigmoid(x)``; in the form that does not overflow."""
    activated: NDArray[Any] = x * x.dtype.type(0.5) * (1 + np.tanh(x * x.dtype.type(0.5)))
    return activated


ACTIVATIONS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "gelu": _gelu,
    "gelu_new": _gelu_new,
    "relu": _relu,
    "silu": _silu,
    "tanh": np.tanh,
}
"""Activations by name."""


def _ignore(name: str, rows: Float) -> None:
    """Observe nothing."""
    del name, rows
