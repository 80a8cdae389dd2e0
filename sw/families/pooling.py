"""What a folder of sentence-transformers says of the vector that it makes of a text."""

import json
from dataclasses import dataclass
from pathlib import Path

from files.loading import loading
from sw.families.model_folder import read_object, read_text

__all__ = ["Pooling", "read_pooling"]

MODULES = "modules.json"

MODES = ("pooling_mode_mean_tokens", "pooling_mode_cls_token")
"""Of ``1_Pooling/config.json``: those that the device can do."""

KINDS = ("Transformer", "Pooling", "Normalize")
"""Modules of a folder in their order; the last may be absent."""


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """The mean of all rows, or the ``first`` one; of length 1 if it is to be normalised."""

    first: bool = False
    normalise: bool = False


def read_pooling(folder: Path) -> Pooling | None:
    """Read how the rows of an encoder become a vector; None if the folder is not one of sentence-transformers.

    Raises
    ------
    ValueError
        If it is damaged, or asks for something else.
    """
    path = folder / MODULES
    if not path.is_file():
        return None
    with loading(path, "a list of modules"):
        modules = json.loads(read_text(path))
        if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
            raise ValueError("modules must be objects")
    kinds = tuple(str(module.get("type", "")).rpartition(".")[2] for module in modules)
    if kinds not in (KINDS, KINDS[:2]):
        raise ValueError(f"{path} must have the modules {', '.join(KINDS)}, the last or not, not {', '.join(kinds)}")
    if modules[0].get("path") not in ("", "."):
        raise ValueError(f"{path} must have its transformer in the same folder, not in {modules[0].get('path')!r}")
    settings = folder / str(modules[1].get("path")) / "config.json"
    config = read_object(settings)
    wanted = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    if len(wanted) != 1 or wanted[0] not in MODES:
        raise ValueError(f"{settings} must have one of {' and '.join(MODES)}, not {' and '.join(wanted) or 'none'}")
    return Pooling(first=wanted[0] == MODES[1], normalise=len(kinds) == len(KINDS))
