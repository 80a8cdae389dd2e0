"""LOAD: memory to on-chip memories."""

import numpy as np

from sim.numpy.state import State
from spec.config import AcceleratorConfig
from spec.isa import Load, LoadTarget
from spec.memories import Memory
from spec.param_record import unpack_records
from spec.spans import spans

__all__ = ["LoadStep"]

_GROUP_BYTES = 8


class LoadStep:
    """One LOAD, checked and with its range in memory."""

    def __init__(self, config: AcceleratorConfig, load: Load) -> None:
        self._config = config
        self._target = LoadTarget(load.target)
        self._addr, self._count = load.addr, load.count
        (source,) = (span for span in spans(config, load) if span.memory is Memory.MAIN)
        self._source = slice(source.start, source.stop)

    def run(self, state: State) -> None:
        """Copy the units."""
        data = state.memory[self._source]
        match self._target:
            case LoadTarget.SCRATCHPAD:
                self._copy(state.scratchpad, data, self._config.rows)
            case LoadTarget.VECTOR:
                self._copy(state.vector, data.view("<i2"), self._config.lanes)
            case LoadTarget.TABLE:
                self._copy(state.tables.reshape(-1), data, _GROUP_BYTES)
            case LoadTarget.PARAM | LoadTarget.PARAM_BROADCAST:
                self._copy_params(state, data.view("<u8").reshape(self._count, -1))

    def _copy(self, memory: np.ndarray, values: np.ndarray, per_unit: int) -> None:
        start = self._addr * per_unit
        memory[start : start + len(values)] = values

    def _copy_params(self, state: State, records: np.ndarray) -> None:
        """Write records ``[count, lanes]``, or ``[count, 1]`` for all lanes alike."""
        words = slice(self._addr, self._addr + self._count)
        state.bias[words], state.mul[words], state.mul2[words] = unpack_records(records)
