"""The life of a program: start, finish, error and reset."""

import enum
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus.fault import Fault
from hw.core.control.control_registers import status_layout
from hw.layouts import TABLE_WORD_BYTES, Scrub
from spec.config import AcceleratorConfig
from spec.isa import TABLE_ENTRIES, ErrorCode

__all__ = ["Sequencer"]


_SETTLE_CYCLES = 8
"""The last scrubbed words pass through the memories' write registers before these are reset, too."""


class _State(enum.Enum):
    IDLE = 0
    RUN = 1  # dispatch
    FINISH = 2  # wait for what was dispatched
    DISCARD = 3  # wait for instructions that were fetched for nothing
    DROP = 4  # fetch_reset
    SETTLE = 5  # soft reset: wait for the bus
    CLEAR = 6  # core_reset
    SCRUB = 7  # clear the memories
    RESET = 8  # wait for pipelines; then core_reset once more


class Sequencer(wiring.Component):
    """The sequencer that starts programs, decides how they end, and carries out soft resets.

    A program that dispatch has ended (by HALT or a broken rule) finishes what was dispatched; then prefetched
    instructions are discarded. Behind a broken rule, weights that no GEMM uses are dropped once the engines are idle.
    If nothing moves any more, that is reported instead. A bus fault ends a program at once. A soft reset first waits
    until the bus has taken and answered everything, however long that is, so that nothing of it reaches the next
    program. The scrub takes at least as many cycles as a table has words, 256, in which pipelines empty themselves:
    their stages and registers that only hold data have no reset.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    start, soft_reset : In(1)
        Pulses from the host.
    stop : In(Fault())
        From the dispatcher.
    read_fault, write_fault : In(Fault())
        From the bus masters.
    engines_idle : In(1)
        Nothing is queued or under way in any engine.
    weights_used : In(1)
        All weights have come and been used.
    bus_idle : In(1)
        Nothing is offered or outstanding.
    stuck : In(1)
        Nothing has moved for long.
    begin : Out(1)
        Pulse: fetch the program and clear the counters.
    run : Out(1)
        Dispatch.
    bus_stop : Out(1)
        No new requests.
    fetch_reset : Out(1)
        Reset of what instructions pass through before dispatch.
    array_reset : Out(1)
        Reset of the array; also drops the weights that come.
    core_reset : Out(1)
        Reset of everything else but the registers and this.
    scrub : Out(Scrub())
    status : Out(status_layout)
    error : Out(Fault())
        The first error.
    """

    start: Any
    soft_reset: Any
    stop: Any
    read_fault: Any
    write_fault: Any
    engines_idle: Any
    weights_used: Any
    bus_idle: Any
    stuck: Any
    begin: Any
    run: Any
    bus_stop: Any
    fetch_reset: Any
    array_reset: Any
    core_reset: Any
    scrub: Any
    status: Any
    error: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self.largest_memory = max(
            config.scratchpad_words // config.scratchpad_banks,
            config.vector_words,
            config.param_words,
            config.tables * TABLE_ENTRIES // TABLE_WORD_BYTES,
            config.acc_depth,
            config.weight_fifo_words,
        )
        super().__init__(
            {
                "start": In(1),
                "soft_reset": In(1),
                "stop": In(Fault()),
                "read_fault": In(Fault()),
                "write_fault": In(Fault()),
                "engines_idle": In(1),
                "weights_used": In(1),
                "bus_idle": In(1),
                "stuck": In(1),
                "begin": Out(1),
                "run": Out(1),
                "bus_stop": Out(1),
                "fetch_reset": Out(1),
                "array_reset": Out(1),
                "core_reset": Out(1),
                "scrub": Out(Scrub()),
                "status": Out(status_layout),
                "error": Out(Fault()),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        status, error = self.status, self.error
        state, following = Signal(_State), Signal(_State)
        stop = Signal()
        settle = Signal(range(_SETTLE_CYCLES))
        m.d.comb += [
            status.busy.eq(_any(state, "RUN", "FINISH", "DISCARD", "DROP")),
            status.error.eq(error.valid),
            status.resetting.eq(_any(state, "SETTLE", "CLEAR", "SCRUB", "RESET")),
            self.bus_stop.eq(stop | status.error),
            following.eq(state),
        ]
        # HALT comes two cycles after what was dispatched last, so it is not too late to see that work.
        idle, used = Signal(), Signal()
        m.d.sync += [idle.eq(self.engines_idle), used.eq(self.weights_used)]
        failed = error.code != ErrorCode.NONE
        # What goes far comes out of a register of its own.
        m.d.sync += [
            state.eq(following),
            self.run.eq(following == _State.RUN),
            self.scrub.en.eq(following == _State.SCRUB),
            stop.eq(_any(following, "DISCARD", "DROP", "SETTLE", "CLEAR", "SCRUB", "RESET")),
        ]
        # Resets reach thousands of registers, so they come straight out of one.
        m.d.sync += [self.core_reset.eq(0), self.array_reset.eq(0), self.fetch_reset.eq(0)]

        deadlock = [error.code.eq(ErrorCode.DEADLOCK), error.index.eq(0), error.addr.eq(0)]
        with m.Switch(state):
            with m.Case(_State.IDLE), m.If(self.start & ~error.valid & ~self.soft_reset):
                m.d.comb += self.begin.eq(1)
                m.d.comb += following.eq(_State.RUN)
                m.d.sync += status.done.eq(0)
            with m.Case(_State.RUN):
                with m.If(self.stop.valid):
                    m.d.comb += following.eq(_State.FINISH)
                    with m.If(self.stop.code != ErrorCode.NONE):
                        m.d.sync += self._record(self.stop)
                with m.Elif(self.stuck):
                    m.d.comb += following.eq(_State.FINISH)
                    m.d.sync += deadlock
            with m.Case(_State.FINISH):
                m.d.sync += self.array_reset.eq(failed & idle)
                with m.If(idle & used):
                    m.d.comb += following.eq(_State.DISCARD)
                with m.Elif(self.stuck):
                    m.d.sync += deadlock
                    with m.If(~idle):
                        m.d.comb += following.eq(_State.DISCARD)
            with m.Case(_State.DISCARD), m.If(self.bus_idle):
                m.d.comb += following.eq(_State.DROP)
                m.d.sync += self.fetch_reset.eq(1)
            with m.Case(_State.DROP):
                m.d.comb += following.eq(_State.IDLE)
                m.d.sync += [status.done.eq(~failed), error.valid.eq(failed)]
            with m.Case(_State.SETTLE), m.If(self.bus_idle):
                m.d.comb += following.eq(_State.CLEAR)
                m.d.sync += [self.core_reset.eq(1), self.array_reset.eq(1)]
            with m.Case(_State.CLEAR):
                m.d.comb += following.eq(_State.SCRUB)
            with m.Case(_State.SCRUB):
                m.d.sync += self.scrub.addr.eq(self.scrub.addr + 1)
                with m.If(self.scrub.addr == self.largest_memory - 1):
                    m.d.comb += following.eq(_State.RESET)
                    m.d.sync += self.scrub.addr.eq(0)
            with m.Case(_State.RESET):
                m.d.sync += settle.eq(settle + 1)
                m.d.sync += [reset.eq(settle == _SETTLE_CYCLES - 2) for reset in (self.core_reset, self.array_reset)]
                with m.If(settle == _SETTLE_CYCLES - 1):
                    m.d.comb += following.eq(_State.IDLE)
                    m.d.sync += settle.eq(0)

        # What follows wins over what a state decides.
        for fault in (self.write_fault, self.read_fault):
            with m.If(status.busy & fault.valid):
                m.d.comb += following.eq(_State.IDLE)
                m.d.sync += [*self._record(fault), error.valid.eq(1), status.done.eq(0)]
        with m.If(self.soft_reset & ~status.resetting):
            m.d.sync += [field.eq(0) for field in (error.valid, error.code, error.index, error.addr, status.done)]
            m.d.sync += status.refused.eq(0)
            m.d.comb += following.eq(_State.SETTLE)
        with m.If(self.start):
            m.d.sync += status.refused.eq(~self.begin)
        return m

    def _record(self, fault: Any) -> list[Any]:
        """Return the assignments that keep ``fault``."""
        return [getattr(self.error, name).eq(getattr(fault, name)) for name in ("code", "index", "addr")]


def _any(state: Any, *names: str) -> Any:
    """Whether the state is one of these."""
    return Cat(state == _State[name] for name in names).any()
