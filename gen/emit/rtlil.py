"""From configuration to RTLIL, the netlist format that everything else is made of."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

from hw.accelerator import Accelerator
from spec.config import AcceleratorConfig

__all__ = ["emit_component", "emit_rtlil"]

_EMITTING = threading.Lock()


def emit_rtlil(config: AcceleratorConfig, name: str = "systolm", *, probes: bool = False) -> str:
    """Elaborate the accelerator.

    Parameters
    ----------
    config : AcceleratorConfig
        What to elaborate.
    name : str
        Name of the top module.
    probes : bool
        With the ports of :attr:`hw.accelerator.Accelerator.probes`.

    Returns
    -------
    str
        RTLIL text; the same for the same arguments, without source locations.
    """
    accelerator = Accelerator(config)
    return emit_component(accelerator, accelerator.ports | (accelerator.probes if probes else {}), name)


def emit_component(component: Elaboratable, ports: dict[str, tuple[Any, None]], name: str = "systolm") -> str:
    """Elaborate anything.

    Parameters
    ----------
    component : Elaboratable
    ports : dict
        Signals by the names of their ports; clocks and resets come along.
    name : str
        Name of the top module.

    Returns
    -------
    str
        RTLIL text; the same for the same component, without source locations.
    """
    with _empty_memories_unset():
        return str(rtlil.convert(component, name=name, ports=ports, emit_src=False))


@contextmanager
def _empty_memories_unset() -> Iterator[None]:
    """Leave out the initial contents of memories that start with zeros.

    They hold nothing that counts before the first soft reset, and Amaranth would spend most of its time on writing
    megabytes of zeros bit by bit. It has no option for that: one of its functions is another one meanwhile, for one
    call after the other.
    """

    def emit_contents(emitter: Any, index: int, memory: Any) -> None:
        if any(memory.init):
            emit_memory(emitter, index, memory)

    with _EMITTING:
        emit_memory = rtlil.ModuleEmitter.emit_memory
        rtlil.ModuleEmitter.emit_memory = emit_contents
        try:
            yield
        finally:
            rtlil.ModuleEmitter.emit_memory = emit_memory
