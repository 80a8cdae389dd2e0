"""Runs of other programs, of which none outlives this one."""

import os
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

__all__ = ["run_process", "run_processes"]

# Standard input is a pipe that closes with this process, even if that is killed: then the shell kills its process
# group, and with it whatever the program has started. Ctrl-C on a terminal does not reach a group of its own.
_GUARD = (
    "exec 3<&0; (read -r nothing <&3; kill -KILL 0) >/dev/null 2>&1 & "
    '"$@" 3<&- </dev/null; status=$?; kill -KILL $!; exit $status'
)

Done = subprocess.CompletedProcess[str]


def run_process(command: Sequence[str], directory: Path | None = None, *, capture: bool = True) -> Done:
    """Run a program to its end, or until an exception, such as from Ctrl-C, ends the waiting for it.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    directory : Path, optional
        Its working directory.
    capture : bool
        Keep what it writes; otherwise that goes where this process writes to.
    """
    return _Run(command, directory, capture).finish()


def run_processes(commands: Sequence[Sequence[str]]) -> list[Done]:
    """Run programs, as many at once as there are processor cores, as :func:`run_process` does."""
    runs: list[_Run] = []

    def run(command: Sequence[str]) -> Done:
        runs.append(_Run(command, None, True))
        return runs[-1].finish()

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        return list(pool.map(run, commands))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for each in runs:
            each.kill()


class _Run:
    def __init__(self, command: Sequence[str], directory: Path | None, capture: bool) -> None:
        output = subprocess.PIPE if capture else None
        self._process: subprocess.Popen[str] = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", *command],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            errors="replace",
            process_group=0,
        )
        assert self._process.stdin
        # Not to be closed by `communicate`, which would end the program.
        self._lifeline: IO[str] = self._process.stdin
        self._process.stdin = None

    def finish(self) -> Done:
        with self._process, self._lifeline:
            try:
                output, errors = self._process.communicate()
            except BaseException:
                self.kill()
                self._process.wait()
                raise
        return Done(self._process.args, self._process.returncode, output, errors)

    def kill(self) -> None:
        """Kill the program and all that it has started, unless it has ended."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
