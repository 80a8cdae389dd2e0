"""The C++ runtime of simulators: what generated code assigns to."""

import shutil
import subprocess
from pathlib import Path

import pytest

COMPILER = shutil.which("clang++") or shutil.which("g++")
RUNTIME = Path(__file__).parents[3] / "sim" / "rtl" / "runtime"

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")


def compile_main(folder: Path, body: str) -> subprocess.CompletedProcess:
    source = folder / "main.cc"
    source.write_text(f"#include <cxxrtl/cxxrtl.h>\nusing namespace cxxrtl;\nint main() {{ {body} }}\n")
    command = [COMPILER, "-std=c++17", f"-I{RUNTIME}", str(source), "-o", str(folder / "main")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_slices_side_by_side_take_their_parts(tmp_path: Path) -> None:
    """Yosys writes this where a signal's bits come from a constant and from elsewhere, in turns."""
    body = """
        value<80> x;
        x.slice<70>().concat(x.slice<5,3>()).concat(x.slice<0>()) = value<5>{0x1bu};
        x.slice<69>().concat(x.slice<2>()) = value<1>{1u}.concat(value<1>{1u}).val();
        value<80> expected;
        expected.slice<70,69>() = value<2>{3u};
        expected.slice<5,0>() = value<6>{0x2du};
        return !(x == expected);
    """
    compiled = compile_main(tmp_path, body)
    assert compiled.returncode == 0, compiled.stderr
    assert subprocess.run([str(tmp_path / "main")], check=False).returncode == 0


def test_what_has_no_place_cannot_be_assigned_to(tmp_path: Path) -> None:
    body = "value<4> x, y; x.slice<3>().concat(y) = value<5>{1u};"
    assert compile_main(tmp_path, body).returncode != 0
