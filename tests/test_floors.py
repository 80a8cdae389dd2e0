"""The project stands on floors: a folder imports only those below it, and no modules import each other in a circle."""

import ast
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BELOW = {
    "files": (),
    "spec": ("files",),
    "cli": ("files",),
    "hw": ("spec",),
    "gen": ("hw", "spec", "cli", "files"),
    "host": ("spec", "files"),
    "sim": ("gen", "hw", "host", "spec"),
    "sw": ("sim", "host", "spec", "cli", "files"),
    "systolm": ("sw", "gen", "spec"),
    "bench": ("sw", "sim", "host", "gen", "hw", "spec", "cli", "files"),
}
"""Folders, and those that each may import besides itself."""


def imports(file: Path) -> set[str]:
    """Return the names that a file imports anywhere in it, each behind its module's."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules() -> dict[str, set[str]]:
    """Return all modules of the project, and what each imports of it; packages are their ``__init__``."""
    files = {}
    for folder in BELOW:
        for file in (ROOT / folder).rglob("*.py"):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            files[name] = file
    return {name: {_module(found, files) for found in imports(file)} - {name, ""} for name, file in files.items()}


def _module(name: str, files: Mapping[str, Path]) -> str:
    """Return the module that an imported name is or is in; nothing if it is not the project's."""
    return name if name in files else parent if (parent := name.rpartition(".")[0]) in files else ""


@pytest.mark.parametrize("folder", BELOW)
def test_a_folder_imports_only_those_below(folder: str) -> None:
    allowed = {folder, *BELOW[folder]}
    for file in (ROOT / folder).rglob("*.py"):
        tops = {name.split(".")[0] for name in imports(file)}
        assert tops & {*BELOW, "tests"} <= allowed, file


@pytest.mark.parametrize("folder", ["files", "spec", "host", "cli"])
def test_the_contract_and_its_users_know_no_hardware(folder: str) -> None:
    for file in (ROOT / folder).rglob("*.py"):
        assert "amaranth" not in {name.split(".")[0] for name in imports(file)}, file


def test_no_circles() -> None:
    tuple(TopologicalSorter(modules()).static_order())
