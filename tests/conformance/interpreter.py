"""``docs/architecture.md`` word for word: slow, one chunk after the other; all backends are compared with it."""

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec import arithmetic
from spec.config import AcceleratorConfig
from spec.isa import (
    INSTRUCTION_BYTES,
    TABLE_ENTRIES,
    Destination,
    Drain,
    Gemm,
    Halt,
    Load,
    LoadTarget,
    ParamMode,
    SecondStage,
    Stats,
    Stream,
    Sweep,
    SweepKind,
    decode,
)
from spec.program import Program

__all__ = ["interpret"]

Values = NDArray[np.int64]


def interpret(program: Program, inputs: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[Any]]:
    """Return the outputs of a valid program, executed instruction by instruction."""
    machine = _Machine(program.config, program.memory_image(inputs))
    data = program.instructions.tobytes()
    for start in range(0, len(data), INSTRUCTION_BYTES):
        instruction = decode(data[start : start + INSTRUCTION_BYTES])
        match instruction:
            case Halt():
                break
            case Load():
                machine.load(instruction)
            case Stream():
                machine.stream(instruction)
            case Gemm():
                machine.gemm(instruction)
            case Drain():
                machine.drain(instruction)
            case Sweep():
                machine.sweep(instruction)
    return program.read_outputs(machine.memory)


class _Machine:
    def __init__(self, config: AcceleratorConfig, memory: NDArray[np.uint8]) -> None:
        self.config, self.memory = config, memory
        self.scratchpad = np.zeros((config.scratchpad_words, config.rows), np.uint8)
        self.vector = np.zeros((config.vector_words, config.lanes), np.int64)
        self.params = np.zeros((config.param_words, config.lanes), np.uint64)
        self.tables = np.zeros((config.tables, TABLE_ENTRIES), np.uint8)
        self.banks = np.zeros((config.acc_banks, config.acc_depth, config.cols), np.int64)
        self.bank = 0
        self.full: deque[Values] = deque()
        self.weights: deque[NDArray[np.uint8]] = deque()
        self.a, self.b = np.zeros((2, config.acc_depth), np.int64)
        self.mul, self.total, self.mean = np.zeros((3, config.acc_depth), np.int64)

    def load(self, load: Load) -> None:
        lanes, units = self.config.lanes, slice(load.addr, load.addr + load.count)

        def data(dtype: str, *shape: int) -> NDArray[Any]:
            count = load.count * int(np.prod(shape))
            return np.frombuffer(self.memory.tobytes(), dtype, count, load.mem_addr).reshape(load.count, *shape)

        match load.target:
            case LoadTarget.SCRATCHPAD:
                self.scratchpad[units] = data("u1", self.config.rows)
            case LoadTarget.VECTOR:
                self.vector[units] = data("<i2", lanes)
            case LoadTarget.PARAM:
                self.params[units] = data("<u8", lanes)
            case LoadTarget.PARAM_BROADCAST:
                self.params[units] = data("<u8", 1)
            case LoadTarget.TABLE:
                self.tables.reshape(-1, 8)[units] = data("u1", 8)

    def stream(self, stream: Stream) -> None:
        rows = self.config.rows
        for i in range(stream.count):
            self.weights.append(self.memory[stream.mem_addr + i * rows :][:rows])

    def gemm(self, gemm: Gemm) -> None:
        cols, m = self.config.cols, gemm.m
        a_type = np.uint8 if gemm.a_unsigned else np.int8
        for tile in range(-(-gemm.n // cols)):
            acc = np.zeros((m, cols), np.int64) if gemm.clear else self.banks[self.bank, :m]
            for k in range(gemm.k_tiles):
                b = np.zeros((cols, self.config.rows), np.int64)
                for column in reversed(range(cols)):
                    if not gemm.b_scratchpad:
                        b[column] = self.weights.popleft().view(np.int8)
                    elif tile * cols + column < gemm.n:
                        row = gemm.b_addr + (tile * cols + column) * gemm.b_stride
                        b[column] = self.scratchpad[row + k].view(np.int8)
                a = self.scratchpad[gemm.a_addr + np.arange(m) * gemm.a_stride + k].view(a_type).astype(np.int64)
                acc = arithmetic.wrap(acc + a @ b.T, 32)
            self.banks[self.bank, :m] = acc
            if gemm.release:
                self.full.append(self.banks[self.bank].copy())
                self.bank = (self.bank + 1) % self.config.acc_banks

    def drain(self, drain: Drain) -> None:
        cols, lanes = self.config.cols, self.config.lanes
        stats = slice(drain.stats_addr, drain.stats_addr + drain.m)
        if drain.stats == Stats.MAX and drain.stats_first:
            self.a[stats] = -(1 << 15)
        if drain.stats == Stats.MOMENTS and drain.stats_first:
            self.a[stats], self.b[stats] = 0, 0
        out = drain.dest_addr
        for tile in range(-(-drain.n // cols)):
            bank = self.full.popleft()
            chunks = -(-min(cols, drain.n - tile * cols) // lanes)
            for m in range(drain.m):
                for chunk in range(chunks):
                    acc = bank[m, chunk * lanes : (chunk + 1) * lanes]
                    out = self.drain_chunk(drain, m, tile * (cols // lanes) + chunk, acc, out)
        if drain.stats == Stats.MOMENTS and drain.stats_last:
            self.layernorm_rows(stats, drain.row_length)

    def drain_chunk(self, drain: Drain, m: int, j: int, acc: Values, out: int) -> int:
        """Drain one chunk; return the address of the next one in memory."""
        lanes = self.config.lanes
        index = {ParamMode.COLUMN: j, ParamMode.ROW: m}.get(ParamMode(drain.param_mode), 0)
        bias, mul, mul2 = _fields(self.params[drain.param_addr + index])
        v = acc + bias
        if drain.dest == Destination.MEMORY:
            self.memory[out : out + 4 * lanes] = arithmetic.wrap(v, 32).astype("<i4").view(np.uint8)
            return out + 4 * lanes
        pre_shift: Any = drain.pre_shift
        shift: Any = drain.shift
        if drain.row_scale:
            mul = self.mul[drain.stats_addr + m]
            pre_shift, shift = arithmetic.row_shifts(self.total[drain.stats_addr + m])
        y = arithmetic.requantize(v, pre_shift, mul, shift)
        if drain.second == SecondStage.RESIDUAL:
            residual = self.vector[drain.res_addr + m * drain.res_stride + j]
            y = y + arithmetic.saturate(arithmetic.round_shift(residual * mul2, drain.second_shift), 18)
        if drain.second == SecondStage.SCALE:
            y = arithmetic.saturate(arithmetic.round_shift(y * mul2, drain.second_shift), 18)
        y = np.clip(y, drain.clip_low, drain.clip_high)
        if drain.table_enable:
            y = self.tables[drain.table, y & 2047].astype(np.int64)
        for i in range(min(lanes, drain.n - j * lanes)):
            column = j * lanes + i
            if drain.dest == Destination.SCRATCHPAD:
                word = drain.dest_addr + m * drain.dest_stride + column // self.config.rows
                self.scratchpad[word, column % self.config.rows] = y[i] & 255
            else:
                self.vector[drain.dest_addr + m * drain.dest_stride + j, i] = y[i]
            entry = drain.stats_addr + m
            if drain.stats == Stats.MAX:
                self.a[entry] = max(self.a[entry], y[i])
            if drain.stats == Stats.MOMENTS:
                self.a[entry] = arithmetic.wrap(self.a[entry] + y[i], 29)
                self.b[entry] = (self.b[entry] + y[i] * y[i]) & ((1 << 44) - 1)
        return out

    def sweep(self, sweep: Sweep) -> None:
        stats = slice(sweep.stats_addr, sweep.stats_addr + sweep.m)
        for m in range(sweep.m):
            entry, out = sweep.stats_addr + m, sweep.dest_addr + m * sweep.dest_stride
            words = self.vector[sweep.src_addr + m * sweep.src_stride :]
            x = words.reshape(-1)[: sweep.n].copy()
            match sweep.kind:
                case SweepKind.MOMENTS:
                    self.a[entry] = arithmetic.wrap(x.sum(), 29)
                    self.b[entry] = (x * x).sum() & ((1 << 44) - 1)
                case SweepKind.SOFTMAX:
                    e = self.tables[sweep.table, arithmetic.softmax_index(x, self.a[entry])]
                    count = -(-sweep.n // self.config.rows)
                    self.scratchpad[out : out + count] = 0
                    self.scratchpad[out : out + count].reshape(-1)[: sweep.n] = e
                    self.b[entry] = e.sum(dtype=np.int64)
                case SweepKind.LAYERNORM:
                    h = arithmetic.normalize(x, self.mean[entry], self.mul[entry], self.total[entry])
                    words.reshape(-1)[: sweep.n] = h
                    bias, _, mul2 = _fields(self.params[sweep.param_addr :].reshape(-1)[: sweep.n])
                    self.scratchpad[out:].reshape(-1)[: sweep.n] = _scaled(sweep, h, mul2, bias)
                case SweepKind.GATHER:
                    h = words[:1, sweep.src_lane]
                    lane = sweep.dest_byte % self.config.lanes
                    bias, _, mul2 = _fields(self.params[sweep.param_addr, lane : lane + 1])
                    self.scratchpad[out, sweep.dest_byte] = _scaled(sweep, h, mul2, bias)[0]
        if sweep.kind == SweepKind.MOMENTS:
            self.layernorm_rows(stats, sweep.row_length)
        if sweep.kind == SweepKind.SOFTMAX:
            self.mul[stats], self.total[stats], self.mean[stats] = arithmetic.reciprocal_scalars(self.b[stats])

    def layernorm_rows(self, stats: slice, length: int) -> None:
        self.mul[stats], self.total[stats], self.mean[stats] = arithmetic.layernorm_scalars(
            self.a[stats], self.b[stats], length
        )


def _fields(records: NDArray[np.uint64]) -> tuple[Values, Values, Values]:
    """Return ``bias``, ``mul`` and ``mul2``."""
    values = [int(record) for record in records]
    fields = ([(v >> low) & ((1 << width) - 1) for v in values] for low, width in ((0, 28), (28, 18), (46, 18)))
    bias, mul, mul2 = (
        arithmetic.wrap(np.array(f, np.int64), width) for f, width in zip(fields, (28, 18, 18), strict=True)
    )
    return bias, mul, mul2


def _scaled(sweep: Sweep, h: Values, mul2: Values, bias: Values) -> Values:
    """Return bytes."""
    return arithmetic.scale_row(h, mul2, bias, sweep.second_shift, sweep.clip_low, sweep.clip_high) & 255
