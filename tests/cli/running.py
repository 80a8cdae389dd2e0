"""Commands as processes that tests send signals to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PROMPTLY", "ROOT", "Running"]

ROOT = Path(__file__).parents[2]

PROMPTLY = 2.0 + 3.0
"""Seconds that the end of a command may take, and what a busy machine may add."""

PATIENCE = 300
"""Seconds for anything else."""


class Running:
    """A command with its own process group, as a shell would start it."""

    def __init__(self, *command: str | Path, cwd: Path = ROOT) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_hear_all,  # noqa: PLW1509  # there are no other threads
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self.seconds = 0.0
        self._seen: list[int] = []

    def wait_for(self, text: str, *, error: bool = False) -> None:
        """Read standard output, or standard error, up to a line with a text."""
        stream = self._process.stderr if error else self._process.stdout
        assert stream
        while text not in (line := stream.readline()):
            assert line, f"{text!r} never came"

    def wait_for_processes(self, count: int) -> None:
        """Wait until the command has started so many others."""
        end = time.monotonic() + PATIENCE
        while len(list(_below(self._process.pid))) < count:
            assert self._process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self, number: signal.Signals, *, group: bool = False) -> tuple[int, str]:
        """Send a signal, to the whole group if wanted; return the exit status and the rest of standard error."""
        self._seen = list(_below(self._process.pid))
        started = time.monotonic()
        (os.killpg if group else os.kill)(self._process.pid, number)
        _, error = self._process.communicate(timeout=PATIENCE)
        self.seconds = time.monotonic() - started
        return self._process.returncode, error

    def left(self) -> list[int]:
        """Return which of the processes that there were below the command live on, after a moment for them to end."""
        end = time.monotonic() + PROMPTLY
        while living := [each for each in self._seen if _lives(each)]:
            if time.monotonic() > end:
                break
            time.sleep(0.02)
        return living


def _hear_all() -> None:
    """Ignore no signal, though the tests do so themselves, as what a shell has put into the background."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _lives(process: int) -> bool:
    return (stat := _stat(process)) is not None and stat[0] != "Z"


def _below(process: int) -> Iterator[int]:
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    stats = {number: stat for number in numbers if (stat := _stat(number))}
    parents = {process}
    while parents:
        parents = {child for child, stat in stats.items() if int(stat[1]) in parents}
        yield from parents


def _stat(process: int) -> list[str] | None:
    """State and parent first."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
