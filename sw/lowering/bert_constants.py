"""Where a checkpoint's weights, parameters and tables stand in memory: the same for programs of every length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from hw.config import AcceleratorConfig
from sw.checkpoint import Checkpoint, Layer, Linear, Norm, Slots
from sw.lowering.image import Image
from sw.lowering.weights import broadcast_records, param_records, split_k, stream_tiles, whole_words

__all__ = [
    "LOGIT_BYTES",
    "BertConstants",
    "HeadConstants",
    "LayerConstants",
    "Matrix",
    "NormConstants",
    "Panel",
    "ValuePanel",
]

Int = NDArray[np.int32]

LOGIT_BYTES = 4

SHARES = 4
"""Pieces of parameters that should fit the chip together: those of a matrix, of two sweeps, and the next."""

MAX_COLUMNS = (1 << 16) - 1
"""What the ``n`` of a GEMM holds."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Neighbouring columns whose parameters stand on the chip together."""

    first: int
    columns: int
    weights_addr: int = 0
    params_addr: int
    param_words: int


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Streamed weights; ``cut`` as in :class:`sw.lowering.schedule.Product`."""

    k_tiles: int
    cut: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class ValuePanel:
    """Rows of a head's value matrix; they are the streaming operand, and the tokens the stationary one."""

    first: int
    rows: int
    weights_addr: int
    params_addr: int


@dataclass(frozen=True, kw_only=True)
class NormConstants:
    """Parameters of a LayerNorm's sweep, and of the sweeps that fill its slots."""

    panels: tuple[Panel, ...]
    slots: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class HeadConstants:
    """One attention head."""

    query: Matrix
    key: Matrix
    value: tuple[ValuePanel, ...]
    score_params_addr: int
    context: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class LayerConstants:
    """One encoder layer."""

    input_norm: NormConstants
    heads: tuple[HeadConstants, ...]
    softmax_table_addr: int
    output: Matrix
    mid_norm: NormConstants
    gelu_table_addr: int
    ffn1: Matrix
    ffn1_slots: Matrix | None
    ffn2: Matrix


class BertConstants:
    """Bytes and addresses of a checkpoint on one accelerator.

    What is loaded stands at address 0; the weights of the stream stand behind it, at :attr:`weights_base`, in the order
    in which a program uses them.

    Parameters
    ----------
    checkpoint : Checkpoint
    config : AcceleratorConfig

    Raises
    ------
    ValueError
        If the parameters of one column tile do not fit ``param_words``.
    """

    def __init__(self, checkpoint: Checkpoint, config: AcceleratorConfig) -> None:
        self.config = config
        self.heads = checkpoint.heads
        self.hidden = len(checkpoint.pooler.bias)
        self.width = self.hidden // self.heads
        self._loaded, self._streamed = Image(config.bus_bytes), Image(config.bus_bytes)
        self.layers = tuple(self._layer(layer) for layer in checkpoint.layers)
        self.pooler_norm = self._norm(checkpoint.pooler_norm)
        self.tanh_table_addr = self._loaded.add(checkpoint.tanh_table)
        self.pooler = self._matrix(checkpoint.pooler)
        logits_per_beat = lcm(config.lanes, config.bus_bytes // LOGIT_BYTES)
        self.classifier = self._matrix(checkpoint.classifier, unit=logits_per_beat)
        self.weights_base = self._loaded.size
        self.data = np.concatenate([self._loaded.to_array(), self._streamed.to_array()])
        self.data.flags.writeable = False

    def words(self, values: int) -> int:
        """Scratchpad words of so many bytes."""
        return -(-values // self.config.rows)

    def _layer(self, layer: Layer) -> LayerConstants:
        ffn, slots = len(layer.ffn1.bias), len(layer.ffn1_slots.bias)
        return LayerConstants(
            input_norm=self._norm(layer.input_norm),
            heads=tuple(self._head(layer, head) for head in range(self.heads)),
            softmax_table_addr=self._loaded.add(layer.softmax_table),
            output=self._matrix(layer.output, [self.width] * self.heads, self.config.lanes),
            mid_norm=self._norm(layer.mid_norm),
            gelu_table_addr=self._loaded.add(layer.gelu_table),
            ffn1=self._matrix(layer.ffn1),
            ffn1_slots=self._matrix(_slot_rows(layer.ffn1, layer.ffn1_slots)) if slots else None,
            ffn2=self._matrix(layer.ffn2, [ffn, slots], self.config.lanes),
        )

    def _head(self, layer: Layer, head: int) -> HeadConstants:
        own = slice(head * self.width, (head + 1) * self.width)
        # Bytes that pad the last word of a key must be zero, for those of the query then do not matter.
        padded = self.words(self.width) * self.config.rows
        value = layer.value
        return HeadConstants(
            query=self._matrix(_pick(layer.query, own)),
            key=self._matrix(_pick(layer.key, own, padded)),
            value=tuple(
                ValuePanel(
                    first=first,
                    rows=rows,
                    weights_addr=self._load(whole_words(value.weight[own][first : first + rows], self.config.rows)),
                    params_addr=self._load(
                        broadcast_records(
                            bias=value.bias[own][first : first + rows], mul=value.mul[own][first : first + rows]
                        )
                    ),
                )
                for first, rows in self._split(self.width, 1, per_word=1, most=self.config.acc_depth)
            ),
            score_params_addr=self._load(broadcast_records(mul=layer.score_mul[head])),
            context=self._panels(self.config.rows, mul2=layer.context_mul[own]),
        )

    def _norm(self, norm: Norm) -> NormConstants:
        slots = len(norm.slot_channel)
        return NormConstants(
            panels=self._panels(self.config.rows, bias=norm.b, mul2=norm.g),
            slots=tuple(
                Panel(
                    first=first,
                    columns=count,
                    params_addr=self._load(
                        broadcast_records(
                            bias=norm.slot_b[first : first + count], mul2=norm.slot_g[first : first + count]
                        )
                    ),
                    param_words=count,
                )
                for first, count in self._split(slots, 1, per_word=1)
            ),
        )

    def _matrix(self, linear: Linear, k_widths: Sequence[int] | None = None, unit: int = 0) -> Matrix:
        """Streamed weights and their parameters.

        ``k_widths`` are pieces of K that have words of their own; results may be cut at multiples of ``unit`` columns,
        by default a word of int8.
        """
        weight = split_k(linear.weight, k_widths or [linear.weight.shape[1]], self.config.rows)
        residual = 0 if linear.residual_mul is None else linear.residual_mul
        unit = unit or self.config.rows
        cut = lcm(unit, self.config.cols)
        panels = self._panels(cut, unit, weight=weight, bias=linear.bias, mul=linear.mul, mul2=residual)
        return Matrix(k_tiles=weight.shape[1] // self.config.rows, cut=cut, panels=panels)

    def _panels(
        self,
        *units: int,
        weight: NDArray[np.int8] | None = None,
        bias: Int | int = 0,
        mul: Int | int = 0,
        mul2: Int | int,
    ) -> tuple[Panel, ...]:
        """Parameters of neighbouring columns, with their weights if there are any."""
        fields = np.broadcast_arrays(bias, mul, mul2)
        return tuple(
            Panel(
                first=first,
                columns=columns,
                weights_addr=0
                if weight is None
                else self._streamed.add(
                    stream_tiles(weight[first : first + columns], self.config.rows, self.config.cols)
                ),
                params_addr=self._load(
                    param_records(
                        self.config.lanes,
                        **dict(zip(("bias", "mul", "mul2"), (f[first : first + columns] for f in fields), strict=True)),
                    )
                ),
                param_words=-(-columns // self.config.lanes),
            )
            for first, columns in self._split(fields[0].size, *units, per_word=self.config.lanes)
        )

    def _split(self, count: int, *units: int, per_word: int, most: int = MAX_COLUMNS) -> Iterator[tuple[int, int]]:
        """Cut columns into pieces whose parameters fit the chip, several of them if possible.

        Pieces are multiples of one of ``units``, the first that allows it.
        """
        columns = self.config.param_words * per_word
        sizes = [columns // SHARES // unit * unit for unit in units] + [columns // unit * unit for unit in units]
        step = count if count <= columns // SHARES else next((size for size in sizes if size), 0)
        if count and not step:
            raise ValueError(
                f"param_words must hold the parameters of {units[-1]} columns, {per_word} in a word, "
                f"not be {self.config.param_words}"
            )
        step = min(step, most)
        for first in range(0, count, max(step, 1)):
            yield first, min(step, count - first)

    def _load(self, data: NDArray[np.generic]) -> int:
        return self._loaded.add(np.ascontiguousarray(data).view(np.uint8))


def _pick(linear: Linear, columns: slice, padded: int = 0) -> Linear:
    """Some columns of a matrix, behind them columns that give zero up to ``padded``."""
    weight = linear.weight[columns]
    more = max(padded - len(weight), 0)
    return Linear(
        weight=np.pad(weight, ((0, more), (0, 0))),
        bias=np.pad(linear.bias[columns], (0, more)),
        mul=np.pad(linear.mul[columns], (0, more)),
        pre_shift=linear.pre_shift,
        shift=linear.shift,
    )


def _slot_rows(ffn1: Linear, slots: Slots) -> Linear:
    """The repeated channels of the first FFN matrix as a matrix of their own."""
    return Linear(
        weight=ffn1.weight[slots.channel],
        bias=slots.bias,
        mul=slots.mul,
        pre_shift=slots.pre_shift,
        shift=slots.shift,
    )
