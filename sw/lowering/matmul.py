"""Lowering of one matrix product of any size."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spec.codes import SUM_BYTES
from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, Gemm, LoadTarget, ParamMode
from spec.param_record import pack_records
from spec.program import Program, Region
from sw.lowering.builder import Builder
from sw.lowering.image import Image
from sw.lowering.steps import Binding, Resident, Step
from sw.lowering.weights import stream_tiles, whole_words

__all__ = ["MatmulLowering", "check_sizes", "lower_matmul"]

MAX_COLUMNS = (1 << 16) - 1
"""What the ``n`` of a GEMM holds."""

MAX_K_TILES = (1 << 14) - 1
"""What the ``k_tiles`` of a GEMM holds."""

MAX_K = {False: 131_071, True: 65_793}
"""Longest sums that int32 holds, by whether ``a`` is unsigned."""

MEMORY_BYTES = 1 << 32


def lower_matmul(config: AcceleratorConfig, m: int, n: int, k: int, *, a_unsigned: bool = False) -> Program:
    """Compile ``c[m, n] = a[m, k] . b[k, n]``; :class:`MatmulLowering` also packs operands and unpacks the result.

    Parameters
    ----------
    config : AcceleratorConfig
    m, n, k : int
        At least 1.
    a_unsigned : bool
        ``a`` is uint8 instead of int8.

    Raises
    ------
    ValueError
        As :class:`MatmulLowering`.
    """
    return MatmulLowering(config, m, n, k, a_unsigned=a_unsigned).program


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Rows of A that stand in the scratchpad together, whole or a stretch of K at a time."""

    first: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Sums of one DRAIN: ``count`` of them from ``offset`` on in the output, with what pads chunks."""

    block: _Block
    first: int
    columns: int
    offset: int
    count: int


class MatmulLowering:
    """A product's program, and the layout of its operands.

    If rows of A fit the scratchpad whole, each block of them meets all columns in one GEMM; if not, every column tile
    takes them in stretches of K.

    Parameters
    ----------
    config : AcceleratorConfig
    m, n, k : int
        At least 1.
    a_unsigned : bool
        ``a`` is uint8 instead of int8.

    Attributes
    ----------
    program : Program
        Inputs ``a`` and ``b``, output ``c``.

    Raises
    ------
    ValueError
        If a size is below 1, if int32 might overflow, or if the operands do not fit 4 GiB.
    """

    def __init__(self, config: AcceleratorConfig, m: int, n: int, k: int, *, a_unsigned: bool = False) -> None:
        check_sizes(m, n, k, a_unsigned=a_unsigned)
        self._config, self._m, self._n, self._k = config, m, n, k
        self._words = -(-k // config.rows)
        self._rows, self._stretch = _block_shape(config, m, self._words)
        self._tiles = -(-n // config.cols)
        self._pieces = list(self._plan_pieces())
        self.program = self._lower(a_unsigned)

    def pack(self, a: NDArray[np.integer], b: NDArray[np.int8]) -> dict[str, NDArray[np.generic]]:
        """Return the program's inputs.

        Parameters
        ----------
        a : int8 or uint8 [m, k]
        b : int8 [k, n]
        """
        words = whole_words(a.view(np.int8), self._config.rows)
        image = Image(self._config.bus_bytes)
        for block in self._blocks():
            rows = words[block.first : block.first + block.rows]
            for first, count in self._stretches():
                part = rows[:, first * self._config.rows : (first + count) * self._config.rows]
                image.add(np.ascontiguousarray(part).view(np.uint8))
        return {
            "a": image.to_array().view(np.int8),
            "b": stream_tiles(np.ascontiguousarray(b.T), self._config.rows, self._config.cols).view(np.int8),
        }

    def unpack(self, c: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the result [m, n] from the program's output."""
        result = np.empty((self._m, self._n), np.int32)
        for piece in self._pieces:
            block, cols = piece.block, self._config.cols
            whole = piece.columns // cols
            sums = c[piece.offset : piece.offset + piece.count]
            tiles = sums[: whole * block.rows * cols].reshape(whole, block.rows, cols)
            rest = sums[whole * block.rows * cols :].reshape(block.rows, -1)
            joined = np.concatenate([tiles.transpose(1, 0, 2).reshape(block.rows, -1), rest], axis=1)
            rows = slice(block.first, block.first + block.rows)
            result[rows, piece.first : piece.first + piece.columns] = joined[:, : piece.columns]
        return result

    def _lower(self, a_unsigned: bool) -> Program:
        config = self._config
        zero = Image(config.bus_bytes)
        zero_addr = zero.add(pack_records())
        regions, size = {}, zero.size
        for name, dtype, count in (
            ("a", "int8", sum(self._stretch_bytes(b, count) for b in self._blocks() for _, count in self._stretches())),
            ("b", "int8", self._tiles * self._words * config.cols * config.rows),
            ("c", "int32", self._pieces[-1].offset + self._pieces[-1].count),
        ):
            regions[name] = Region(addr=size, dtype=dtype, shape=(count,))
            size += regions[name].nbytes + -regions[name].nbytes % config.bus_bytes
        _check_memory(size)
        builder = Builder(config, weights_base=regions["b"].addr, ring_words=range(config.scratchpad_words))
        no_bias = Binding(Resident(LoadTarget.PARAM_BROADCAST, zero_addr, 1))
        self._emit(builder, no_bias, regions["a"].addr, regions["c"].addr, a_unsigned)
        return builder.finish(
            constants=zero.to_array(),
            inputs={"a": regions["a"], "b": regions["b"]},
            outputs={"c": regions["c"]},
            macs=self._m * self._n * self._k,
            metadata={"kind": "matmul", "shape": f"{self._m} {self._n} {self._k}"},
        )

    def _emit(self, builder: Builder, no_bias: Binding, a_addr: int, c_addr: int, a_unsigned: bool) -> None:
        pieces = iter(self._pieces)
        for block in self._blocks():
            residents = []
            for _, count in self._stretches():
                residents.append(Resident(LoadTarget.SCRATCHPAD, a_addr, block.rows * count))
                a_addr += self._stretch_bytes(block, count)
            whole = len(residents) == 1
            for first, columns in self._column_groups():
                weights_addr = first * self._words * self._config.rows
                for resident, (_, count) in zip(residents, self._stretches(), strict=True):
                    # Stretches of K are loaded again for every column tile: a copy has a life of its own.
                    copy = resident if whole else Resident(resident.target, resident.mem_addr, resident.units)
                    gemm = Gemm(
                        m=block.rows,
                        n=columns,
                        k_tiles=count,
                        a_stride=count,
                        a_unsigned=a_unsigned,
                        clear=resident is residents[0],
                        release=resident is residents[-1],
                    )
                    builder.emit(Step(gemm, "product", {"a_addr": Binding(copy)}, weights_addr=weights_addr))
                    weights_addr += self._config.cols * count * self._config.rows
                drain = Drain(
                    m=block.rows,
                    n=columns,
                    dest=Destination.MEMORY,
                    dest_addr=c_addr + next(pieces).offset * SUM_BYTES,
                    param_mode=ParamMode.FIXED,
                )
                builder.emit(Step(drain, "product", {"param_addr": no_bias}))

    def _blocks(self) -> Iterator[_Block]:
        for first in range(0, self._m, self._rows):
            yield _Block(first=first, rows=min(self._rows, self._m - first))

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """First word and words of each stretch of K."""
        for first in range(0, self._words, self._stretch):
            yield first, min(self._stretch, self._words - first)

    def _column_groups(self) -> Iterator[tuple[int, int]]:
        """Columns of each GEMM: as many as it takes, but one tile if its sums are collected over several GEMMs."""
        cols = self._config.cols
        step = MAX_COLUMNS // cols * cols if self._stretch == self._words else cols
        for first in range(0, self._n, step):
            yield first, min(step, self._n - first)

    def _plan_pieces(self) -> Iterator[_Piece]:
        offset, lanes = 0, self._config.lanes
        for block in self._blocks():
            for first, columns in self._column_groups():
                count = block.rows * -(-columns // lanes) * lanes
                yield _Piece(block=block, first=first, columns=columns, offset=offset, count=count)
                offset += count + -count % (self._config.bus_bytes // SUM_BYTES)

    def _stretch_bytes(self, block: _Block, words: int) -> int:
        size = block.rows * words * self._config.rows
        return size + -size % self._config.bus_bytes


def check_sizes(m: int, n: int, k: int, *, a_unsigned: bool = False) -> None:
    """Find out at once whether a product can be lowered, but for what padding adds to its operands.

    Raises
    ------
    ValueError
        As :class:`MatmulLowering`.
    """
    if min(m, n, k) < 1:
        raise ValueError(f"m, n and k must be at least 1, not {m}, {n} and {k}")
    if k > MAX_K[a_unsigned]:
        kind = "uint8" if a_unsigned else "int8"
        raise ValueError(f"k must be at most {MAX_K[a_unsigned]} for {kind} times int8, or int32 overflows, not {k}")
    _check_memory(m * k + k * n + SUM_BYTES * m * n)


def _check_memory(size: int) -> None:
    if size > MEMORY_BYTES:
        raise ValueError(f"the operands must fit 4 GiB, not take {size} bytes")


def _block_shape(config: AcceleratorConfig, m: int, words: int) -> tuple[int, int]:
    """Rows of A in a block, and the words of K that stand in the scratchpad together; two blocks fit if possible."""
    half = max(config.scratchpad_words // 2, 1)
    most = min(m, config.acc_depth)
    worthwhile = min(most, config.cols)
    if words <= MAX_K_TILES:
        for space in (half, config.scratchpad_words):
            if words * worthwhile <= space:
                return min(most, space // words), words
    rows = min(most, half)
    return rows, min(half // rows, words, MAX_K_TILES)
