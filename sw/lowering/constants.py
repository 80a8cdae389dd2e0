"""Where a network's weights, parameters and tables stand in memory: the same for programs of every length."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from sw.lowering.image import Image
from sw.lowering.weights import param_records, split_k, stream_tiles
from sw.network.linear import Linear, Residual

__all__ = ["Constants", "Matrix", "Panel", "Pieces"]

Int = NDArray[np.int32]

Pieces = tuple[int, ...]
"""Lengths of the parts of a row of codes, each of which begins with a whole word."""

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


class Constants:
    """Bytes of a network on one accelerator; operators put them here in their order and keep the addresses.

    What is loaded stands at address 0; the weights of the stream stand behind it, at :attr:`weights_base`.

    Parameters
    ----------
    config : AcceleratorConfig
    positions : int
        Most rows of a text.
    """

    def __init__(self, config: AcceleratorConfig, positions: int) -> None:
        self.config, self.positions = config, positions
        self._loaded, self._streamed = Image(config.bus_bytes), Image(config.bus_bytes)

    @property
    def weights_base(self) -> int:
        """Address of the first streamed weights, when all has been put."""
        return self._loaded.size

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._loaded.size + self._streamed.size

    def to_array(self) -> NDArray[np.uint8]:
        """Return all bytes as one array that cannot be written."""
        data = np.concatenate([self._loaded.to_array(), self._streamed.to_array()])
        data.flags.writeable = False
        return data

    def words(self, values: int) -> int:
        """Scratchpad words of so many bytes."""
        return -(-values // self.config.rows)

    def load(self, data: NDArray[np.generic]) -> int:
        """Put bytes that are loaded and return their address."""
        return self._loaded.add(np.ascontiguousarray(data).view(np.uint8))

    def matrix(self, linear: Linear, pieces: Pieces | None = None, unit: int = 0) -> Matrix:
        """Put streamed weights and their parameters.

        Parameters
        ----------
        linear : Linear
        pieces : Pieces, optional
            Of the codes that it multiplies; default: one.
        unit : int
            Results may be cut at multiples of so many columns; default: a word of int8.

        Raises
        ------
        ValueError
            If the parameters of one column tile do not fit ``param_words``.
        """
        weight = split_k(linear.weight, pieces or [linear.weight.shape[1]], self.config.rows)
        residual = linear.then.mul if isinstance(linear.then, Residual) else 0
        unit = unit or self.config.rows
        cut = lcm(unit, self.config.cols)
        panels = self.panels(cut, unit, weight=weight, bias=linear.bias, mul=linear.mul, mul2=residual)
        return Matrix(k_tiles=weight.shape[1] // self.config.rows, cut=cut, panels=panels)

    def panels(
        self,
        *units: int,
        weight: NDArray[np.int8] | None = None,
        bias: Int | int = 0,
        mul: Int | int = 0,
        mul2: Int | int,
    ) -> tuple[Panel, ...]:
        """Put parameters of neighbouring columns, with their weights if there are any; ``units`` as :meth:`split`."""
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
                params_addr=self.load(
                    param_records(
                        self.config.lanes,
                        **dict(zip(("bias", "mul", "mul2"), (f[first : first + columns] for f in fields), strict=True)),
                    )
                ),
                param_words=-(-columns // self.config.lanes),
            )
            for first, columns in self.split(fields[0].size, *units, per_word=self.config.lanes)
        )

    def split(self, count: int, *units: int, per_word: int, most: int = MAX_COLUMNS) -> Iterator[tuple[int, int]]:
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
