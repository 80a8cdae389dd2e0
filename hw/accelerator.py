"""The whole accelerator."""

from typing import Any

from amaranth.hdl import Cat, Module, ResetInserter
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.axi import Axi4Read, Axi4Write, AxiLite
from hw.bus.fault import INDEX_BITS
from hw.bus.read_master import ReadMaster
from hw.bus.stream_fifo import StreamFifo
from hw.bus.watchdog import Watchdog
from hw.bus.write_master import WriteMaster
from hw.core.array.engine import ArrayEngine
from hw.core.control.checker import Checker
from hw.core.control.control_registers import ControlRegisters
from hw.core.control.counters import Counters
from hw.core.control.dispatcher import Dispatcher
from hw.core.control.fetch import Fetch
from hw.core.control.issue import UNDERWAY, Issue
from hw.core.control.load_engine import LoadEngine
from hw.core.control.sequencer import Sequencer
from hw.core.control.tokens import Tokens
from hw.core.control.weight_dma import WeightDma
from hw.core.memory.scratchpad import Scratchpad
from hw.core.post.engine import PostEngine
from hw.layouts import instruction_layout
from hw.micro.core import MicroCore
from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, Engine, Opcode
from spec.registers import ADDRESS_BITS

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """An int8 accelerator with a register bus and a memory bus.

    Everything is in the clock domain ``sync``, whose ``clk`` and (synchronous, active high) ``rst`` become ports of the
    emitted Verilog. A hardware reset clears no memory: the host does a soft reset after it
    (:class:`spec.registers.Control`).

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    s_axil : In(AxiLite(12))
        ``awaddr awvalid awready wdata wstrb wvalid wready bresp bvalid bready araddr arvalid arready rdata rresp rvalid
        rready``.
    m_axi_read : Out(Axi4Read(bus_bytes))
        ``arid araddr arlen arsize arburst arvalid arready rid rdata rresp rlast rvalid rready``.
    m_axi_write : Out(Axi4Write(bus_bytes))
        ``awid awaddr awlen awsize awburst awvalid awready wdata wstrb wlast wvalid wready bid bresp bvalid bready``.
    irq : Out(1)
        High while DONE or ERROR, if enabled.
    """

    s_axil: Any
    m_axi_read: Any
    m_axi_write: Any
    irq: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        if config.core == "pipelined":
            self._counters = Counters(config)
            self._issues = {engine: Issue(config) for engine in Engine}
        super().__init__(
            {
                "s_axil": In(AxiLite(ADDRESS_BITS)),
                "m_axi_read": Out(Axi4Read(config.bus_bytes)),
                "m_axi_write": Out(Axi4Write(config.bus_bytes)),
                "irq": Out(1),
            }
        )

    @property
    def ports(self) -> dict[str, tuple[Any, None]]:
        """Flat ports for ``amaranth.back``: ``irq``, ``s_axil_*``, ``m_axi_*``; ``clk`` and ``rst`` come along."""
        ports = {"irq": (self.irq, None)}
        for prefix, bus in (("s_axil", self.s_axil), ("m_axi", self.m_axi_read), ("m_axi", self.m_axi_write)):
            ports |= {f"{prefix}_{name}": (getattr(bus, name), None) for name in bus.signature.members}
        return ports

    @property
    def probes(self) -> dict[str, tuple[Any, None]]:
        """Inner signals as further ports, for a simulator that records what the engines do in each cycle.

        Raises
        ------
        ValueError
            If there are no engines.
        """
        if self.config.core == "micro":
            raise ValueError("a micro core has no engines to record")
        counters = self._counters
        probes = {
            "enable": counters.enable,
            "array": counters.array.as_value(),
            "array_lacks": counters.array_lacks,
            "post": counters.post.as_value(),
            "post_lacks": counters.post_lacks,
            "load_busy": counters.load_busy,
            "weight_beat": counters.weight_beat,
        }
        for engine, issue in self._issues.items():
            name = engine.name.lower()
            probes |= {f"{name}_valid": issue.o.valid, f"{name}_ready": issue.o.ready, f"{name}_done": issue.done}
        return {f"probe_{name}": (signal, None) for name, signal in probes.items()}

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        config = self.config
        if config.core == "micro":
            m.submodules.core = core = MicroCore(config)
            for name in ("s_axil", "m_axi_read", "m_axi_write"):
                connect(m, flipped(getattr(self, name)), getattr(core, name))
            m.d.comb += self.irq.eq(core.irq)
            return m
        sequencer = Sequencer(config)
        core_reset = ResetInserter(sequencer.core_reset)
        array_reset = ResetInserter(sequencer.array_reset)
        fetch_reset = ResetInserter(sequencer.core_reset | sequencer.fetch_reset)

        # Control.
        m.submodules.sequencer = sequencer
        m.submodules.registers = registers = ControlRegisters(config)
        connect(m, flipped(self.s_axil), registers.axil)
        connect(m, sequencer.error, registers.error)
        m.d.comb += [
            self.irq.eq(registers.irq),
            registers.status.eq(sequencer.status),
            sequencer.start.eq(registers.start),
            sequencer.soft_reset.eq(registers.soft_reset),
        ]

        # From memory to the queues.
        fetch, checker, dispatcher = Fetch(config), Checker(config), Dispatcher()
        m.submodules.fetch = fetch_reset(fetch)
        m.submodules.checker = fetch_reset(checker)
        m.submodules.dispatcher = fetch_reset(dispatcher)
        connect(m, fetch.o, checker.i)
        connect(m, checker.o, dispatcher.i)
        connect(m, dispatcher.stop, sequencer.stop)
        m.d.comb += [
            fetch.start.eq(sequencer.begin),
            fetch.addr.eq(registers.program_addr),
            fetch.length.eq(registers.program_length),
            dispatcher.run.eq(sequencer.run),
            dispatcher.length.eq(registers.program_length),
        ]

        # Queues and tokens.
        tokens = Tokens()
        m.submodules.tokens = core_reset(tokens)
        issues = self._issues
        for engine, queue in zip(Engine, (dispatcher.load, dispatcher.array, dispatcher.post), strict=True):
            issue = issues[engine]
            m.submodules[f"issue_{engine.name.lower()}"] = core_reset(issue)
            connect(m, queue, issue.i)
            m.d.comb += [
                issue.available.eq(tokens.available[engine]),
                issue.room.eq(tokens.room[engine]),
                tokens.take[engine].eq(issue.take),
                tokens.promise[engine].eq(issue.promise),
                tokens.give[engine].eq(issue.give),
            ]

        # Engines and the memory that they share.
        load, weights = LoadEngine(config), WeightDma(config)
        array, post = ArrayEngine(config), PostEngine(config)
        scratchpad = Scratchpad(config)
        m.submodules.load = core_reset(load)
        m.submodules.weights = core_reset(weights)
        m.submodules.array = array_reset(array)
        m.submodules.post = core_reset(post)
        m.submodules.scratchpad = core_reset(scratchpad)
        connect(m, issues[Engine.LOAD].o, load.i)
        connect(m, dispatcher.weights, weights.i)
        for engine, unit in ((Engine.ARRAY, array), (Engine.POST, post)):
            issued = issues[engine].o
            m.d.comb += [
                unit.i.payload.eq(issued.payload.instruction),
                unit.i.valid.eq(issued.valid),
                issued.ready.eq(unit.i.ready),
            ]
        for engine, unit in ((Engine.LOAD, load), (Engine.ARRAY, array), (Engine.POST, post)):
            m.d.comb += issues[engine].done.eq(unit.done)

        connect(m, weights.o, array.i_weights)
        connect(m, array.a_read, scratchpad.a_read)
        connect(m, array.b_read, scratchpad.b_read)
        m.d.comb += [post.filled.eq(array.filled), array.freed.eq(post.freed)]
        connect(m, post.acc_read, array.acc_read)
        connect(m, post.post_write, scratchpad.post_write)
        connect(m, load.load_scratchpad, scratchpad.load_write)
        connect(m, load.load_vector, post.load_vector)
        connect(m, load.load_param, post.load_param)
        connect(m, load.load_table, post.load_table)
        connect(m, sequencer.scrub, array.scrub, post.scrub, scratchpad.scrub)

        # Memory bus; instructions come before LOADs, LOADs before weights.
        readers = (fetch.port, load.port, weights.port)
        read_master, write_master = ReadMaster(config, ports=len(readers)), WriteMaster(config)
        m.submodules.read_master = core_reset(read_master)
        m.submodules.write_master = core_reset(write_master)
        for port, reader in zip(read_master.ports, readers, strict=True):
            connect(m, reader, port)
        connect(m, read_master.axi, flipped(self.m_axi_read))
        connect(m, write_master.axi, flipped(self.m_axi_write))
        connect(m, post.o_memory, write_master.i)
        connect(m, read_master.fault, sequencer.read_fault)
        connect(m, write_master.fault, sequencer.write_fault)
        m.d.comb += [
            post.write_done.eq(write_master.done),
            read_master.stop.eq(sequencer.bus_stop),
            write_master.stop.eq(sequencer.bus_stop),
        ]

        # The indices of DRAINs to memory follow their chunks, for the error report. No more than are under way fit in.
        drain_indices = StreamFifo(INDEX_BITS, UNDERWAY)
        m.submodules.drain_indices = core_reset(drain_indices)
        connect(m, drain_indices.o, write_master.index)
        issued = issues[Engine.POST].o
        drain = data.View(instruction_layout(Drain), issued.payload.instruction)
        to_memory = (drain.opcode == Opcode.DRAIN) & (drain.dest == Destination.MEMORY)
        m.d.comb += [
            drain_indices.i.payload.eq(issued.payload.index),
            drain_indices.i.valid.eq(issued.valid & issued.ready & to_memory),
        ]

        # When a program has ended: weights that nobody has used count as work.
        m.d.comb += [
            sequencer.engines_idle.eq(Cat(issue.idle for issue in issues.values()).all() & write_master.idle),
            sequencer.weights_used.eq(weights.idle & (array.weights_free == config.weight_fifo_words)),
            sequencer.bus_idle.eq(read_master.idle & write_master.idle),
        ]

        # Whether anything moves. An engine that has what it needs comes to the end of its waiting by itself.
        m.submodules.stall = stall = core_reset(Watchdog(config.timeout_cycles))
        m.d.comb += [stall.outstanding.eq(sequencer.status.busy), sequencer.stuck.eq(stall.expired)]
        m.d.sync += stall.progress.eq(
            Cat(
                ~sequencer.bus_idle,
                dispatcher.dispatched,
                *(issue.done for issue in issues.values()),
                issues[Engine.LOAD].working,
                ~(array.wait_weights | array.wait_bank | array.wait_instruction),
                ~(post.wait_bank | post.wait_instruction),
                weights.o.valid & weights.o.ready,
            ).any()
        )

        counters = self._counters
        m.submodules.counters = core_reset(counters)
        m.d.comb += [
            counters.clear.eq(sequencer.begin),
            counters.enable.eq(sequencer.status.busy),
            counters.array_lacks.eq(issues[Engine.ARRAY].lacks),
            counters.post_lacks.eq(issues[Engine.POST].lacks),
            counters.load_busy.eq(issues[Engine.LOAD].working),
            counters.scratchpad_conflict.eq(scratchpad.conflict),
            counters.dispatched.eq(dispatcher.dispatched),
            counters.instruction_beat.eq(fetch.port.beat.valid),
            counters.load_beat.eq(load.port.beat.valid),
            counters.weight_beat.eq(weights.port.beat.valid),
            counters.written_bytes.eq(write_master.written_bytes),
            registers.counters.eq(counters.values),
        ]
        for causes, unit in ((counters.array, array), (counters.post, post)):
            m.d.comb += [causes[cause].eq(getattr(unit, cause)) for cause in causes.shape().members]
        return m
