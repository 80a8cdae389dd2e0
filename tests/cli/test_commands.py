"""What all commands have in common, as a shell starts them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT

COMMANDS = ("sw", "gen", "bench", "sw.training")


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_from_another_folder_is_one_line(name: str, tmp_path: Path) -> None:
    done = run(str(ROOT / name.replace(".", "/")), "--help", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"run python -m {name} in the repository's folder\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("bench", "gemm", "--unit", "post"), "python -m bench: --unit is for the part area alone"),
        (("bench", "gem"), "python -m bench: a part must be one of"),
        (("sw", "matmul", "1", "1", "0"), "python -m sw matmul: argument K: invalid whole number from 1 on value: '0'"),
        (("sw.training", "walk"), "python -m sw.training: argument step: invalid choice: 'walk'"),
        (("gen", "--rows", "x"), "python -m gen: error: argument --rows: invalid int value: 'x'"),
    ],
)
def test_wrong_arguments_are_one_line(command: tuple[str, ...], message: str) -> None:
    done = run("-m", *command)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
