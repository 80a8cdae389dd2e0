"""Which rows operators take at a time, and where their operands stand on the chip."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import gcd, lcm

from spec.config import AcceleratorConfig
from sw.lowering.placement import place

__all__ = ["Buffer", "Needs", "Plan", "Rows"]

EMBEDDING_BLOCKS = 4
"""Parts of the input, so that loading one overlaps the norm of another."""

TOKEN_BLOCKS = 4
"""Most blocks of a LayerNorm; more would begin earlier, but cost more instructions."""


@dataclass(frozen=True)
class Buffer:
    """Rows of words in the scratchpad or the vector memory."""

    addr: int
    stride: int

    def row(self, m: int) -> int:
        """First word of a row."""
        return self.addr + m * self.stride


@dataclass(frozen=True)
class Rows:
    """Neighbouring rows: those that one GEMM streams."""

    first: int
    count: int

    @property
    def stop(self) -> int:
        """Row behind the last."""
        return self.first + self.count


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Sizes of a network's operands, whatever the length; words are those of the scratchpad.

    Parameters
    ----------
    hidden : int
        Values of a row.
    code_words : int
        Of a row of codes, with its slots.
    heads, head_words, width : int
        Attention heads, words of a row in each and its values.
    value_weights : int
        Words of the value matrix's panel that a head loads at a time.
    middle_words : int
        Of a row between the two matrices of a feed-forward network.
    """

    hidden: int
    code_words: int
    heads: int
    head_words: int
    width: int
    value_weights: int
    middle_words: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Blocks and buffers of a program.

    ``codes`` are the int8 rows that matrices read; ``rows`` the int16 ones that LayerNorm works on in place. ``query``,
    ``key`` and ``value`` have one entry each, or two so that a head can be computed while the one before it is still in
    use. ``middle`` stands where the buffers of attention stood, but for ``value_weights`` if these are ``apart``.
    ``load_block`` are the rows that are loaded at a time; ``token_block`` and ``least_rows`` are for
    :meth:`norm_blocks` and :meth:`split`. Buffers have room for ``longest`` rows.
    """

    length: int
    longest: int
    acc_depth: int
    load_block: int
    query_block: int
    ffn_block: int
    codes: Buffer
    context: Buffer
    probabilities: Buffer
    query: tuple[Buffer, ...]
    key: tuple[Buffer, ...]
    value: tuple[Buffer, ...]
    value_weights: range
    value_weights_apart: bool
    middle: Buffer
    rows: Buffer
    scores: Buffer
    token_block: int
    least_rows: int

    @classmethod
    def fit(cls, config: AcceleratorConfig, needs: Needs, length: int) -> "Plan":
        """Choose the largest blocks that fit.

        Raises
        ------
        ValueError
            If not even the smallest do, with the field to enlarge.
        """
        rows_stride = -(-needs.hidden // config.lanes)
        scores_stride = -(-length // config.lanes)
        spare = config.vector_words - length * rows_stride
        most = min(length, config.acc_depth)
        by_vector = min(spare // scores_stride, most)
        if by_vector < 1:
            raise ValueError(
                f"vector_kib must be larger than {config.vector_kib}: {length} rows of {needs.hidden} int16 values "
                f"and one row of scores do not fit"
            )
        attention = _Attention(config, needs, length)
        for heads_at_once, least in ((2, min(by_vector, config.cols)), (1, 1)):
            block = min(attention.query_block(heads_at_once), by_vector)
            if block >= least:
                block = _balanced(length, block)
                break
        else:
            raise ValueError(
                f"scratchpad_kib must be larger than {config.scratchpad_kib}: "
                f"the attention of {length} rows of {needs.hidden} values does not fit"
            )
        middle_stride = needs.middle_words
        ffn_block = min((config.scratchpad_words - attention.codes) // middle_stride, most)
        if ffn_block < 1:
            raise ValueError(
                f"scratchpad_kib must be larger than {config.scratchpad_kib}: {length} rows of {needs.hidden} "
                f"values and one row of the feed-forward network's middle do not fit"
            )
        ffn_words = attention.codes + ffn_block * middle_stride
        places = attention.place(block, heads_at_once, ffn_words)

        def each(name: str, stride: int) -> tuple[Buffer, ...]:
            return tuple(Buffer(places[f"{name}{i}"], stride) for i in range(heads_at_once))

        ring = places["value_weights"]
        return cls(
            length=length,
            longest=length,
            acc_depth=config.acc_depth,
            load_block=_load_block(config, length, rows_stride),
            query_block=block,
            ffn_block=_balanced(length, ffn_block),
            codes=Buffer(0, needs.code_words),
            context=Buffer(places["context"], attention.context_words),
            probabilities=Buffer(places["probabilities"], attention.length_words),
            query=each("query", attention.head_words),
            key=each("key", attention.head_words),
            value=each("value", attention.length_words),
            value_weights=range(ring, ring + heads_at_once * attention.value_weights),
            value_weights_apart=ring >= ffn_words,
            middle=Buffer(attention.codes, middle_stride),
            rows=Buffer(0, rows_stride),
            scores=Buffer(length * rows_stride, scores_stride),
            token_block=_token_block(config, length),
            least_rows=max(config.cols, -(-config.rows * config.cols // config.bus_bytes)),
        )

    def in_one_block(self) -> "Plan":
        """Return the plan with all rows in one block everywhere.

        Raises
        ------
        ValueError
            If there is no room for so many.
        """
        if min(self.query_block, self.ffn_block, self.acc_depth) < self.length:
            raise ValueError(f"{self.length} rows must fit one block of all operators")
        whole = self.length
        return replace(self, load_block=whole, token_block=whole, least_rows=whole)

    def shortened(self, length: int) -> "Plan":
        """Return a plan in one block for fewer rows, with every buffer in its place."""
        return replace(self, length=length, query_block=length, ffn_block=length)

    def blocks(self, stop: int, size: int) -> Iterator[Rows]:
        """Rows 0 to ``stop - 1`` in blocks of at most ``size``."""
        for first in range(0, stop, size):
            yield Rows(first, min(size, stop - first))

    @property
    def own_statistics(self) -> bool:
        """Whether each row has a place of its own for its statistics; else one block is finished before the next."""
        return self.length <= self.acc_depth

    def norm_blocks(self, rows: Rows) -> list[Rows]:
        """Blocks for a LayerNorm whose first reader, the value matrices, takes tokens a few at a time."""
        if not self.own_statistics:
            return [rows]
        return [Rows(rows.first + r.first, r.count) for r in self.blocks(rows.count, self.token_block)]

    def split(self, rows: Rows) -> list[Rows]:
        """Two blocks for a LayerNorm whose first reader can only take some rows apart by reading weights twice.

        The second is the smaller one, for less than all of its time is there to overlap with. One if so few rows are
        less work than reading a tile, or if rows share the places of their statistics.
        """
        second = rows.count * 3 // 8
        if second < self.least_rows or not self.own_statistics:
            return [rows]
        return [Rows(rows.first, rows.count - second), Rows(rows.stop - second, second)]


class _Attention:
    """Scratchpad words of attention's buffers."""

    def __init__(self, config: AcceleratorConfig, needs: Needs, length: int) -> None:
        self._config = config
        self._length = length
        self.codes = length * needs.code_words
        self.head_words = needs.head_words
        self.context_words = needs.heads * needs.head_words
        self.length_words = -(-length // config.rows)
        self._value = needs.width * self.length_words
        self.value_weights = needs.value_weights

    def query_block(self, heads_at_once: int) -> int:
        """Most rows of probabilities that fit beside the rest; may be below 1."""
        fixed = self.codes + sum(self._sizes(0, heads_at_once).values())
        return (self._config.scratchpad_words - fixed) // self.length_words

    def place(self, block: int, heads_at_once: int, ffn_words: int) -> dict[str, int]:
        """First words of all buffers; the feed-forward network takes the first ``ffn_words``."""
        config, heads = self._config, range(heads_at_once)
        sizes, stop = self._sizes(block, heads_at_once), config.scratchpad_words
        behind: dict[str, int] = {}
        if ffn_words + sizes["value_weights"] <= stop:
            stop -= sizes.pop("value_weights")
            behind = {"value_weights": stop}
        apart = [("value_weights", "codes")]
        apart += [(f"query{i}", f"key{i}") for i in heads]
        apart += [("probabilities", f"value{i}") for i in heads]
        bank_words = config.scratchpad_words // config.scratchpad_banks
        places = place(sizes, apart, start=self.codes, stop=stop, bank_words=bank_words)
        assert places is not None, "query_block has made sure that all fit"
        return places | behind

    def _sizes(self, block: int, heads_at_once: int) -> dict[str, int]:
        one_head = self._length * self.head_words
        sizes = {
            "context": self._length * self.context_words,
            "probabilities": block * self.length_words,
            "value_weights": heads_at_once * self.value_weights,
        }
        for i in range(heads_at_once):
            sizes |= {f"query{i}": one_head, f"key{i}": one_head, f"value{i}": self._value}
        return sizes


def _balanced(length: int, block: int) -> int:
    """The smallest block that needs no more blocks."""
    return -(-length // -(-length // block))


def _load_block(config: AcceleratorConfig, length: int, rows_stride: int) -> int:
    """Rows that are loaded at a time: whole bus words."""
    row_bytes = rows_stride * config.lanes * 2
    aligned = config.bus_bytes // gcd(row_bytes, config.bus_bytes)
    wanted = min(-(-length // EMBEDDING_BLOCKS), config.acc_depth)
    return wanted + -wanted % aligned


def _token_block(config: AcceleratorConfig, length: int) -> int:
    """Tokens of a LayerNorm block: whole words and whole column tiles of the value matrices."""
    unit = lcm(config.rows, config.cols)
    return -(-length // (unit * TOKEN_BLOCKS)) * unit
