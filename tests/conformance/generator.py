"""Valid programs, step by step: matrix products, drains, sweeps and loads in any order, then all memories."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.isa import (
    TABLE_ENTRIES,
    Destination,
    Drain,
    Gemm,
    Load,
    LoadTarget,
    ParamMode,
    SecondStage,
    Stats,
    Stream,
    Sweep,
    SweepKind,
)
from spec.program import Program
from spec.spans import Span, spans
from tests.conformance.assembler import Assembler, conflict, dense_values, params, weight_words

__all__ = ["Generator"]

ATTEMPTS = 20


class Generator:
    """Appends random instructions to ``asm``.

    Parameters
    ----------
    config : AcceleratorConfig
        Any configuration.
    rng : numpy.random.Generator
        What decides.
    asm : Assembler, optional
        Where instructions go.
    most_rows, most_tiles, most_k_tiles : int
        Limits of matrix products, as far as the memories allow them.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        rng: np.random.Generator,
        asm: Assembler | None = None,
        *,
        most_rows: int = 24,
        most_tiles: int = 3,
        most_k_tiles: int = 4,
    ) -> None:
        self.config, self.rng = config, rng
        self.asm = asm or Assembler(config)
        self.most_tiles, self.most_k_tiles = most_tiles, most_k_tiles
        self.one_stream = self.chance(0.5)
        self.weights: list[NDArray[np.uint8]] = []
        self.half = config.acc_depth // 2  # rows below hold maxima, rows from here on moments
        widest = most_tiles * config.cols
        scratchpad_rows = config.scratchpad_words // max(-(-widest // config.rows), most_k_tiles)
        vector_rows = config.vector_words // (widest // config.lanes)
        self.most_sweep_rows = most_rows
        self.most_rows = min(most_rows, config.acc_depth, scratchpad_rows, vector_rows)

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``, both often."""
        if self.chance(0.2):
            return low
        return high if self.chance(0.2) else int(self.rng.integers(low, high + 1))

    def choose(self, kind: Any) -> int:
        return int(self.rng.choice([int(member) for member in kind]))

    def bytes(self, *shape: int) -> NDArray[np.uint8]:
        values = self.rng.integers(0, 256, shape).astype(np.uint8)
        return np.where(self.rng.random(shape) < 0.1, 128, values).astype(np.uint8)

    def rows(self, size: int, m: int, words: int, least_stride: int) -> tuple[int, int]:
        """Return address and stride of ``m`` rows that fit; rows that are written must not overlap."""
        most = (size - words) // (m - 1) if m > 1 else least_stride
        stride = self.integer(least_stride, min(most, least_stride + 3))
        return self.integer(0, size - (m - 1) * stride - words), stride

    def program(self) -> tuple[Program, dict[str, NDArray[np.generic]]]:
        """Return the program so far, ended by HALT, and its inputs."""
        self.add_stream()
        inputs = {name: self.bytes(*region.shape).astype(np.int8) for name, region in self.asm.inputs.items()}
        return self.asm.program(), inputs

    def fill_memories(self) -> None:
        """Append LOADs of all memories."""
        config, asm = self.config, self.asm
        asm.load(LoadTarget.SCRATCHPAD, 0, self.bytes(config.scratchpad_words * config.rows), config.scratchpad_words)
        asm.load(LoadTarget.VECTOR, 0, self.vector_values(config.vector_words), config.vector_words)
        asm.load(LoadTarget.PARAM, 0, self.param_values(config.param_words * config.lanes), config.param_words)
        groups = config.tables * TABLE_ENTRIES // 8
        asm.load(LoadTarget.TABLE, 0, self.bytes(groups * 8), groups)

    def vector_values(self, words: int) -> NDArray[np.int16]:
        size = words * self.config.lanes
        values = self.rng.normal(0, 4000, size)
        values = np.where(self.rng.random(size) < 0.05, self.rng.choice([-(1 << 15), (1 << 15) - 1], size), values)
        return np.clip(values, -(1 << 15), (1 << 15) - 1).astype(np.int16)

    def param_values(self, count: int) -> bytes:
        wide = self.rng.random(count) < 0.1
        bias = self.rng.integers(-(1 << 27), 1 << 27, count) >> np.where(wide, 0, 12)
        mul, mul2 = self.rng.integers(-(1 << 17), 1 << 17, (2, count))
        return params(bias, mul, mul2)

    def step(self) -> None:
        """Append a batch of matrix products, a sweep or a load."""
        kinds = [self.products, self.moments, self.softmax, self.layernorm, self.gather, self.load]
        kinds[int(self.rng.choice(len(kinds), p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1]))]()

    def finish(self, vector: bool = True) -> None:
        """Append what brings memories to outputs: the scratchpad, and the ``vector`` memory if so."""
        self.add_stream()
        self.asm.dump_scratchpad("scratchpad")
        if vector:
            self.asm.dump_vector("vector")

    def add_stream(self) -> None:
        """Put the weights that one STREAM is to bring for all products in front of them."""
        if self.weights:
            self.asm.instructions.insert(0, self.stream(self.weights))
            self.weights = []

    def stream(self, words: list[NDArray[np.uint8]]) -> Stream:
        joined = np.concatenate(words)
        return Stream(mem_addr=self.asm.constant(joined), count=len(joined))

    def products(self) -> None:
        """Append one or two matrix products, then their drains.

        Drains keep off the operands of the batch: none waits for a GEMM that may itself wait for that drain's banks.
        """
        batch = [self.product() for _ in range(self.integer(1, 2))]
        words = [part for _, parts in batch for part in parts]
        if words and self.one_stream:
            self.weights += words
        elif words:
            self.asm.add(self.stream(words))
        gemms = [gemm for group, _ in batch for gemm in group]
        self.asm.add(*gemms)
        pinned = [span for gemm in gemms for span in spans(self.config, gemm)]
        for group, _ in batch:
            m, n = group[0].m, group[0].n
            first = self.config.cols if n > self.config.cols and self.chance(0.3) else n
            for columns in (first, n - first):
                if columns:
                    self.asm.add(self.drain(m, columns, pinned))

    def product(self) -> tuple[list[Gemm], list[NDArray[np.uint8]]]:
        """Return GEMMs whose sums go to the same bank (or a single one of many banks), and their weights."""
        config = self.config
        m = self.integer(1, self.most_rows)
        parts = self.integer(2, config.queue_depth // 2) if config.queue_depth >= 4 and self.chance(0.3) else 1
        n = self.integer(1, config.cols if parts > 1 else self.most_tiles * config.cols)
        gemms, words = [], []
        for part in range(parts):
            k_tiles = self.integer(1, self.most_k_tiles)
            a_addr, a_stride = self.rows(config.scratchpad_words, m, k_tiles, 0)
            fields = {}
            if self.chance(0.4):
                b_addr, b_stride = self.rows(config.scratchpad_words, n, k_tiles, 0)
                fields = {"b_scratchpad": 1, "b_addr": b_addr, "b_stride": b_stride}
            else:
                words.append(weight_words(config, self.bytes(n, k_tiles * config.rows)))
            gemms.append(
                Gemm(
                    m=m,
                    n=n,
                    k_tiles=k_tiles,
                    a_addr=a_addr,
                    a_stride=a_stride,
                    a_unsigned=int(self.chance(0.4)),
                    clear=int(part == 0),
                    release=int(part == parts - 1),
                    **fields,
                )
            )
        return gemms, words

    def drain(self, m: int, n: int, pinned: list[Span]) -> Drain:
        """Return a DRAIN that neither touches ``pinned`` nor writes what it reads, but in place."""
        for _ in range(ATTEMPTS):
            made = self.any_drain(m, n)
            mine = list(spans(self.config, made))
            reads = [s for s in mine if not s.writes]
            writes = [s for s in mine if s.writes]
            in_place = (made.res_addr, made.res_stride) == (made.dest_addr, made.dest_stride)
            if not conflict(writes, pinned) and (in_place or not conflict(writes, reads)):
                return made
        return self.memory_drain(m, n)

    def memory_drain(self, m: int, n: int) -> Drain:
        addr = self.asm.output(f"drain_{len(self.asm.outputs)}", "int32", (dense_values(self.config, m, n),))
        return Drain(m=m, n=n, dest=Destination.MEMORY, dest_addr=addr, **self.param_fields(m, n))

    def any_drain(self, m: int, n: int) -> Drain:
        config = self.config
        dest = int(self.rng.choice([Destination.SCRATCHPAD, Destination.VECTOR, Destination.MEMORY], p=[0.4, 0.5, 0.1]))
        if dest == Destination.MEMORY:
            return self.memory_drain(m, n)
        to_vector = dest == Destination.VECTOR
        words = -(-n // (config.lanes if to_vector else config.rows))
        size = config.vector_words if to_vector else config.scratchpad_words
        dest_addr, dest_stride = self.rows(size, m, words, words)
        fields = self.param_fields(m, n) | self.second_fields(m, n)
        if to_vector and "res_addr" in fields and self.chance(0.3):
            fields |= {"res_addr": dest_addr, "res_stride": dest_stride}
        if self.chance(0.3):
            fields |= {"table_enable": 1, "table": self.integer(0, config.tables - 1)}
        elif to_vector:
            fields |= self.stats_fields(m, n)
        if self.chance(0.3):
            fields |= {"row_scale": 1, "stats_addr": fields.get("stats_addr", self.integer(0, config.acc_depth - m))}
        return Drain(
            m=m,
            n=n,
            dest=dest,
            dest_addr=dest_addr,
            dest_stride=dest_stride,
            pre_shift=self.integer(0, 12),
            shift=self.integer(8, 27),
            **self.clip_fields(),
            **fields,
        )

    def param_fields(self, m: int, n: int) -> dict[str, int]:
        mode = self.choose(ParamMode)
        words = {ParamMode.COLUMN: -(-n // self.config.lanes), ParamMode.ROW: m}.get(ParamMode(mode), 1)
        if words > self.config.param_words:
            mode, words = ParamMode.FIXED, 1
        return {"param_mode": mode, "param_addr": self.integer(0, self.config.param_words - words)}

    def second_fields(self, m: int, n: int) -> dict[str, int]:
        second = self.choose(SecondStage)
        fields = {"second": second, "second_shift": self.integer(4, 22)}
        if second == SecondStage.RESIDUAL:
            addr, stride = self.rows(self.config.vector_words, m, -(-n // self.config.lanes), 0)
            fields |= {"res_addr": addr, "res_stride": stride}
        return fields

    def stats_fields(self, m: int, n: int) -> dict[str, int]:
        """Return statistics: maxima and moments of rows keep apart, and fit."""
        stats = self.choose(Stats)
        if stats == Stats.NONE or m > self.half:
            return {}
        addr = self.integer(0, self.half - m)
        fields = {"stats": stats, "stats_first": int(self.chance(0.6)), "stats_addr": addr}
        if stats == Stats.MOMENTS:
            fields |= {
                "stats_addr": self.half + addr,
                "stats_last": int(self.chance(0.7)),
                "row_length": self.row_length(n),
            }
        return fields

    def row_length(self, n: int) -> int:
        return n if self.chance(0.6) else self.integer(1, (1 << 13) - 1)

    def clip_fields(self) -> dict[str, int]:
        if self.chance(0.2):
            low, high = sorted(int(x) for x in self.rng.integers(-(1 << 15), 1 << 15, 2))
        else:
            low, high = {0: (-127, 127), 1: (0, 2047), 2: (-(1 << 15), (1 << 15) - 1)}[int(self.rng.integers(3))]
        return {"clip_low": low, "clip_high": high}

    def sweep(self, kind: SweepKind, *, n: int, stats_base: int, src_stride: int, **fields: int) -> None:
        """Append a SWEEP of rows that fit all its memories."""
        config = self.config
        chunks, words = -(-n // config.lanes), -(-n // config.rows)
        m = self.integer(
            1, min(self.half, config.scratchpad_words // words, config.vector_words // chunks, self.most_sweep_rows)
        )
        src_addr, src_stride = self.rows(config.vector_words, m, chunks, src_stride)
        dest_addr, dest_stride = self.rows(config.scratchpad_words, m, words, words)
        self.asm.add(
            Sweep(
                kind=kind,
                m=m,
                n=n,
                src_addr=src_addr,
                src_stride=src_stride,
                dest_addr=dest_addr,
                dest_stride=dest_stride,
                param_addr=self.integer(0, config.param_words - chunks),
                second_shift=self.integer(8, 20),
                table=self.integer(0, config.tables - 1),
                stats_addr=stats_base + self.integer(0, self.half - m),
                **self.clip_fields(),
                **fields,
            )
        )

    def width(self) -> int:
        return self.integer(1, min(self.most_tiles * self.config.cols, self.config.param_words * self.config.lanes))

    def moments(self) -> None:
        n = self.width()
        self.sweep(SweepKind.MOMENTS, n=n, stats_base=self.half, src_stride=0, row_length=self.row_length(n))

    def softmax(self) -> None:
        self.sweep(SweepKind.SOFTMAX, n=self.width(), stats_base=0, src_stride=0)

    def layernorm(self) -> None:
        n = self.width()
        self.sweep(SweepKind.LAYERNORM, n=n, stats_base=self.half, src_stride=-(-n // self.config.lanes))

    def gather(self) -> None:
        lane, byte = self.integer(0, self.config.lanes - 1), self.integer(0, self.config.rows - 1)
        self.sweep(SweepKind.GATHER, n=1, stats_base=self.half, src_stride=0, src_lane=lane, dest_byte=byte)

    def load(self) -> None:
        """Append a LOAD of a constant, an input or what a DRAIN may have written to memory."""
        config = self.config
        target = self.choose(LoadTarget)
        size, unit = {
            LoadTarget.SCRATCHPAD: (config.scratchpad_words, config.rows),
            LoadTarget.VECTOR: (config.vector_words, 2 * config.lanes),
            LoadTarget.PARAM: (config.param_words, 8 * config.lanes),
            LoadTarget.PARAM_BROADCAST: (config.param_words, 8),
            LoadTarget.TABLE: (config.tables * TABLE_ENTRIES // 8, 8),
        }[LoadTarget(target)]
        count = self.integer(1, min(size, 40))
        sources = [r for r in self.asm.outputs.values() if r.nbytes >= count * unit]
        if sources and self.chance(0.4):
            mem_addr = sources[int(self.rng.integers(len(sources)))].addr
        elif self.chance(0.5):
            mem_addr = self.asm.input(f"input_{len(self.asm.inputs)}", "int8", (count * unit,))
        else:
            mem_addr = self.asm.constant(self.bytes(count * unit))
        self.asm.add(Load(target=target, addr=self.integer(0, size - count), count=count, mem_addr=mem_addr))
