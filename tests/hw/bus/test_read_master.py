"""Tests of the read master together with its readers."""

from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from hw.bus.read_master import ReadMaster
from hw.bus.reader import Reader
from spec.config import AcceleratorConfig
from spec.isa import ErrorCode
from tests.hw.bus.axi_memory import AxiMemory
from tests.hw.bus.streams import send

_DEPTHS = (32, 128, 128)


class _Dut(wiring.Component):
    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__({})
        self.master = ReadMaster(config, ports=len(_DEPTHS))
        self.readers = [Reader(config, depth=depth) for depth in _DEPTHS]

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.master = self.master
        for number, reader in enumerate(self.readers):
            m.submodules[f"reader_{number}"] = reader
            connect(m, reader.port, self.master.ports[number])
        return m


def _config(bus_bytes: int, timeout_cycles: int = 256) -> AcceleratorConfig:
    return AcceleratorConfig(rows=4, cols=4, weight_fifo_words=8, bus_bytes=bus_bytes, timeout_cycles=timeout_cycles)


def _memory(bus_bytes: int, **options: Any) -> AxiMemory:
    data = np.frombuffer(Random(5).randbytes(1 << 16), np.uint8).copy()
    return AxiMemory(data, bus_bytes, **options)


async def _send(ctx: Any, reader: Reader, transfers: list[tuple[int, int]]) -> None:
    for index, (addr, n_bytes) in enumerate(transfers):
        await send(ctx, reader.i, {"addr": addr, "bytes": n_bytes, "index": 100 + index})


async def _receive(ctx: Any, reader: Reader, count: int, stall: float, random: Random) -> list[bytes]:
    results, current = [], b""
    for _ in range(30000):
        ctx.set(reader.o.ready, random.random() >= stall)
        _, _, valid, ready, payload = await ctx.tick().sample(reader.o.valid, reader.o.ready, reader.o.payload)
        if valid and ready:
            current += bytes(payload.data)[: payload.final + 1]
            if payload.last:
                results.append(current)
                current = b""
                if len(results) == count:
                    return results
    raise AssertionError("the reader stopped")


@pytest.mark.parametrize(("bus_bytes", "stall"), [(4, 0.0), (16, 0.4), (64, 0.3)])
def test_three_readers_get_their_own_bytes(bus_bytes: int, stall: float) -> None:
    dut, memory = _Dut(_config(bus_bytes)), _memory(bus_bytes, stall=stall, latency=9)
    random = Random(bus_bytes)
    jobs = [
        [(random.randrange(3000) * bus_bytes % 40000, random.randint(1, 40 * bus_bytes)) for _ in range(6)]
        for _ in _DEPTHS
    ]
    jobs[1].append((4096 - bus_bytes, 4096 + 2 * bus_bytes))
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for reader, transfers in zip(dut.readers, jobs, strict=True):

        async def source(ctx: Any, reader: Reader = reader, transfers: list[tuple[int, int]] = transfers) -> None:
            await _send(ctx, reader, transfers)

        async def sink(ctx: Any, reader: Reader = reader, transfers: list[tuple[int, int]] = transfers) -> None:
            results = await _receive(ctx, reader, len(transfers), stall, Random(1))
            aligned = [(addr // bus_bytes * bus_bytes, n_bytes) for addr, n_bytes in transfers]
            assert results == [memory.data[a : a + n].tobytes() for a, n in aligned]
            await ctx.tick().repeat(3)
            assert ctx.get(reader.idle)

        simulator.add_testbench(source)
        simulator.add_testbench(sink)

    async def serve(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.master.axi)

    simulator.add_testbench(serve, background=True)
    simulator.run()


def test_bus_is_full_at_a_latency_of_40_cycles() -> None:
    dut, memory = _Dut(_config(16)), _memory(16, latency=40)
    beats, cycles = 1024, 0
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        await _send(ctx, dut.readers[2], [(0, 16 * beats)])
        ctx.set(dut.readers[2].o.ready, 1)
        received = 0
        while received < beats:
            _, _, valid = await ctx.tick().sample(dut.readers[2].o.valid)
            received += valid
            cycles += 1

    async def serve(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.master.axi)

    simulator.add_testbench(bench)
    simulator.add_testbench(serve, background=True)
    simulator.run()
    assert cycles < beats + 60


def test_lowest_port_goes_first() -> None:
    dut, memory = _Dut(_config(16)), _memory(16)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.master.stop, 1)
        for number in (2, 1, 0):
            await _send(ctx, dut.readers[number], [(0x1000 * number, 16)])
        await ctx.tick().repeat(5)
        assert ctx.get(dut.master.idle)
        ctx.set(dut.master.stop, 0)
        await ctx.tick().repeat(30)

    async def serve(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.master.axi)

    simulator.add_testbench(bench)
    simulator.add_testbench(serve, background=True)
    simulator.run()
    assert [addr for addr, _ in memory.reads] == [0x0000, 0x1000, 0x2000]


@pytest.mark.parametrize("kind", ["response", "early", "late", "dead", "no_address"])
def test_reports_the_failing_burst(kind: str) -> None:
    dut = _Dut(_config(16))
    memory = _memory(
        16, bad_reads={0x100 + 256} if kind == "response" else set(), latency=100000 if kind == "dead" else 4
    )
    memory.dead = kind == "no_address"
    memory.wrong_last = {0x200: 9 if kind == "early" else 99} if kind in ("early", "late") else {}
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    fault = dut.master.fault

    async def bench(ctx: Any) -> None:
        ctx.set(dut.readers[1].o.ready, 1)
        await _send(ctx, dut.readers[1], [(0x100, 1024)])
        cycles, failed = 0, False
        while not failed:
            _, _, failed, code, index, addr = await ctx.tick().sample(fault.valid, fault.code, fault.index, fault.addr)
            cycles += 1
            assert cycles < 400
        expected = {"response": (ErrorCode.BUS_READ, 0x200), "early": (ErrorCode.BUS_READ, 0x200)}
        expected["late"] = (ErrorCode.BUS_READ, 0x200)
        assert (code, addr) == expected.get(kind, (ErrorCode.BUS_TIMEOUT, 0x100))
        assert index == 100
        if kind in expected:
            # The burst ends all the same: nothing is owed when the others have come.
            ctx.set(dut.master.stop, 1)
            await ctx.tick().repeat(120)
            assert ctx.get(dut.master.idle)
        else:
            assert cycles > 250

    async def serve(ctx: Any) -> None:
        await memory.serve_reads(ctx, dut.master.axi)

    simulator.add_testbench(bench)
    simulator.add_testbench(serve, background=True)
    simulator.run()
