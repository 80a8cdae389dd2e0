"""Runs what a component becomes for an FPGA in Icarus Verilog, with models of its cells."""

import subprocess
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Value
from numpy.typing import NDArray

from gen.emit.verilog import emit_verilog
from gen.flow.target import Target

__all__ = ["run_netlist"]

_CELLS = Path(__file__).with_name("ecp5_cells.v")


def run_netlist(
    component: Any,
    inputs: dict[str, NDArray[Any]],
    output: str,
    folder: Path,
    *,
    platform: Any = None,
    cells: Path = _CELLS,
) -> list[int]:
    """Return the output, unsigned, before each clock edge; inputs are arrays of one row of fields a cycle.

    The fields of a row stand in the port with the first one lowest; all fields of a port are of the same width. Unless
    told otherwise, the platform is an ECP5.
    """
    names = [*inputs, output]
    ports = {name: Value.cast(getattr(component, name)) for name in names}
    target = Target("ecp5") if platform is None else platform
    text = rtlil.convert(
        component, name="dut", platform=target, ports={k: (v, None) for k, v in ports.items()}, emit_src=False
    )
    (folder / "dut.v").write_text(emit_verilog(text))
    cycles = len(next(iter(inputs.values())))
    declarations, loads, drives = [], [], []
    for name, rows in inputs.items():
        width = len(ports[name])
        field = width // rows.shape[1]
        words = [sum((int(x) & ((1 << field) - 1)) << (i * field) for i, x in enumerate(row)) for row in rows]
        (folder / f"{name}.hex").write_text("".join(f"{word:x}\n" for word in words))
        declarations += [f"reg [{width - 1}:0] {name}, {name}_all [0:{cycles - 1}];"]
        loads.append(f'$readmemh("{name}.hex", {name}_all);')
        drives.append(f"{name} = {name}_all[t];")
    connections = ", ".join(f".{name}({name})" for name in names)
    (folder / "bench.v").write_text(f"""
module bench;
    reg clk = 0; integer t;
    {" ".join(declarations)}
    wire [{len(ports[output]) - 1}:0] {output};
    dut dut(.clk(clk), .rst(1'b0), {connections});
    initial begin
        {" ".join(loads)}
        for (t = 0; t < {cycles}; t = t + 1) begin
            {" ".join(drives)}
            #1 $display("%h", {output});
            clk = 1; #1 clk = 0;
        end
    end
endmodule
""")
    options = ["-g2012", "-DNO_ICE40_DEFAULT_ASSIGNMENTS"]  # Icarus does not know default values of ports
    compile_command = ["iverilog", *options, "-s", "bench", "-o", "bench.vvp", "bench.v", "dut.v", str(cells)]
    subprocess.run(compile_command, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, check=True, capture_output=True, text=True)
    lines = done.stdout.split()
    assert len(lines) == cycles, done.stdout[-200:]
    return [0 if "x" in line else int(line, 16) for line in lines]
