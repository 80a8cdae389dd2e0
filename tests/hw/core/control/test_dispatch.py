"""Tests of dispatcher, queues and tokens together."""

from random import Random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from hw.core.control.dispatcher import Dispatcher
from hw.core.control.issue import Issue
from hw.core.control.tokens import Tokens
from spec.config import AcceleratorConfig
from spec.isa import MOST_TOKENS, Drain, Engine, ErrorCode, Gemm, Halt, Instruction, Load, Stream, Sweep
from tests.hw.bus.streams import receive, send

_LOAD, _ARRAY, _POST = (1 << engine for engine in Engine)


class _Dut(wiring.Component):
    """The dispatcher and three queues whose tokens are joined."""

    def __init__(self) -> None:
        super().__init__({})
        config = AcceleratorConfig(rows=2, cols=2, weight_fifo_words=4, queue_depth=4)
        self.dispatcher, self.tokens = Dispatcher(), Tokens()
        self.issues = {engine: Issue(config) for engine in Engine}

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.dispatcher, m.submodules.tokens = dispatcher, tokens = self.dispatcher, self.tokens
        for engine, queue in zip(Engine, (dispatcher.load, dispatcher.array, dispatcher.post), strict=True):
            m.submodules[engine.name.lower()] = issue = self.issues[engine]
            connect(m, queue, issue.i)
            m.d.comb += [
                issue.available.eq(tokens.available[engine]),
                issue.room.eq(tokens.room[engine]),
                tokens.take[engine].eq(issue.take),
                tokens.promise[engine].eq(issue.promise),
                tokens.give[engine].eq(issue.give),
            ]
        return m


def _run(
    program: list[Instruction],
    *,
    length: int | None = None,
    bad: dict[int, tuple[int, int]] | None = None,
    delays: dict[Engine, int] | None = None,
    cycles: int = 600,
    seed: int = 0,
) -> tuple[list[tuple[str, int, int]], tuple[int, int, int] | None, list[int], list[bool]]:
    """Run a program on engines that take a random time.

    Returns events ("start" or "done", engine, index) in order, the stop (code, index, address), the indices of STREAMs,
    and whether each queue is idle at the end.
    """
    dut = _Dut()
    events: list[tuple[str, int, int]] = []
    streams: list[int] = []
    stop: list[tuple[int, int, int]] = []

    async def source(ctx: Any) -> None:
        dispatcher = dut.dispatcher
        ctx.set(dispatcher.run, 1)
        ctx.set(dispatcher.length, len(program) if length is None else length)
        for index, instruction in enumerate(program):
            code, addr = (bad or {}).get(index, (0, 0))
            word = int.from_bytes(instruction.encode(), "little")
            await send(ctx, dispatcher.i, {"instruction": word, "code": code, "addr": addr})

    async def watch_stop(ctx: Any) -> None:
        ctx.set(dut.dispatcher.weights.ready, 1)
        for _ in range(cycles):
            fault, weights = dut.dispatcher.stop, dut.dispatcher.weights
            _, _, valid, code, index, addr, streamed, stream_index = await ctx.tick().sample(
                fault.valid, fault.code, fault.index, fault.addr, weights.valid, weights.payload.index
            )
            if streamed:
                streams.append(stream_index)
            if valid:
                stop.append((code, index, addr))
                ctx.set(dut.dispatcher.run, 0)

    def engine_bench(engine: Engine) -> Any:
        async def bench(ctx: Any) -> None:
            random = Random(seed + engine)
            issue = dut.issues[engine]
            while True:
                index = (await receive(ctx, issue.o)).index
                events.append(("start", engine, index))
                await ctx.tick().repeat((delays or {}).get(engine, random.randint(2, 12)))
                ctx.set(issue.done, 1)
                await ctx.tick()
                ctx.set(issue.done, 0)
                events.append(("done", engine, index))

        return bench

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source, background=True)
    for engine in Engine:
        simulator.add_testbench(engine_bench(engine), background=True)
    idle: list[bool] = []

    async def until_end(ctx: Any) -> None:
        await watch_stop(ctx)
        idle.extend(bool(ctx.get(issue.idle)) for issue in dut.issues.values())

    simulator.add_testbench(until_end)
    simulator.run()
    assert len(stop) <= 1
    return events, stop[0] if stop else None, streams, idle


def test_each_engine_gets_its_instructions_in_order() -> None:
    program = [Load(), Stream(), Gemm(), Drain(), Sweep(), Gemm(), Stream(), Load(), Drain(), Halt(), Load()]
    events, stop, streams, idle = _run(program)
    assert stop == (ErrorCode.NONE, 9, 0)
    assert streams == [1, 6]
    assert all(idle)
    for engine, indices in ((Engine.LOAD, [0, 7]), (Engine.ARRAY, [2, 5]), (Engine.POST, [3, 4, 8])):
        assert [index for kind, unit, index in events if kind == "start" and unit == engine] == indices
        assert [index for kind, unit, index in events if kind == "done" and unit == engine] == indices


@pytest.mark.parametrize("seed", range(5))
def test_waits_come_after_their_signals(seed: int) -> None:
    program: list[Instruction] = []
    for _ in range(6):
        program += [
            Load(wait=_POST if program else 0, signal=_ARRAY | _POST),
            Gemm(wait=_LOAD, signal=_POST),
            Drain(wait=_LOAD | _ARRAY, signal=_LOAD),
        ]
    program.append(Halt())
    events, stop, _, idle = _run(program, seed=seed)
    assert stop == (ErrorCode.NONE, 18, 0)
    assert all(idle)
    time = {(kind, index): at for at, (kind, _, index) in enumerate(events)}
    for base in range(0, 18, 3):
        assert time["done", base] < time["start", base + 1]
        assert time["done", base + 1] < time["start", base + 2]
        if base:
            assert time["done", base - 1] < time["start", base]


def test_a_waiting_head_blocks_only_its_own_engine() -> None:
    program = [Gemm(wait=_LOAD), Gemm(), Drain(), Sweep(), Load(), Halt()]
    events, stop, _, idle = _run(program)
    assert stop == (ErrorCode.NONE, 5, 0)
    assert {index for _, _, index in events} == {2, 3, 4}
    assert idle == [True, False, True]


def test_tokens_add_up() -> None:
    program = [*(Load(signal=_ARRAY) for _ in range(5)), *(Gemm(wait=_LOAD) for _ in range(6)), Halt()]
    events, _, _, idle = _run(program, delays={Engine.LOAD: 2, Engine.ARRAY: 2, Engine.POST: 2})
    assert [index for kind, unit, index in events if kind == "done" and unit == Engine.ARRAY] == list(range(5, 10))
    assert idle == [True, False, True]


def test_a_broken_rule_stops_dispatch() -> None:
    program = [Load(), Gemm(), Drain(), Load(), Halt()]
    events, stop, _, idle = _run(program, bad={2: (ErrorCode.OUT_OF_RANGE, 0xABCDE)})
    assert stop == (ErrorCode.OUT_OF_RANGE, 2, 0xABCDE)
    assert {index for _, _, index in events} == {0, 1}
    assert all(idle)


@pytest.mark.parametrize("length", [0, 2])
def test_a_program_without_halt_is_an_error(length: int) -> None:
    _, stop, _, idle = _run([Load(), Gemm(), Halt()], length=length)
    assert stop == (ErrorCode.NO_HALT, length, 0)
    assert all(idle)


def test_a_giver_starts_only_while_its_tokens_have_room() -> None:
    program = [*(Load(signal=_ARRAY) for _ in range(MOST_TOKENS + 3)), Halt()]
    quick = dict.fromkeys(Engine, 2)
    events, stop, _, idle = _run(program, delays=quick, cycles=2500)
    assert [index for kind, _, index in events if kind == "done"] == list(range(MOST_TOKENS))
    assert stop == (ErrorCode.NONE, MOST_TOKENS + 3, 0)
    assert idle == [False, True, True]


def test_a_token_that_is_taken_makes_room() -> None:
    program = [*(Load(signal=_ARRAY) for _ in range(MOST_TOKENS)), *[Gemm(wait=_LOAD)] * 3, *[Load(signal=_ARRAY)] * 3]
    events, stop, _, idle = _run([*program, Halt()], delays=dict.fromkeys(Engine, 2), cycles=2500)
    assert len([index for kind, _, index in events if kind == "done"]) == len(program)
    assert stop == (ErrorCode.NONE, len(program), 0)
    assert all(idle)
