"""Programs that end with whoever has started them."""

import signal
import sys
import time
from pathlib import Path

import pytest

from gen.flow.process import run_process, run_processes
from tests.cli.running import Running

TREE = ["sh", "-c", "sleep 60 & sleep 60 & wait"]
"""A program that starts others, as compilers do."""


def test_output_and_status(tmp_path: Path) -> None:
    done = run_process(["sh", "-c", "pwd; echo error >&2; cat; exit 3"], tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (f"{tmp_path}\n", "error\n", 3)


def test_several_in_order() -> None:
    runs = run_processes([["sh", "-c", f"sleep 0.{9 - i}; exit {i}"] for i in range(5)])
    assert [done.returncode for done in runs] == list(range(5))


def test_absent_program() -> None:
    assert run_process(["/no/such/program"]).returncode == 127


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("call", [f"run_process({TREE})", f"run_processes([{TREE}] * 3)"])
def test_nothing_is_left_of_it(number: signal.Signals, call: str) -> None:
    body = (
        f"from cli.run_command import run_command; from gen.flow.process import *; run_command('name', lambda: {call})"
    )
    running = Running("-c", body)
    running.wait_for_processes(4)
    status, error = running.stop(number)
    assert not running.left()
    assert status == (-number if number == signal.SIGKILL else 128 + number)
    assert error.count("\n") == (number != signal.SIGKILL)


def test_exception_ends_it() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            run_process([sys.executable, "-c", "import time; time.sleep(60)"])
        assert time.monotonic() - started < 30
    finally:
        signal.signal(signal.SIGALRM, before)
