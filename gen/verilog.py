"""From RTLIL to Verilog."""

import tempfile
from pathlib import Path

from gen.yosys import run_yosys

__all__ = ["emit_verilog"]

# Wires without bits have no counterpart in Verilog; wires that nothing uses are aliases inside Amaranth's libraries.
_SCRIPT = "read_rtlil design.il; proc; delete s:0; opt_clean -purge; write_verilog -noattr design.v"


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
    return text.split("\n", 1)[1].lstrip()
