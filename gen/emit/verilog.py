"""From RTLIL to Verilog."""

import re
import tempfile
from pathlib import Path

from gen.flow.yosys import run_yosys

__all__ = ["emit_verilog"]

# - Wires without bits have no counterpart in Verilog; wires that nothing uses are aliases inside Amaranth's libraries.
# - What selects one of many would become a function, whose arguments hide wires of the same names.
_SCRIPT = "read_rtlil design.il; proc; delete s:0; pmuxtree; opt_clean -purge; write_verilog -noattr design.v"

# Verilator warns of values in declarations of what a process assigns.
_INITIALIZED = re.compile(r"^(  reg (?:signed )?(?:\[\d+:0\] )?(\S+ ?)) = (.*);$", re.MULTILINE)


def emit_verilog(rtlil: str) -> str:
    """Convert RTLIL to Verilog-2005 that means the same in every simulator.

    Amaranth's own writer leaves processes in, which some simulators start differently at time zero; here they are
    multiplexers and flip-flops.

    Parameters
    ----------
    rtlil : str
        One design.

    Returns
    -------
    str
        Verilog without attributes or tool versions; the same for the same input.
    """
    with tempfile.TemporaryDirectory(prefix="systolm-") as folder:
        directory = Path(folder)
        (directory / "design.il").write_text(rtlil)
        run_yosys(_SCRIPT, directory)
        text = (directory / "design.v").read_text()
    # The first line names the build of Yosys.
    text = text.split("\n", 1)[1].lstrip()
    return _INITIALIZED.sub(r"\1;\n  initial \2 = \3;", text)
