"""The parts of an accelerator that are synthesized by themselves."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Signal, Value
from amaranth.lib import wiring

from hw.accelerator import Accelerator
from hw.array.accumulators import Accumulators
from hw.array.engine import ArrayEngine
from hw.array.systolic_array import SystolicArray
from hw.bus.read_master import ReadMaster
from hw.bus.write_master import WriteMaster
from hw.config import AcceleratorConfig
from hw.control.checker import Checker
from hw.control.control_registers import ControlRegisters
from hw.control.counters import Counters
from hw.control.dispatcher import Dispatcher
from hw.control.fetch import Fetch
from hw.control.issue import Issue
from hw.control.load_engine import LoadEngine
from hw.control.sequencer import Sequencer
from hw.control.weight_dma import WeightDma
from hw.memory.scratchpad import Scratchpad
from hw.post.datapath import Datapath
from hw.post.engine import PostEngine
from hw.post.row_unit import RowUnit

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
