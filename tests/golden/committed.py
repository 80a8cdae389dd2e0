"""The committed hashes."""

import json
from pathlib import Path

from files.whole_file import write_whole

__all__ = ["load_hashes", "save_hashes"]

_FILE = Path(__file__).with_name("hashes.json")


def load_hashes() -> dict[str, str]:
    """Read the committed hashes by name."""
    hashes: dict[str, str] = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    return hashes


def save_hashes(hashes: dict[str, str]) -> None:
    """Write all hashes."""
    write_whole(_FILE, (json.dumps(hashes, indent=1) + "\n").encode())
