"""Performance counters."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from spec.config import AcceleratorConfig
from spec.isa import Engine
from spec.registers import COUNTERS

__all__ = ["COUNTER_BITS", "Counters"]

COUNTER_BITS = 48
"""Bits that count; at 100 MHz they last a month. The rest of a counter reads as zero."""

_AT_RESET = {"clear": 1}

_ARRAY_CAUSES = ("busy", "wait_weights", "wait_operand", "wait_bank")
_POST_CAUSES = ("busy", "wait_bank", "wait_row", "wait_memory")


class Counters(wiring.Component):
    """Counters of the events of a run; cycles without an instruction are attributed to the token that is missing.

    Latency: 2 cycles from an event to its count. Events come from everywhere, so each waits in a register first.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    clear : In(1)
        Pulse: back to zero.
    enable : In(1)
        A program runs.
    array, post : In(StructLayout)
        What the engine does in this cycle, one bit each; a cycle with none of them is one without an instruction.
    array_lacks, post_lacks : In(3)
        Engines for whose tokens the engine's next instruction waits.
    load_busy, scratchpad_conflict, dispatched : In(1)
    instruction_beat, load_beat, weight_beat : In(1)
        A beat arrives over the bus.
    written_bytes : In(range(bus_bytes + 1))
        Bytes that leave over the bus in this cycle.
    values : Out(ArrayLayout(unsigned(48), 22))
        In the order of :data:`spec.registers.COUNTERS`.
    """

    clear: Any
    enable: Any
    array: Any
    post: Any
    array_lacks: Any
    post_lacks: Any
    load_busy: Any
    scratchpad_conflict: Any
    dispatched: Any
    instruction_beat: Any
    load_beat: Any
    weight_beat: Any
    written_bytes: Any
    values: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "enable": In(1),
                "array": In(data.StructLayout(dict.fromkeys(_ARRAY_CAUSES, 1))),
                "post": In(data.StructLayout(dict.fromkeys(_POST_CAUSES, 1))),
                "array_lacks": In(len(Engine)),
                "post_lacks": In(len(Engine)),
                "load_busy": In(1),
                "scratchpad_conflict": In(1),
                "dispatched": In(1),
                "instruction_beat": In(1),
                "load_beat": In(1),
                "weight_beat": In(1),
                "written_bytes": In(range(config.bus_bytes + 1)),
                "values": Out(data.ArrayLayout(unsigned(COUNTER_BITS), len(COUNTERS))),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        events = [name for name in self.signature.members if name != "values"]
        seen = {name: Signal(getattr(self, name).shape(), name=name, init=_AT_RESET.get(name)) for name in events}
        m.d.sync += [seen[name].eq(getattr(self, name)) for name in events]

        # A reset clears the counters by way of ``clear``: they are many, and one reset for both is enough.
        amounts = self._amounts(seen)
        counts = Signal(self.values.shape(), reset_less=True)
        m.d.comb += self.values.eq(counts)
        for count, register in zip(counts, COUNTERS, strict=True):
            with m.If(seen["clear"]):
                m.d.sync += count.eq(0)
            with m.Elif(seen["enable"]):
                m.d.sync += count.eq(count + amounts[register.name])
        return m

    def _amounts(self, seen: dict[str, Any]) -> dict[str, Any]:
        """What each counter gains in a cycle."""
        bus_bytes = self.config.bus_bytes
        amounts: dict[str, Any] = {
            "cycles": 1,
            "load_busy": seen["load_busy"],
            "scratchpad_conflicts": seen["scratchpad_conflict"],
            "instruction_bytes": Mux(seen["instruction_beat"], bus_bytes, 0),
            "weight_bytes": Mux(seen["weight_beat"], bus_bytes, 0),
            "load_bytes": Mux(seen["load_beat"], bus_bytes, 0),
            "write_bytes": seen["written_bytes"],
            "instructions": seen["dispatched"],
        }
        for name, other in (("array", Engine.POST), ("post", Engine.ARRAY)):
            causes, lacks = seen[name], seen[f"{name}_lacks"]
            none = ~causes.as_value().any()
            lacks_load = lacks[Engine.LOAD] & none
            lacks_other = lacks[other] & ~lacks[Engine.LOAD] & none
            amounts |= {f"{name}_{cause}": causes[cause] for cause in causes.shape().members}
            amounts[f"{name}_wait_load"] = lacks_load
            amounts[f"{name}_wait_{other.name.lower()}"] = lacks_other
            amounts[f"{name}_wait_instruction"] = none & ~lacks_load & ~lacks_other
        return amounts
