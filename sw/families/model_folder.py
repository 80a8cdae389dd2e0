"""A Hugging Face folder's small files, read so that whatever is wrong with one is said in one line."""

import json
import os
from pathlib import Path
from typing import Any

from files.loading import loading

__all__ = ["existing_folder", "load_packages", "read_object", "read_text", "refuse_pointer"]

POINTER = b"version https://git-lfs"
"""Beginning of what Git LFS leaves in place of a file that it has not fetched."""


def existing_folder(model: str | os.PathLike[str]) -> Path:
    """Return the folder of a model; nothing is looked for elsewhere.

    Raises
    ------
    OSError
        If there is no such folder.
    """
    folder = Path(model)
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} must be a folder with config.json and weights, not a file")
    return folder


def load_packages(purpose: str = "quantizing") -> None:
    """Import torch and transformers, and tell the latter to be quiet.

    Parameters
    ----------
    purpose : str
        What cannot be done without.

    Raises
    ------
    ModuleNotFoundError
        If one is not installed, with how to install it.
    """
    try:
        import torch  # noqa: F401, PLC0415  # optional and slow
        import transformers  # noqa: F401, PLC0415
        from transformers.utils import logging  # noqa: PLC0415
    except ImportError:
        raise ModuleNotFoundError(
            f"{purpose} needs torch and transformers; install them with: pip install -c constraints.txt -e '.[model]'"
        ) from None
    logging.set_verbosity_error()


def read_text(path: Path) -> str:
    """Read a file in UTF-8.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is only a pointer of Git LFS, or not UTF-8.
    """
    refuse_pointer(path)
    with loading(path, "UTF-8"):
        return path.read_text(encoding="utf-8")


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises as :func:`read_text`, and ValueError if it is none."""
    text = read_text(path)
    with loading(path, "JSON"):
        content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError(f"{path} must be a JSON object, not {type(content).__name__}")
    return content


def refuse_pointer(path: Path) -> None:
    """Raise ValueError for a file that Git LFS has not fetched, OSError if it cannot be read."""
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise ValueError(f"{path} is only a pointer of Git LFS; fetch the file itself with: git lfs pull")
