"""Attention alone: Q.K^T, softmax and P.V of several heads, without the projections around them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spec.codes import CODE, INT16
from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, Gemm, Load, LoadTarget, ParamMode, SecondStage, Stats, Sweep, SweepKind
from spec.param_record import pack_records
from spec.program import Program, Region
from sw.lowering.builder import Builder
from sw.lowering.image import Image
from sw.lowering.steps import Binding, Resident, Step

__all__ = ["attention_inputs", "attention_program"]


SCORE_PRE_SHIFT, SCORE_SHIFT, SCORE_MUL = 2, 15, 1503
"""Random scores reach some hundred codes."""

CONTEXT_SHIFT, CONTEXT_MUL = 17, 16384


def attention_program(
    config: AcceleratorConfig, *, length: int, width: int, heads: int, result: bool = False
) -> Program:
    """Return a program for heads one after another, each with operands of its own from memory.

    While the array multiplies numerators and values of one head, the post-processor has the softmax of the next.
    Contexts end in the scratchpad as int8, where the output projection would read them.

    Parameters
    ----------
    config : AcceleratorConfig
        ``rows`` and ``lanes`` divide ``length``; ``rows`` and ``cols`` divide ``width``; the scratchpad has 4 banks.
    length, width, heads : int
        Tokens, values of a head, and heads.
    result : bool
        Also write ``sums`` [length, cols], sums over each row of the contexts, to memory: for tests.

    Raises
    ------
    ValueError
        If the shape does not fit the configuration.
    """
    for name, value, unit in (
        ("length", length, config.rows),
        ("length", length, config.lanes),
        ("width", width, config.rows),
        ("width", width, config.cols),
    ):
        if value % unit:
            raise ValueError(f"{name} must be a multiple of {unit}, not {value!r}")
    return _Attention(config, length, width, heads, result).program


def attention_inputs(program: Program, seed: int) -> dict[str, NDArray[np.generic]]:
    """Return random operands."""
    rng = np.random.default_rng(seed)
    return {name: rng.integers(-CODE, CODE + 1, region.shape, np.int8) for name, region in program.inputs.items()}


class _Attention:
    def __init__(self, config: AcceleratorConfig, length: int, width: int, heads: int, result: bool) -> None:
        self._config, self._length, self._width, self._heads = config, length, width, heads
        self._score_words, self._head_words = length // config.rows, width // config.rows
        self._context_words = heads * self._head_words
        bank = config.scratchpad_words // config.scratchpad_banks
        operand = length * self._head_words
        # Operands that are read at the same time stand in different banks.
        self._query = (0, operand)
        self._key = (bank, bank + operand)
        self._value = (bank + 2 * operand, bank + 3 * operand)
        self._probability = (2 * bank, 2 * bank + length * self._score_words)
        self._context = 3 * bank
        sizes = (2 * operand, 4 * operand, 2 * length * self._score_words, length * self._context_words)
        if config.scratchpad_banks != 4 or max(sizes) > bank or 2 * length > config.acc_depth:
            raise ValueError(f"the configuration must have room for {heads} heads of {length} x {width}, not {config}")

        image = Image(config.bus_bytes)
        score, context = (
            Binding(_broadcast(image, **record)) for record in ({"mul": SCORE_MUL}, {"mul2": CONTEXT_MUL})
        )
        exponential = np.rint(255 * np.exp(-np.arange(2048) * 8 / 2048)).astype(np.uint8)
        table = Binding(Resident(LoadTarget.TABLE, image.add(exponential), 1))
        no_bias = Binding(_broadcast(image))
        ones = image.add(np.ones(self._context_words * config.cols * config.rows, np.uint8)) if result else 0
        region = Region(addr=image.size, dtype="int8", shape=(heads, 3, operand * config.rows))
        end = region.addr + region.nbytes + -region.nbytes % config.bus_bytes
        sums = Region(addr=end, dtype="int32", shape=(length, config.cols))

        self._operands_addr = region.addr
        self._builder = Builder(config, weights_base=0, ring_words=range(0))
        self._write(score, context, table)
        if result:
            self._sum_contexts(no_bias, ones, sums.addr)
        self.program = self._builder.finish(
            constants=image.to_array(),
            inputs={"operands": region},
            outputs={"sums": sums} if result else {},
            macs=heads * 2 * length * length * width,
            metadata={"kind": "attention", "shape": f"{heads} {length} {width}"},
        )

    def _write(self, score: Binding, context: Binding, table: Binding) -> None:
        tiles = self._width // self._config.cols
        for number, place in enumerate((self._query, self._key)):
            self._load(0, number, place)
        self._scores(0, score)
        self._load_ahead(0)
        for sweep in self._softmax(0, 1):
            self._builder.emit(Step(sweep, "softmax", {"table": table}))
        for head in range(self._heads):
            sweeps: list[Sweep] = []
            if head + 1 < self._heads:
                self._scores(head + 1, score)
                self._load_ahead(head + 1)
                sweeps = list(self._softmax(head + 1, tiles))
            for tile in range(tiles):
                gemm, drain = self._context_tile(head, tile)
                self._builder.emit(Step(gemm, "context"))
                for sweep in sweeps[tile : tile + 1]:
                    self._builder.emit(Step(sweep, "softmax", {"table": table}))
                self._builder.emit(Step(drain, "context", {"param_addr": context}))

    def _load_ahead(self, head: int) -> None:
        """Values of this head, and queries and keys of the next, into the places that are free now."""
        self._load(head, 2, self._value)
        if head + 1 < self._heads:
            for number, place in enumerate((self._query, self._key)):
                self._load(head + 1, number, place)

    def _load(self, head: int, number: int, places: tuple[int, int]) -> None:
        words = self._length * self._head_words
        addr = self._operands_addr + (3 * head + number) * words * self._config.rows
        load = Load(target=LoadTarget.SCRATCHPAD, addr=places[head % 2], count=words, mem_addr=addr)
        self._builder.emit(Step(load, "load"))

    def _scores(self, head: int, params: Binding) -> None:
        gemm = Gemm(
            m=self._length,
            n=self._length,
            k_tiles=self._head_words,
            a_addr=self._query[head % 2],
            a_stride=self._head_words,
            b_scratchpad=1,
            b_addr=self._key[head % 2],
            b_stride=self._head_words,
            clear=1,
            release=1,
        )
        drain = Drain(
            m=self._length,
            n=self._length,
            dest=Destination.VECTOR,
            dest_stride=self._length // self._config.lanes,
            param_mode=ParamMode.FIXED,
            pre_shift=SCORE_PRE_SHIFT,
            shift=SCORE_SHIFT,
            clip_low=-INT16 - 1,
            clip_high=INT16,
            stats=Stats.MAX,
            stats_first=1,
            stats_addr=head % 2 * self._length,
        )
        self._builder.emit(Step(gemm, "scores"))
        self._builder.emit(Step(drain, "scores", {"param_addr": params}))

    def _softmax(self, head: int, parts: int) -> Iterator[Sweep]:
        """The sweep in about equal parts."""
        stride = self._length // self._config.lanes
        for part in range(parts):
            first, stop = (self._length * i // parts for i in (part, part + 1))
            if first < stop:
                yield Sweep(
                    kind=SweepKind.SOFTMAX,
                    m=stop - first,
                    n=self._length,
                    src_addr=first * stride,
                    src_stride=stride,
                    dest_addr=self._probability[head % 2] + first * self._score_words,
                    dest_stride=self._score_words,
                    stats_addr=head % 2 * self._length + first,
                )

    def _context_tile(self, head: int, tile: int) -> tuple[Gemm, Drain]:
        cols = self._config.cols
        gemm = Gemm(
            m=self._length,
            n=cols,
            k_tiles=self._score_words,
            a_addr=self._probability[head % 2],
            a_stride=self._score_words,
            a_unsigned=1,
            b_scratchpad=1,
            b_addr=self._value[head % 2] + tile * cols * self._score_words,
            b_stride=self._score_words,
            clear=1,
            release=1,
        )
        drain = Drain(
            m=self._length,
            n=cols,
            dest=Destination.SCRATCHPAD,
            dest_addr=self._context + head * self._head_words + tile * cols // self._config.rows,
            dest_stride=self._context_words,
            param_mode=ParamMode.FIXED,
            row_scale=1,
            second=SecondStage.SCALE,
            second_shift=CONTEXT_SHIFT,
            clip_low=-CODE,
            clip_high=CODE,
            stats_addr=head % 2 * self._length,
        )
        return gemm, drain

    def _sum_contexts(self, no_bias: Binding, ones: int, addr: int) -> None:
        gemm = Gemm(
            m=self._length,
            n=self._config.cols,
            k_tiles=self._context_words,
            a_addr=self._context,
            a_stride=self._context_words,
            clear=1,
            release=1,
        )
        drain = Drain(
            m=self._length,
            n=self._config.cols,
            dest=Destination.MEMORY,
            dest_addr=addr,
            param_mode=ParamMode.FIXED,
        )
        self._builder.emit(Step(gemm, "end", weights_addr=ones))
        self._builder.emit(Step(drain, "end", {"param_addr": no_bias}))


def _broadcast(image: Image, **record: int) -> Resident:
    return Resident(LoadTarget.PARAM_BROADCAST, image.add(pack_records(**record)), 1)
