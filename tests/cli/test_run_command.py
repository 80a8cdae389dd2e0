"""How a process ends."""

import signal
import subprocess
import sys

import pytest

from tests.cli.running import PROMPTLY, ROOT, Running

STOPPED = {
    signal.SIGINT: (130, "name: interrupted\n"),
    signal.SIGTERM: (143, "name: stopped by SIGTERM\n"),
    signal.SIGHUP: (129, "name: stopped by SIGHUP\n"),
}


def program(body: str) -> list[str]:
    """A command of which the body is a function's."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return ["-c", f"import sys, time\nfrom cli.run_command import run_command\ndef f():\n{lines}run_command('name', f)"]


def shell(text: str, body: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which ``$@`` is the command; its last status is that of the command."""
    command = ["bash", "-c", text, "bash", sys.executable, *program(body)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", STOPPED)
def test_one_line_and_the_status_of_the_signal(number: signal.Signals) -> None:
    running = Running(*program("print('go', flush=True)\ntime.sleep(60)"))
    running.wait_for("go")
    assert running.stop(number) == STOPPED[number]
    assert running.seconds < PROMPTLY


@pytest.mark.parametrize(
    "body",
    [
        "print('go', flush=True)\ntry:\n  time.sleep(60)\nexcept BaseException:\n  time.sleep(60)",
        "import threading\nt = threading.Thread(target=time.sleep, args=(60,))\nt.start()\n"
        "print('go', flush=True)\nt.join()",
        "class C:\n  def __del__(self):\n    print('go', flush=True)\n    time.sleep(60)\nC()\ntime.sleep(60)",
        # A call of somebody else's that signals do not end.
        "import ctypes\nprint('go', flush=True)\nl = ctypes.CDLL(None)\n"
        "end = time.monotonic() + 60\nf = lambda: l.usleep(900000)\nwhile time.monotonic() < end:\n"
        "  try:\n    f()\n  except BaseException:\n    pass",
    ],
    ids=["swallowed", "thread", "finalizer", "foreign"],
)
def test_ends_whatever_the_main_thread_does(body: str) -> None:
    running = Running(*program(body))
    running.wait_for("go")
    assert running.stop(signal.SIGINT) == STOPPED[signal.SIGINT]
    assert running.seconds < PROMPTLY


def test_what_was_kept_stands_in_the_line() -> None:
    body = (
        "try:\n  print('go', flush=True)\n  time.sleep(60)\nexcept BaseException as e:\n  e.add_note('kept')\n  raise"
    )
    running = Running(*program(body))
    running.wait_for("go")
    assert running.stop(signal.SIGINT) == (130, "name: interrupted; kept\n")


def test_ignored_signals_stay_ignored() -> None:
    done = shell('trap "" INT; "$@"', "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint('on')\nreturn 0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")


def test_status_and_output_of_a_command_that_goes_well() -> None:
    done = shell('"$@"', "print('out')\nreturn 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "")


def test_nobody_reads() -> None:
    for body in ("for i in range(100000): print(i)", "print(1)\ntime.sleep(0.5)\nprint(2)", "print(1)\nsys.exit(0)"):
        done = shell('"$@" | true; exit ${PIPESTATUS[0]}', f"time.sleep(0.2)\n{body}\nreturn 0")
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize(
    ("where", "reason"), [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_output_that_cannot_be_written_is_one_line(where: str, reason: str) -> None:
    done = shell(f'"$@" {where}', "print('out')\nreturn 0")
    assert done.returncode == 2
    assert done.stderr == f"name: standard output: {reason}\n"


def test_closed_standard_error_is_no_matter() -> None:
    assert shell('"$@" 2>&-', "raise ValueError('lost')").returncode == 2


def test_terminals_of_few_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    done = shell('"$@"', "print('wide \\u2500')\nreturn 0")
    assert (done.returncode, done.stdout) == (0, "wide \\u2500\n")


def test_absent_module_is_one_line() -> None:
    done = shell('"$@"', "import no_such_module_here")
    assert done.returncode == 2
    assert done.stderr.startswith("name: the Python module no_such_module_here is not installed; pip install")
    assert done.stderr.count("\n") == 1
