"""Tests of what moves data from memory: instruction fetch, LOAD engine and weight DMA."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from hw.bus.read_master import ReadMaster
from hw.core.control.fetch import Fetch
from hw.core.control.load_engine import LoadEngine
from hw.core.control.weight_dma import WeightDma
from spec.config import AcceleratorConfig
from spec.isa import INSTRUCTION_BYTES, Instruction, Load, LoadTarget, Stream
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.streams import receive, send

_SHAPES = [
    (1, 1, 4),
    (3, 5, 16),
    (4, 4, 16),
    (16, 16, 16),
    (6, 3, 64),
    (64, 2, 8),
    (5, 11, 16),
    (12, 20, 16),
    (24, 3, 16),
]


class _Dut(wiring.Component):
    """A block with one read port, on a memory bus of its own."""

    def __init__(self, config: AcceleratorConfig, block: Any) -> None:
        super().__init__({})
        self.master, self.block = ReadMaster(config, ports=1), block

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.master, m.submodules.block = self.master, self.block
        connect(m, self.block.port, self.master.ports[0])
        return m


def _simulate(config: AcceleratorConfig, block: Any, memory: AxiMemory, *benches: Callable[[Any], Any]) -> None:
    """Run until the last bench ends."""
    dut = _Dut(config, block)

    async def serve(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.master.axi)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(serve, background=True)
    for bench in benches[:-1]:
        simulator.add_testbench(bench, background=True)
    simulator.add_testbench(benches[-1])
    simulator.run()


def _config(rows: int, cols: int, bus_bytes: int) -> AcceleratorConfig:
    return AcceleratorConfig(rows=rows, cols=cols, bus_bytes=bus_bytes, weight_fifo_words=2 * cols)


def _memory(bus_bytes: int, stall: float) -> AxiMemory:
    return AxiMemory(np.frombuffer(Random(3).randbytes(1 << 15), np.uint8).copy(), bus_bytes, stall=stall, latency=11)


def _sender(block: Any, instructions: list[Instruction]) -> Callable[[Any], Any]:
    async def bench(ctx: Any) -> None:
        for index, instruction in enumerate(instructions):
            word = int.from_bytes(instruction.encode(), "little")
            await send(ctx, block.i, {"instruction": word, "index": index})

    return bench


@pytest.mark.parametrize("bus_bytes", [4, 16, 64])
def test_fetch_delivers_the_program(bus_bytes: int) -> None:
    fetch, memory = Fetch(_config(4, 4, bus_bytes)), _memory(bus_bytes, 0.3)
    start, count = 0x140, 37

    async def bench(ctx: Any) -> None:
        ctx.set(fetch.addr, start)
        ctx.set(fetch.length, count)
        ctx.set(fetch.start, 1)
        await ctx.tick()
        ctx.set(fetch.start, 0)
        random = Random(2)
        for index in range(count):
            await ctx.tick().repeat(random.randint(1, 3))
            word = await receive(ctx, fetch.o)
            at = start + index * INSTRUCTION_BYTES
            assert word == int.from_bytes(memory.data[at : at + INSTRUCTION_BYTES].tobytes(), "little")

    _simulate(_config(4, 4, bus_bytes), fetch, memory, bench)


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(("rows", "cols", "bus_bytes"), _SHAPES)
def test_streams_are_joined_without_gap(rows: int, cols: int, bus_bytes: int, stall: float) -> None:
    config = _config(rows, cols, bus_bytes)
    dma, memory, random = WeightDma(config), _memory(bus_bytes, stall), Random(rows)
    streams = [(random.randrange(64) * 64, random.randint(1, 30)) for _ in range(5)]
    expected = b"".join(memory.data[addr : addr + count * rows].tobytes() for addr, count in streams)

    async def sink(ctx: Any) -> None:
        received = b""
        while len(received) < len(expected):
            ctx.set(dma.o.ready, random.random() >= stall)
            _, _, valid, ready, word = await ctx.tick().sample(dma.o.valid, dma.o.ready, dma.o.payload)
            if valid and ready:
                received += bytes(word)
        assert received == expected
        ctx.set(dma.o.ready, 1)
        for _ in range(100):
            await ctx.tick()
            assert not ctx.get(dma.o.valid)
        assert ctx.get(dma.idle)

    instructions: list[Instruction] = [Stream(mem_addr=addr, count=count) for addr, count in streams]
    _simulate(config, dma, memory, _sender(dma, instructions), sink)


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(("rows", "cols", "bus_bytes"), _SHAPES)
def test_loads_fill_their_targets(rows: int, cols: int, bus_bytes: int, stall: float) -> None:
    config = _config(rows, cols, bus_bytes)
    engine, memory, random = LoadEngine(config), _memory(bus_bytes, stall), Random(cols)
    unit = {
        LoadTarget.SCRATCHPAD: rows,
        LoadTarget.VECTOR: 2 * config.lanes,
        LoadTarget.PARAM: 8 * config.lanes,
        LoadTarget.PARAM_BROADCAST: 8,
        LoadTarget.TABLE: 8,
    }
    ports = {
        "scratchpad": engine.load_scratchpad,
        "vector": engine.load_vector,
        "param": engine.load_param,
        "table": engine.load_table,
    }
    loads = [
        Load(
            target=target, addr=random.randrange(1000), count=random.randint(1, 20), mem_addr=random.randrange(64) * 64
        )
        for target in [*LoadTarget, *random.choices(list(LoadTarget), k=7)]
    ]
    expected: dict[str, list[tuple[int, int]]] = {name: [] for name in ports}
    for load in loads:
        target = LoadTarget(load.target)
        copies = config.lanes if target == LoadTarget.PARAM_BROADCAST else 1
        name = "param" if target == LoadTarget.PARAM_BROADCAST else target.name.lower()
        for number in range(load.count):
            at = load.mem_addr + number * unit[target]
            raw = memory.data[at : at + unit[target]].tobytes() * copies
            expected[name].append((load.addr + number, int.from_bytes(raw, "little")))
    written: dict[str, list[tuple[int, int]]] = {name: [] for name in ports}

    def sink(name: str) -> Callable[[Any], Any]:
        async def bench(ctx: Any) -> None:
            port, choices = ports[name], Random(name)
            while True:
                ctx.set(port.ready, choices.random() >= stall)
                _, _, valid, ready, addr, word = await ctx.tick().sample(
                    port.valid, port.ready, port.payload.addr, port.payload.data.as_value()
                )
                if valid and ready:
                    written[name].append((addr, word))

        return bench

    async def count_done(ctx: Any) -> None:
        done = 0
        while done < len(loads):
            _, _, pulse = await ctx.tick().sample(engine.done)
            done += pulse
        await ctx.tick()

    _simulate(config, engine, memory, _sender(engine, list(loads)), *map(sink, ports), count_done)
    assert written == expected


@pytest.mark.parametrize(("rows", "cols", "bus_bytes"), _SHAPES)
def test_a_long_load_moves_the_narrower_width_every_cycle(rows: int, cols: int, bus_bytes: int) -> None:
    config = _config(rows, cols, bus_bytes)
    engine, memory, count = LoadEngine(config), _memory(bus_bytes, 0.0), 4000 // rows

    async def measure(ctx: Any) -> None:
        ctx.set(engine.load_scratchpad.ready, 1)
        cycles = 0
        while not ctx.get(engine.done):
            cycles += bool(cycles) or ctx.get(engine.load_scratchpad.valid)
            await ctx.tick()
        assert cycles <= -(-count * rows // min(rows, bus_bytes)) + rows // bus_bytes

    load: list[Instruction] = [Load(target=LoadTarget.SCRATCHPAD, count=count)]
    _simulate(config, engine, memory, _sender(engine, load), measure)
