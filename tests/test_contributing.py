"""The walks of CONTRIBUTING.md can be followed: the first one is, in a copy of the project."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_floors import BELOW

ROOT = Path(__file__).parents[1]

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

NEW_FILE = re.compile(r"^`(\S+)`:\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

ADDITION = re.compile(
    r"^In `(\S+)`, (behind|before|at the end of) `([^`]+)`:\n\n```(?:python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)

NAMED = re.compile(r"`([a-z_]+(?:/[\w.-]+)*/?|[A-Z]\w+(?:\.\w+)?)`|\]\((\S+?)\)")
"""Names that may be files or folders, and links."""


def follow(root: Path) -> set[str]:
    """Do what the walk says in a copy of the project; return the files that it has made or changed."""
    new = dict(NEW_FILE.findall(TEXT))
    for name, content in new.items():
        assert not (root / name).exists()
        (root / name).write_text(content, encoding="utf-8")
    changed = set(new)
    for name, place, mark, content in ADDITION.findall(TEXT):
        path, changed = root / name, changed | {name}
        if content.startswith("@"):  # a class, which blank lines follow
            content += "\n\n"  # noqa: PLW2901
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        (number,) = [i for i, line in enumerate(lines) if line.startswith(mark)]
        if place == "at the end of":
            lines[number] = lines[number].rstrip("\n") + content
        else:
            lines.insert(number + (place == "behind"), content)
        path.write_text("".join(lines), encoding="utf-8")
    return changed


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copy")
    for folder in (*BELOW, "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / file, root)
    return root


def test_an_operator_can_be_added(copy: Path) -> None:
    changed = follow(copy)
    assert sum(name.endswith("/negate.py") for name in changed) == 3
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.try_negate"], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{copy}\n"
    for arguments in (["check"], ["format", "--check"]):
        lint = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, *sorted(changed)],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        assert lint.returncode == 0, lint.stdout


def test_every_file_that_walks_name_exists() -> None:
    made = {name for name, _ in NEW_FILE.findall(TEXT)}
    named = {code or link for code, link in NAMED.findall(TEXT)} - made
    files = {name for name in named if "/" in name or "." in name or name == "Makefile"}
    assert {"Makefile", "README.md", "spec/boards.py", "sw/network/", "docs/glossary.md"} <= files
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []
