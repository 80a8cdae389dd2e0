"""Independent products of the array's own size, one after the other."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spec import arithmetic
from spec.config import AcceleratorConfig
from spec.device import Device
from spec.isa import (
    Destination,
    Drain,
    Engine,
    Gemm,
    Halt,
    Instruction,
    Load,
    LoadTarget,
    ParamMode,
    Stream,
)
from spec.param_record import pack_records
from spec.program import Program, Region
from sw.lowering.weights import param_records, stream_tiles

__all__ = ["SmallGemms", "small_gemms"]

PRE_SHIFT, SHIFT = 2, 14
LOW, HIGH = -128, 127


@dataclass(frozen=True)
class SmallGemms:
    """A program, its inputs, and what it must give.

    Parameters
    ----------
    program : Program
    operands : Program
        The same without products: it only brings their operands.
    inputs : dict of str to ndarray
    outputs : dict of str to ndarray
        What the program's outputs must be.
    ideal_cycles : int
        ``macs / config.macs``.
    """

    program: Program
    operands: Program
    inputs: dict[str, NDArray[np.generic]]
    outputs: dict[str, NDArray[np.generic]]
    ideal_cycles: int

    def counters(self, device: Device) -> dict[str, int]:
        """Return what the products add to the counters of a program that only brings their operands.

        Raises
        ------
        ValueError
            If the device does not count.
        """
        with_products, without = (device.run(p, self.inputs).counters for p in (self.program, self.operands))
        if not with_products or not without:
            raise ValueError("the device must count cycles")
        return {name: count - without[name] for name, count in with_products.items()}


def small_gemms(
    config: AcceleratorConfig, *, count: int = 64, m: int = 16, read_back: bool = False, seed: int = 0
) -> SmallGemms:
    """Return ``count`` products ``[m, rows] . [rows, cols]``, requantized to int8 by a DRAIN each.

    LOADs bring all operands to the scratchpad first: A to its first bank, B to the second; results go to the third.

    Parameters
    ----------
    config : AcceleratorConfig
        With at least 3 scratchpad banks.
    count, m : int
        At least 1.
    read_back : bool
        Write the results to memory at the end. Otherwise they stay in the scratchpad, and there are no outputs.
    seed : int
        Of operands and parameters.

    Raises
    ------
    ValueError
        If the operands do not fit.
    """
    rows, cols = config.rows, config.cols
    row_words = -(-cols // rows)
    bank = config.scratchpad_words // config.scratchpad_banks
    if config.scratchpad_banks < 3 or count * max(m * row_words, cols) > bank:
        raise ValueError(
            f"operands of {count} products must fit a bank of {bank} words, one of 3 or more, "
            f"not {count * max(m * row_words, cols)} one of {config.scratchpad_banks}"
        )
    rng = np.random.default_rng(seed)
    a = rng.integers(-128, 128, (count, m, rows), np.int8)
    b = rng.integers(-128, 128, (count, cols, rows), np.int8)
    bias, mul = rng.integers(-(1 << 12), 1 << 12, cols), rng.integers(1 << 10, 1 << 12, cols)
    sums = a.astype(np.int64) @ b.astype(np.int64).transpose(0, 2, 1) + bias
    c = np.clip(arithmetic.requantize(sums, PRE_SHIFT, mul, SHIFT), LOW, HIGH)

    memory = _Memory(config.bus_bytes)
    params = param_records(config.lanes, bias=bias, mul=mul)
    blank, identity = pack_records(), stream_tiles(np.eye(rows, dtype=np.int8), rows, cols)
    param_words = config.chunks_per_tile
    instructions: list[Instruction] = [
        Load(target=LoadTarget.PARAM, addr=0, count=param_words, mem_addr=memory.constant(params)),
        Load(target=LoadTarget.PARAM_BROADCAST, addr=param_words, count=1, mem_addr=memory.constant(blank)),
    ]
    identity_addr = memory.constant(identity)
    inputs = {"a": memory.region("int8", a.shape), "b": memory.region("int8", b.shape)}
    instructions += [
        Load(addr=0, count=count * m, mem_addr=inputs["a"].addr),
        Load(addr=bank, count=count * cols, mem_addr=inputs["b"].addr, signal=1 << Engine.ARRAY),
    ]
    operands = [replace(load, signal=0) for load in instructions]
    for number in range(count):
        gemm = Gemm(
            m=m,
            n=cols,
            k_tiles=1,
            a_addr=number * m,
            a_stride=1,
            b_scratchpad=1,
            b_addr=bank + number * cols,
            b_stride=1,
            clear=1,
            release=1,
            wait=0 if number else 1 << Engine.LOAD,
        )
        drain = Drain(
            m=m,
            n=cols,
            dest=Destination.SCRATCHPAD,
            dest_addr=2 * bank + number * m * row_words,
            dest_stride=row_words,
            param_mode=ParamMode.COLUMN,
            pre_shift=PRE_SHIFT,
            shift=SHIFT,
            clip_low=LOW,
            clip_high=HIGH,
            signal=1 << Engine.ARRAY if read_back and number == count - 1 else 0,
        )
        instructions += [gemm, drain]

    outputs: dict[str, Region] = {}
    expected: dict[str, NDArray[np.generic]] = {}
    if read_back:
        results = _words(c.astype(np.int8).reshape(count * m, cols), rows)
        for start in range(0, len(results), config.acc_depth):
            part = _dense(results[start : start + config.acc_depth], config)
            name = f"c_{start}"
            outputs[name], expected[name] = memory.region("int32", part.shape), part
            depth = min(config.acc_depth, len(results) - start)
            instructions += [
                Stream(mem_addr=identity_addr, count=identity.size // rows),
                Gemm(
                    m=depth,
                    n=rows,
                    k_tiles=1,
                    a_addr=2 * bank + start,
                    a_stride=1,
                    clear=1,
                    release=1,
                    wait=0 if start else 1 << Engine.POST,
                ),
                Drain(
                    m=depth,
                    n=rows,
                    dest=Destination.MEMORY,
                    dest_addr=outputs[name].addr,
                    param_mode=ParamMode.FIXED,
                    param_addr=param_words,
                ),
            ]
    end = memory.end

    def assemble(instructions: list[Instruction], macs: int) -> Program:
        code = b"".join(instruction.encode() for instruction in [*instructions, Halt()])
        return Program(
            config=config,
            instructions=np.frombuffer(code, np.uint8),
            instructions_addr=end,
            constants=np.frombuffer(bytes(memory.constants), np.uint8),
            constants_addr=0,
            inputs=inputs,
            outputs=outputs if macs else {},
            memory_bytes=end + len(code),
            macs=macs,
        )

    macs = count * m * rows * cols
    return SmallGemms(
        program=assemble(instructions, macs),
        operands=assemble(operands, 0),
        inputs={"a": a, "b": b},
        outputs=expected,
        ideal_cycles=macs // config.macs,
    )


class _Memory:
    """Constants from address 0 on, then regions."""

    def __init__(self, bus_bytes: int) -> None:
        self._bus_bytes = bus_bytes
        self.constants = bytearray()
        self.end = 0

    def constant(self, values: NDArray[np.uint8]) -> int:
        """Return the address of a constant; none may follow a region."""
        addr = len(self.constants)
        self.constants += values.tobytes() + bytes(-values.size % self._bus_bytes)
        self.end = len(self.constants)
        return addr

    def region(self, dtype: str, shape: tuple[int, ...]) -> Region:
        region = Region(addr=self.end, dtype=dtype, shape=shape)
        self.end += region.nbytes + -region.nbytes % self._bus_bytes
        return region


def _words(c: NDArray[np.int8], rows: int) -> NDArray[np.int8]:
    """Cut rows into scratchpad words, zeros behind."""
    return np.pad(c, ((0, 0), (0, -c.shape[1] % rows))).reshape(-1, rows)


def _dense(words: NDArray[np.int8], config: AcceleratorConfig) -> NDArray[np.int32]:
    """Put words in the order in which a DRAIN to memory writes them: column tile by column tile, all lanes."""
    chunks = np.pad(words, ((0, 0), (0, -words.shape[1] % config.lanes)))
    tiles = np.split(chunks, range(config.cols, chunks.shape[1], config.cols), axis=1)
    return np.concatenate([tile.astype(np.int32).reshape(-1) for tile in tiles])
