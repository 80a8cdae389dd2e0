"""Commands that are told to stop: what they say, what they keep, what they leave."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import PROMPTLY, ROOT, Running
from tests.sw.tiny_model import save_tiny_model

compiled = pytest.mark.skipif(not any(map(shutil.which, ("clang++", "g++"))), reason="there is no C++ compiler")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def classify(model: Path, tmp_path: Path) -> list[str]:
    """A command that takes minutes, on the integer model."""
    data = tmp_path / "data.jsonl"
    data.write_text((json.dumps({"text": "a b c d e f"}) + "\n") * 20000)
    options = ["--backend", "model", "--preset", "small_4x4", "--max-length", "16"]
    return ["-m", "sw", "classify", "--model", str(model), "--data", str(data), *options]


@pytest.mark.parametrize(
    ("jobs", "number", "status", "said", "group"),
    [
        ("1", signal.SIGINT, 130, "interrupted", False),
        ("2", signal.SIGINT, 130, "interrupted", False),
        ("2", signal.SIGINT, 130, "interrupted", True),
        ("2", signal.SIGTERM, 143, "stopped by SIGTERM", False),
    ],
    ids=["alone", "parent", "group", "SIGTERM"],
)
def test_classify_keeps_what_is_finished(
    classify: list[str], tmp_path: Path, jobs: str, number: signal.Signals, status: int, said: str, group: bool
) -> None:
    out = tmp_path / "out.json"
    running = Running(*classify, "--jobs", jobs, "--json", out)
    running.wait_for("    3  label")
    ended, error = running.stop(number, group=group)
    assert running.seconds < PROMPTLY
    assert not running.left()
    content = json.loads(out.read_text())
    count = len(content["reviews"])
    assert (ended, error) == (status, f"python -m sw: {said}; {out} has {count:,} of 20,000 texts\n")
    assert content["partial"] is True
    assert 3 <= count == content["totals"]["reviews"]
    assert {each["tokens"] for each in content["reviews"]} == {8}
    assert [each["number"] for each in content["reviews"]][:3] == [1, 2, 3]


@pytest.mark.parametrize("group", [False, True], ids=["parent", "group"])
def test_workers_that_have_just_started_say_nothing(classify: list[str], tmp_path: Path, group: bool) -> None:
    running = Running(*classify, "--jobs", "2", "--json", tmp_path / "out.json")
    running.wait_for_processes(3)  # two workers, and what multiprocessing brings along
    status, error = running.stop(signal.SIGINT, group=group)
    assert status == 130
    assert error.count("\n") == 1, error
    assert not running.left()


def test_workers_end_with_a_parent_that_is_killed(classify: list[str]) -> None:
    running = Running(*classify, "--jobs", "2")
    running.wait_for("    1  label")
    assert running.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    assert not running.left()


def test_an_older_file_is_not_lost_for_nothing(classify: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("old")
    running = Running(*classify, "--jobs", "2", "--json", out)
    running.wait_for_processes(3)
    assert running.stop(signal.SIGINT) == (130, "python -m sw: interrupted\n")
    assert out.read_text() == "old"


def test_ended_amid_its_work_it_says_nothing_of_what_the_system_clears_away(classify: list[str]) -> None:
    """As where Python cannot be told to stop in time: the process ends while its workers' semaphores are in use."""
    body = (
        "import os; from sw.cli import workers; from sw.cli.main import main\n"
        "workers.as_completed = lambda _futures: os._exit(3)\n"
        f"main({[*classify[2:], '--jobs', '2']!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", body], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "semaphore" not in done.stderr


@compiled
@pytest.mark.parametrize("group", [False, True], ids=["parent", "group"])
def test_in_the_middle_of_a_simulation(group: bool) -> None:
    # A tenth of a second would do, were it not for what the machine does besides.
    prepared = Running("-m", "sw", "matmul", "2", "2", "2", "--preset", "tiny")
    prepared.wait_for("equals NumPy")
    prepared.stop(signal.SIGTERM)
    body = (
        "from cli.run_command import run_command; from sw.cli import matmul; from sw.cli.main import main\n"
        "def told(device, *given, run=matmul.RtlDevice.run, **more):\n"
        "    print('simulating', flush=True); return run(device, *given, **more)\n"
        "matmul.RtlDevice.run = told\n"
        "run_command('name', lambda: main('matmul 600 600 600 --preset tiny'.split()))\n"
    )
    running = Running("-c", body)
    running.wait_for("simulating")
    assert running.stop(signal.SIGINT, group=group) == (130, "python -m sw: interrupted\n")
    assert running.seconds < PROMPTLY


def test_nobody_reads_on(classify: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = ["bash", "-c", '"$@" | head -n 1; exit ${PIPESTATUS[0]}', "bash", sys.executable, *classify]
    done = subprocess.run(
        [*command, "--jobs", "2", "--json", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (141, "", 1)
    assert json.loads(out.read_text())["partial"] is True
