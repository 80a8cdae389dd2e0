"""Products and their sums against NumPy's integers."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator
from numpy.typing import NDArray

from hw.micro.products import Products
from spec.config import AcceleratorConfig

_SMALL: dict[str, Any] = {
    "lanes": 1,
    "core": "micro",
    "bus_bytes": 4,
    "scratchpad_banks": 1,
    "scratchpad_kib": 1,
    "vector_kib": 1,
    "param_words": 32,
    "acc_depth": 4,
}
_CONFIGS = {
    f"{config.rows}x{config.cols}": config
    for config in (
        AcceleratorConfig(rows=4, cols=4, acc_banks=2, **_SMALL),
        AcceleratorConfig(rows=4, cols=6, acc_banks=3, **_SMALL),
        AcceleratorConfig(rows=4, cols=1, acc_banks=2, **_SMALL),
    )
}
_LATENCY = 4

Matrix = NDArray[np.int64]


class _Bench:
    """The array and what must be in it: weights of ``rows`` by ``cols``, and sums of all rows of accumulators."""

    def __init__(self, ctx: Any, dut: Products, config: AcceleratorConfig, seed: int) -> None:
        self.ctx, self.dut, self.config = ctx, dut, config
        self.rng = np.random.default_rng(seed)
        self.depth = config.acc_depth * config.acc_banks
        self.weights = np.zeros((config.rows, config.cols), np.int64)
        self.sums = np.zeros((self.depth, config.cols), np.int64)

    async def cycle(self, **values: int) -> None:
        """One cycle with some inputs that are not zero."""
        for name, value in values.items():
            self.ctx.set(getattr(self.dut, name), value)
        await self.ctx.tick()
        for name in values:
            self.ctx.set(getattr(self.dut, name), 0)

    def set_bytes(self, port: Any, values: Matrix) -> None:
        self.ctx.set(Value.cast(port), int.from_bytes(values.astype(np.uint8).tobytes(), "little"))

    def random_bytes(self, *shape: int, unsigned: bool = False) -> Matrix:
        """Bytes, many of them the least or the greatest."""
        low, high = (0, 256) if unsigned else (-128, 128)
        values = self.rng.integers(low, high, shape)
        return np.where(self.rng.random(shape) < 0.3, self.rng.choice([low, high - 1], shape), values)

    async def first(self, row: int) -> None:
        await self.cycle(first=1, first_row=row)

    async def load(self, weights: Matrix) -> None:
        """Weights of some columns, from the last one of the array on, with pauses."""
        await self.first(0)
        for number, column in enumerate(weights):
            self.weights[:, self.config.cols - 1 - number] = column
            self.set_bytes(self.dut.weights, column)
            await self.cycle(load=1)
            self.set_bytes(self.dut.weights, self.random_bytes(self.config.rows))
            if self.rng.random() < 0.2:
                await self.cycle()

    async def stream(self, first_row: int, operands: Matrix, fresh: NDArray[np.bool_], pauses: float = 0) -> None:
        """Operands for as many rows, with pauses; some sums are fresh."""
        await self.first(first_row)
        for number, operand in enumerate(operands):
            await self.cycle(stream=1, fresh=int(fresh[number]))
            self.set_bytes(self.dut.operand, operand)
            while self.rng.random() < pauses:
                await self.cycle(fresh=int(self.rng.integers(2)))
                self.set_bytes(self.dut.operand, self.random_bytes(self.config.rows))
        for _ in range(_LATENCY - 1):
            await self.cycle()
        sums = self.sums[first_row : first_row + len(operands)]
        sums[fresh] = 0
        sums += operands @ self.weights

    async def check(self, first_row: int, rows: int) -> None:
        """Read all columns of so many rows."""
        found = np.zeros((rows, self.config.cols), np.int64)
        await self.first(first_row)
        for row in range(rows):
            await self.cycle(read=1)
            for column in range(self.config.cols):
                found[row, column] = np.uint32(self.ctx.get(self.dut.sum)).astype(np.int32)
                await self.cycle(next_column=1)
            await self.cycle(next_row=1)
        np.testing.assert_array_equal(found, self.sums[first_row : first_row + rows])

    async def clear(self) -> None:
        """All sums, and the word behind them, as a soft reset does; operands and weights are whatever they are."""
        self.ctx.set(self.dut.clear, 1)
        await self.first(0)
        for _ in range(self.depth + 1):
            await self.cycle(stream=1, fresh=int(self.rng.integers(2)))
            self.set_bytes(self.dut.operand, self.random_bytes(self.config.rows))
        for _ in range(_LATENCY - 1):
            await self.cycle()
        self.ctx.set(self.dut.clear, 0)
        self.sums[:] = 0


def _simulate(config: AcceleratorConfig, seed: int, steps: Callable[[_Bench], Awaitable[None]]) -> None:
    """Run what begins with any contents of the memory."""
    dut = Products(config)

    async def process(ctx: Any) -> None:
        bench = _Bench(ctx, dut, config, seed)
        for row in range(dut.sums.depth):
            ctx.set(dut.sums.data[row], int.from_bytes(bench.rng.bytes(4 * config.cols), "little"))
        await bench.load(bench.random_bytes(config.cols, config.rows))
        await bench.clear()
        await steps(bench)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(process)
    simulator.run()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("config", _CONFIGS.values(), ids=_CONFIGS.keys())
def test_matches_numpy(config: AcceleratorConfig, seed: int) -> None:
    """Any part of the rows, signed and unsigned operands, and weights of which some are older."""

    async def steps(bench: _Bench) -> None:
        rng = bench.rng
        for tile in range(8):
            unsigned = tile % 4 >= 2
            bench.ctx.set(bench.dut.is_unsigned, unsigned)
            await bench.load(bench.random_bytes(config.cols, config.rows))
            for _ in range(3):
                row = int(rng.integers(bench.depth))
                rows = int(rng.integers(1, bench.depth - row + 1))
                operands = bench.random_bytes(rows, config.rows, unsigned=unsigned)
                fresh = rng.random(rows) < rng.choice([0, 0.5, 1])
                await bench.stream(row, operands, fresh, pauses=rng.choice([0, 0.5]))
                await bench.check(row, rows)
                await bench.load(bench.random_bytes(int(rng.integers(config.cols + 1)), config.rows))
            await bench.check(0, bench.depth)
            if tile == 5:
                await bench.clear()

    _simulate(config, seed, steps)


@pytest.mark.parametrize("config", _CONFIGS.values(), ids=_CONFIGS.keys())
def test_least_and_greatest_products(config: AcceleratorConfig) -> None:
    async def steps(bench: _Bench) -> None:
        for unsigned, operand in ((0, -128), (0, 127), (1, 0), (1, 255)):
            bench.ctx.set(bench.dut.is_unsigned, unsigned)
            for weight in (-128, 127):
                await bench.load(np.full((config.cols, config.rows), weight))
                operands = np.full((bench.depth, config.rows), operand)
                for fresh in (True, False):
                    await bench.stream(0, operands, np.full(bench.depth, fresh))
                await bench.check(0, bench.depth)

    _simulate(config, 0, steps)
