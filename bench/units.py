"""The parts of an accelerator that are synthesized by themselves."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Signal, Value
from amaranth.lib import wiring

from hw.accelerator import Accelerator
from hw.bus.read_master import ReadMaster
from hw.bus.write_master import WriteMaster
from hw.core.array.accumulators import Accumulators
from hw.core.array.engine import ArrayEngine
from hw.core.array.systolic_array import SystolicArray
from hw.core.control.checker import Checker
from hw.core.control.control_registers import ControlRegisters
from hw.core.control.counters import Counters
from hw.core.control.dispatcher import Dispatcher
from hw.core.control.fetch import Fetch
from hw.core.control.issue import Issue
from hw.core.control.load_engine import LoadEngine
from hw.core.control.sequencer import Sequencer
from hw.core.control.weight_dma import WeightDma
from hw.core.memory.scratchpad import Scratchpad
from hw.core.post.datapath import Datapath
from hw.core.post.engine import PostEngine
from hw.core.post.row_unit import RowUnit
from spec.config import AcceleratorConfig

__all__ = ["UNITS", "ports_of"]

READ_PORTS = 3


UNITS: dict[str, Callable[[AcceleratorConfig], wiring.Component]] = {
    "chip": Accelerator,
    "array": SystolicArray,
    "array_engine": ArrayEngine,
    "accumulators": lambda config: Accumulators(config, sum_shape=SystolicArray.sum_shape(config.rows)),
    "post": PostEngine,
    "post_datapath": Datapath,
    "post_row_unit": RowUnit,
    "scratchpad": Scratchpad,
    "fetch": Fetch,
    "checker": Checker,
    "dispatcher": lambda _config: Dispatcher(),
    "issue": Issue,
    "load": LoadEngine,
    "weights": WeightDma,
    "sequencer": Sequencer,
    "registers": ControlRegisters,
    "counters": Counters,
    "read_master": lambda config: ReadMaster(config, ports=READ_PORTS),
    "write_master": WriteMaster,
}
"""Factories by name. Some are parts of others; ``issue`` stands in the chip once for each engine."""


def ports_of(component: wiring.Component) -> dict[str, Any]:
    """Return all members of a component's interface as flat ports by name."""
    flat = component.signature.flatten(component)
    values = {"__".join(map(str, path)): Value.cast(value) for path, _, value in flat}
    # A stream that is always ready has a constant there.
    return {name: value for name, value in values.items() if isinstance(value, Signal)}
