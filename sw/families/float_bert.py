"""The float model that is quantized, as plain arrays with a forward pass that can be observed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatBert", "FloatLayer", "FloatLinear", "FloatNorm"]

Float = NDArray[np.float32]
Observer = Callable[[str, Float], None]


@dataclass(frozen=True, kw_only=True)
class FloatLinear:
    """``x . weight^T + bias``."""

    weight: Float  # [N, K]
    bias: Float  # [N]


@dataclass(frozen=True, kw_only=True)
class FloatNorm:
    """LayerNorm: normalised rows times ``gamma`` plus ``beta``."""

    gamma: Float  # [N]
    beta: Float  # [N]


@dataclass(frozen=True, kw_only=True)
class FloatLayer:
    """One encoder layer; ``input_norm`` is the norm at the end of the layer before."""

    input_norm: FloatNorm
    query: FloatLinear
    key: FloatLinear
    value: FloatLinear
    output: FloatLinear
    mid_norm: FloatNorm
    ffn1: FloatLinear
    ffn2: FloatLinear


@dataclass(frozen=True, kw_only=True)
class FloatBert:
    """A ``BertForSequenceClassification``."""

    heads: int
    epsilon: float
    word: Float  # [vocabulary, N]
    position: Float  # [positions, N]: position + token type
    layers: tuple[FloatLayer, ...]
    pooler_norm: FloatNorm
    pooler: FloatLinear
    classifier: FloatLinear
    labels: tuple[str, ...]

    def forward(self, token_ids: Sequence[int], observe: Observer | None = None) -> Float:
        """Return the logits [labels] of one text.

        Parameters
        ----------
        token_ids : sequence of int
        observe : callable, optional
            Called with a name and the rows of each step. Norms are observed before gamma and beta,
            ``layers.{i}.key`` without its bias, ``layers.{i}.ffn1`` before and ``layers.{i}.ffn`` after GELU.
        """
        see = observe or _ignore
        x = self.word[np.asarray(token_ids)] + self.position[: len(token_ids)]
        for i, layer in enumerate(self.layers):
            x = self._layer(layer, x, f"layers.{i}.", see)
        x = self._norm(x[:1], self.pooler_norm, "pooler_norm", see)
        pooled = np.tanh(_linear(x, self.pooler))
        see("pooled", pooled)
        logits: Float = _linear(pooled, self.classifier)[0]
        return logits

    def _layer(self, layer: FloatLayer, x: Float, name: str, see: Observer) -> Float:
        """Residual sums that enter a layer to those that leave it."""
        x = self._norm(x, layer.input_norm, f"{name}input_norm", see)
        context = self._attention(layer, x, name, see)
        x = x + _linear(context, layer.output)
        see(f"{name}output", x)
        x = self._norm(x, layer.mid_norm, f"{name}mid_norm", see)
        middle = _linear(x, layer.ffn1)
        see(f"{name}ffn1", middle)
        middle = gelu(middle)
        see(f"{name}ffn", middle)
        x = x + _linear(middle, layer.ffn2)
        see(f"{name}ffn2", x)
        return x

    def _attention(self, layer: FloatLayer, x: Float, name: str, see: Observer) -> Float:
        query, value = _linear(x, layer.query), _linear(x, layer.value)
        # Softmax does not change when all scores of a row do: the key's bias has no effect.
        key = x @ layer.key.weight.T
        for part, rows in (("query", query), ("key", key), ("value", value)):
            see(name + part, rows)
        q, k, v = (rows.reshape(len(x), self.heads, -1).transpose(1, 0, 2) for rows in (query, key, value))
        scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(q.shape[2]))
        weights = np.exp(scores - scores.max(2, keepdims=True))
        context: Float = (weights / weights.sum(2, keepdims=True)) @ v
        context = context.transpose(1, 0, 2).reshape(len(x), -1)
        see(f"{name}context", context)
        return context

    def _norm(self, x: Float, norm: FloatNorm, name: str, see: Observer) -> Float:
        centred = x - x.mean(1, keepdims=True)
        normalized: Float = centred / np.sqrt((centred * centred).mean(1, keepdims=True) + np.float32(self.epsilon))
        see(name, normalized)
        return normalized * norm.gamma + norm.beta


def gelu(x: NDArray[Any]) -> NDArray[Any]:
    """``x * Phi(x)``, exactly."""
    import torch  # noqa: PLC0415  # NumPy has no erf; torch is there when a float model is

    activated: NDArray[Any] = torch.nn.functional.gelu(torch.from_numpy(np.ascontiguousarray(x))).numpy()
    return activated


def _linear(x: Float, linear: FloatLinear) -> Float:
    y: Float = x @ linear.weight.T + linear.bias
    return y


def _ignore(name: str, rows: Float) -> None:
    """Observe nothing."""
    del name, rows
