"""A quantized model on disk: a checkpoint, the tokenizer beside it, and what it says of its texts."""

from pathlib import Path

from sw.families.limits import Limits
from sw.families.tokenizer import Tokenizer
from sw.network.checkpoint import Checkpoint

__all__ = ["MODELS", "SETTINGS", "TOKENIZER", "load_limits", "load_model", "model_files"]

MODELS = Path(__file__).parents[2] / "models"

TOKENIZER = "tokenizer.json"

SETTINGS = "config.json"
"""How long texts may be, if it is there."""


def load_model(path: Path) -> tuple[Checkpoint, Tokenizer]:
    """Read a model.

    Parameters
    ----------
    path : Path
        A checkpoint file or a folder that has one, or the name of a folder in ``models``.

    Raises
    ------
    OSError
        If there is no such model.
    ValueError
        If a file is not what it should be, or the two do not fit each other.
    """
    place, beside = model_files(path)
    checkpoint, tokenizer = Checkpoint.load(place), Tokenizer.load(beside)
    words = len(checkpoint.network.embed.word)
    if tokenizer.ids > words:
        raise ValueError(
            f"{place} must have an embedding for each of the {tokenizer.ids} ids of {TOKENIZER}, not {words}"
        )
    return checkpoint, tokenizer


def load_limits(path: Path) -> Limits:
    """Read how long a model's texts may be, where it says so; ``path`` and errors as of :func:`load_model`."""
    return Limits.of_checkpoint(model_files(path)[0].with_name(SETTINGS))


def model_files(path: Path) -> tuple[Path, Path]:
    """Return where the checkpoint and the tokenizer of a model are; raise what :func:`load_model` does."""
    place = path if path.exists() else MODELS / path
    if place.is_dir():
        files = sorted(place.glob("*.safetensors"))
        if len(files) != 1:
            raise ValueError(f"{place} must have one .safetensors file, not {len(files)}")
        place = files[0]
    elif not place.exists():
        raise FileNotFoundError(f"there is no model at {path}")
    return place, place.with_name(TOKENIZER)
