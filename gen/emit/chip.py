"""From a configuration to Verilog."""

from gen.emit.module_name import check_module_name
from gen.emit.rtlil import emit_rtlil
from gen.emit.verilog import emit_verilog
from spec.config import AcceleratorConfig

__all__ = ["verilog"]


def verilog(config: AcceleratorConfig, name: str = "systolm") -> str:
    """Return the Verilog of an accelerator, as ``python -m gen`` writes it.

    Parameters
    ----------
    config : AcceleratorConfig
    name : str
        Of the top module; all other modules' names begin with it.

    Raises
    ------
    ValueError
        If the name is none for a module.
    """
    check_module_name(name)
    return emit_verilog(emit_rtlil(config, name))
