"""A tiny assembler: instructions, constants and regions in, a program with tokens and addresses out."""

import dataclasses
from collections.abc import Iterator
from functools import partial
from itertools import takewhile
from operator import lt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.isa import (
    INSTRUCTION_BYTES,
    Destination,
    Drain,
    Engine,
    Gemm,
    Halt,
    Instruction,
    Load,
    LoadTarget,
    ParamMode,
    SecondStage,
    Stream,
)
from spec.param_record import pack_records
from spec.program import Program, Region
from spec.spans import Span, spans

__all__ = [
    "Assembler",
    "conflict",
    "dense",
    "dense_values",
    "operand",
    "params",
    "read_scratchpad",
    "read_vector",
    "undense",
    "weight_words",
]

CONSTANTS_ADDR = 0x0F80
"""Just below a 4 KiB border, so that bursts meet it early."""

REGIONS_ADDR = 0x40000
"""Inputs and outputs; the instructions follow them."""


class Assembler:
    """Collects a program for ``config``.

    Tokens are added from what instructions read and write, so that every device must behave as if it executed one
    instruction after the other. Tokens that instructions already carry stay.

    Parameters
    ----------
    config : AcceleratorConfig
        Configuration of the program.
    constants_addr : int
        Where constants begin.
    """

    def __init__(self, config: AcceleratorConfig, constants_addr: int = CONSTANTS_ADDR) -> None:
        self.config = config
        self.constants_addr = constants_addr
        self.instructions: list[Instruction | bytes] = []
        self.inputs: dict[str, Region] = {}
        self.outputs: dict[str, Region] = {}
        self._constants = bytearray()
        self._regions_end = REGIONS_ADDR

    @property
    def room(self) -> int:
        """Bytes that constants may still take."""
        return REGIONS_ADDR - self.constants_addr - len(self._constants)

    def add(self, *instructions: Instruction | bytes) -> None:
        """Append instructions; raw bytes stand as they are."""
        self.instructions += instructions

    def constant(self, values: NDArray[Any] | bytes) -> int:
        """Return the byte address of a constant."""
        self._constants += bytes(-len(self._constants) % self.config.bus_bytes)
        addr = self.constants_addr + len(self._constants)
        self._constants += values if isinstance(values, bytes) else values.tobytes()
        if self.room < 0:
            raise ValueError(f"constants must end before {REGIONS_ADDR:#x}")
        return addr

    def input(self, name: str, dtype: str, shape: tuple[int, ...]) -> int:
        """Return the byte address of a new input."""
        self.inputs[name] = self._region(dtype, shape)
        return self.inputs[name].addr

    def output(self, name: str, dtype: str, shape: tuple[int, ...]) -> int:
        """Return the byte address of a new output."""
        self.outputs[name] = self._region(dtype, shape)
        return self.outputs[name].addr

    def load(self, target: LoadTarget, addr: int, values: NDArray[Any] | bytes, count: int) -> None:
        """Append a LOAD of a constant."""
        self.add(Load(target=target, addr=addr, count=count, mem_addr=self.constant(values)))

    def load_operand(self, addr: int, matrix: NDArray[Any]) -> int:
        """Load a matrix of bytes ``[m, k]`` to the scratchpad, rows dense; return its words per row."""
        words = operand(self.config, matrix)
        self.load(LoadTarget.SCRATCHPAD, addr, words, words.shape[0] * words.shape[1])
        return int(words.shape[1])

    def load_vector(self, addr: int, matrix: NDArray[Any]) -> int:
        """Load int16 ``[m, n]`` to the vector memory, rows dense; return its words per row."""
        lanes = self.config.lanes
        rows = np.zeros((len(matrix), -(-matrix.shape[1] // lanes) * lanes), np.int16)
        rows[:, : matrix.shape[1]] = matrix
        self.load(LoadTarget.VECTOR, addr, rows, rows.size // lanes)
        return rows.shape[1] // lanes

    def load_params(self, addr: int, bias: Any = 0, mul: Any = 0, mul2: Any = 0) -> None:
        """Load records to consecutive lanes from parameter word ``addr`` on (see :func:`params`)."""
        data = params(bias, mul, mul2)
        data += bytes(-len(data) % (8 * self.config.lanes))
        self.load(LoadTarget.PARAM, addr, data, len(data) // (8 * self.config.lanes))

    def load_broadcast(self, addr: int, bias: Any = 0, mul: Any = 0, mul2: Any = 0) -> None:
        """Load one record a word from parameter word ``addr`` on, the same for all lanes."""
        data = params(bias, mul, mul2)
        self.load(LoadTarget.PARAM_BROADCAST, addr, data, len(data) // 8)

    def stream(self, b: NDArray[Any]) -> None:
        """Append a STREAM of the tiles of ``b`` ``[n, k]``."""
        words = weight_words(self.config, b)
        self.add(Stream(mem_addr=self.constant(words), count=len(words)))

    def drain_to_memory(self, name: str, m: int, n: int, **fields: int) -> None:
        """Append a DRAIN to a new int32 output; :func:`undense` gives its matrix."""
        addr = self.output(name, "int32", (dense_values(self.config, m, n),))
        self.add(Drain(m=m, n=n, dest=Destination.MEMORY, dest_addr=addr, **fields))

    def dump_scratchpad(self, name: str, params_addr: int = 0) -> list[str]:
        """Append GEMMs with the identity and DRAINs to outputs: all words, in parts of ``acc_depth``.

        Each output is in :func:`dense` order. Parameter word ``params_addr`` is overwritten. Returns the names.
        """
        config, names = self.config, []
        self.load_broadcast(params_addr)
        for start in range(0, config.scratchpad_words, config.acc_depth):
            m = min(config.acc_depth, config.scratchpad_words - start)
            names.append(f"{name}_{start}")
            self.stream(np.eye(config.rows, dtype=np.int8))
            self.add(Gemm(m=m, n=config.rows, k_tiles=1, a_addr=start, a_stride=1, clear=1, release=1))
            self.drain_to_memory(names[-1], m, config.rows, param_mode=ParamMode.FIXED, param_addr=params_addr)
        return names

    def dump_vector(self, name: str, params_addr: int = 0) -> list[str]:
        """Append what brings all of the vector memory to outputs, as two bytes: ``x = 256 * high + low``, both signed.

        Parameter word ``params_addr`` and the scratchpad are overwritten. Returns the names.
        """
        config, names = self.config, []
        words_per_part = min(config.acc_depth, config.scratchpad_words)
        for start in range(0, config.vector_words, words_per_part):
            m = min(words_per_part, config.vector_words - start)
            for part, shift in (("low", 0), ("high", 8)):
                names.append(f"{name}_{start}_{part}")
                self.load_broadcast(params_addr, mul2=1)
                self.stream(np.zeros((config.lanes, config.rows), np.int8))
                self.add(Gemm(m=m, n=config.lanes, k_tiles=1, a_addr=0, a_stride=1, clear=1, release=1))
                self.add(
                    Drain(
                        m=m,
                        n=config.lanes,
                        dest=Destination.SCRATCHPAD,
                        dest_addr=0,
                        dest_stride=1,
                        param_mode=ParamMode.FIXED,
                        param_addr=params_addr,
                        second=SecondStage.RESIDUAL,
                        second_shift=shift,
                        res_addr=start,
                        res_stride=1,
                        clip_low=-(1 << 15),
                        clip_high=(1 << 15) - 1,
                    )
                )
                self.stream(np.eye(config.lanes, config.rows, dtype=np.int8))
                self.add(Gemm(m=m, n=config.lanes, k_tiles=1, a_addr=0, a_stride=1, clear=1, release=1))
                self.drain_to_memory(names[-1], m, config.lanes, param_mode=ParamMode.FIXED, param_addr=params_addr)
        return names

    def program(self, *, halt: bool = True, tokens: bool = True) -> Program:
        """Return the program; ``halt`` appends HALT, ``tokens`` adds the tokens that its order needs."""
        instructions = [*self.instructions, Halt()] if halt else list(self.instructions)
        if tokens:
            instructions = _with_tokens(self.config, instructions)
        code = b"".join(i if isinstance(i, bytes) else i.encode() for i in instructions)
        addr = self._regions_end
        return Program(
            config=self.config,
            instructions=np.frombuffer(code, np.uint8),
            instructions_addr=addr,
            constants=np.frombuffer(bytes(self._constants), np.uint8),
            constants_addr=self.constants_addr,
            inputs=self.inputs,
            outputs=self.outputs,
            memory_bytes=_align(addr + len(code), 4096),
            macs=0,
        )

    def _region(self, dtype: str, shape: tuple[int, ...]) -> Region:
        region = Region(addr=self._regions_end, dtype=dtype, shape=shape)
        self._regions_end = _align(region.addr + region.nbytes, max(self.config.bus_bytes, INSTRUCTION_BYTES))
        return region


def operand(config: AcceleratorConfig, matrix: NDArray[Any]) -> NDArray[np.uint8]:
    """Return bytes ``[m, k]`` as scratchpad words ``[m, k_tiles, rows]``, zeros at the end of K."""
    m, k = matrix.shape
    k_tiles = -(-k // config.rows)
    words = np.zeros((m, k_tiles * config.rows), np.uint8)
    words[:, :k] = matrix.astype(np.uint8)
    return words.reshape(m, k_tiles, config.rows)


def read_scratchpad(config: AcceleratorConfig, outputs: dict[str, NDArray[Any]], name: str) -> NDArray[np.int8]:
    """Return the words ``[scratchpad_words, rows]`` that :meth:`Assembler.dump_scratchpad` has brought to outputs."""
    parts = []
    for start in range(0, config.scratchpad_words, config.acc_depth):
        m = min(config.acc_depth, config.scratchpad_words - start)
        parts.append(undense(config, outputs[f"{name}_{start}"], m, config.rows))
    return np.concatenate(parts).astype(np.int8)


def read_vector(config: AcceleratorConfig, outputs: dict[str, NDArray[Any]], name: str) -> NDArray[np.int16]:
    """Return the words ``[vector_words, lanes]`` that :meth:`Assembler.dump_vector` has brought to outputs."""
    parts = []
    words_per_part = min(config.acc_depth, config.scratchpad_words)
    for start in range(0, config.vector_words, words_per_part):
        m = min(words_per_part, config.vector_words - start)
        low, high = (undense(config, outputs[f"{name}_{start}_{part}"], m, config.lanes) for part in ("low", "high"))
        parts.append(256 * high + low)
    return np.concatenate(parts).astype(np.int16)


def weight_words(config: AcceleratorConfig, b: NDArray[Any]) -> NDArray[np.uint8]:
    """Return ``b`` ``[n, k]`` as the words of the weight stream: tile, K tile, highest column first."""
    n, _ = b.shape
    words = operand(config, b)
    tiles = -(-n // config.cols)
    padded = np.zeros((tiles * config.cols, *words.shape[1:]), np.uint8)
    padded[:n] = words
    ordered = padded.reshape(tiles, config.cols, -1, config.rows)[:, ::-1].transpose(0, 2, 1, 3)
    return np.ascontiguousarray(ordered).reshape(-1, config.rows)


def params(bias: Any = 0, mul: Any = 0, mul2: Any = 0) -> bytes:
    """Return parameter records of 8 bytes; arguments are integers or flat arrays of equal length."""
    return pack_records(bias=bias, mul=mul, mul2=mul2).tobytes()


def dense_values(config: AcceleratorConfig, m: int, n: int) -> int:
    """Return how many int32 a DRAIN of ``m`` rows and ``n`` columns writes to memory."""
    return m * sum(width for _, width in _dense_tiles(config, n))


def dense(config: AcceleratorConfig, matrix: NDArray[Any]) -> NDArray[np.int32]:
    """Return ``[m, n]`` in the order in which a DRAIN to memory writes it, zeros where it pads."""
    m, n = matrix.shape
    parts = []
    for start, width in _dense_tiles(config, n):
        part = np.zeros((m, width), np.int32)
        columns = matrix[:, start : start + width]
        part[:, : columns.shape[1]] = columns
        parts.append(part.reshape(-1))
    return np.concatenate(parts)


def undense(config: AcceleratorConfig, values: NDArray[Any], m: int, n: int) -> NDArray[np.int32]:
    """Return the matrix ``[m, n]`` of what a DRAIN wrote to memory."""
    parts, at = [], 0
    for _, width in _dense_tiles(config, n):
        parts.append(values[at : at + m * width].reshape(m, width))
        at += m * width
    return np.concatenate([part[:, : min(config.cols, n - i * config.cols)] for i, part in enumerate(parts)], axis=1)


def conflict(first: list[Span], second: list[Span]) -> bool:
    """Tell whether two instructions must not change places."""
    return any(a.conflicts(b) for a in first for b in second)


def _with_tokens(config: AcceleratorConfig, instructions: list[Instruction | bytes]) -> list[Instruction | bytes]:
    """Let every instruction wait for the last one of each other engine that it must not overtake.

    Tokens of a pair of engines are taken in the order in which they are given, so one that an earlier instruction of
    the same engine has taken covers all that the other engine did before.
    """
    made = list(instructions)
    footprints = [[] if isinstance(i, bytes) else list(spans(config, i)) for i in made]
    taken: dict[tuple[Engine, Engine], int] = {}
    by_engine: dict[Engine, list[int]] = {engine: [] for engine in Engine}
    for index, instruction in enumerate(made):
        if isinstance(instruction, bytes) or instruction.engine is None:
            continue
        engine = instruction.engine
        for other in Engine:
            if other == engine:
                continue
            newer = takewhile(partial(lt, taken.get((other, engine), -1)), reversed(by_engine[other]))
            last = next((i for i in newer if conflict(footprints[i], footprints[index])), None)
            if last is not None:
                taken[other, engine] = last
                made[last] = _or(made[last], signal=1 << engine)
                made[index] = _or(made[index], wait=1 << other)
        by_engine[engine].append(index)
    return made


def _or(instruction: Any, *, wait: int = 0, signal: int = 0) -> Any:
    return dataclasses.replace(instruction, wait=instruction.wait | wait, signal=instruction.signal | signal)


def _dense_tiles(config: AcceleratorConfig, n: int) -> Iterator[tuple[int, int]]:
    """Yield first column and padded width of each column tile."""
    for start in range(0, n, config.cols):
        width = min(config.cols, n - start)
        yield start, -(-width // config.lanes) * config.lanes


def _align(value: int, unit: int) -> int:
    return -(-value // unit) * unit
