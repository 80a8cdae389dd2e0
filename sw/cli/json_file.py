"""JSON files that are never half written."""

import json
from pathlib import Path
from typing import Any

from files.whole_file import write_whole

__all__ = ["write_json"]


def write_json(path: Path, content: Any, *, indent: int | None = 2) -> None:
    """Write a file as a whole or not at all; its folder is made if need be; ``indent`` as in ``json.dumps``.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(content, indent=indent) + "\n").encode())
