"""Python lines of the documentation do what they say, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("README.md", "positive\n[[-48768, -48768], [-48768, -48768]]\nTrue\n"),
        ("docs/your-configuration.md", "positive\n"),
    ],
)
def test_python_of_a_page_runs(page: str, expected: str) -> None:
    (code,) = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", expected)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    inside = {link.partition("#")[0] for link in links if "://" not in link}
    assert [link for link in sorted(inside) if not (page.parent / link).exists()] == []
