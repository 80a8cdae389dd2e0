"""No command writes over what it reads."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from sw.imdb import FOLDERS

__all__ = ["refuse_overwriting", "text_folders"]


def refuse_overwriting(written: Mapping[str, Path | None], read: Iterable[Path | None]) -> None:
    """Make sure that no file is both written and read, whatever links and relative paths lead there.

    Parameters
    ----------
    written : mapping of str and path
        Options and what they name; None is what is not given.
    read : iterable of path
        Files; and folders, in which nothing must be written, though perhaps in folders inside of them.

    Raises
    ------
    ValueError
        If one is, with the option; or if two options name the same file.
    """
    sources = [path for path in read if path is not None]
    before: dict[str, Path] = {}
    for option, path in written.items():
        if path is None or (path.exists() and not path.is_file()):
            continue  # what is no file, such as a device, has no contents to lose
        for source in sources:
            if _same(path, source):
                raise ValueError(f"{option} must not name {path}, which is read")
            if source.is_dir() and (_same(path.resolve().parent, source) or _is_in(path, source)):
                raise ValueError(f"{option} must not name {path}: the folder {source} is read")
        for other, taken in before.items():
            if _same(path, taken):
                raise ValueError(f"{option} and {other} must not name the same file {path}")
        before[option] = path


def text_folders(path: Path) -> list[Path]:
    """Return what is read of a file or a folder of texts."""
    return [path, *(base / name for base in (path, path / "test") for name in FOLDERS if (base / name).is_dir())]


def _same(a: Path, b: Path) -> bool:
    if a.exists() and b.exists():
        return a.samefile(b)
    return a.resolve() == b.resolve()


def _is_in(path: Path, folder: Path) -> bool:
    """Whether a file is one of a folder's under another name."""
    return path.is_file() and any(path.samefile(file) for file in folder.iterdir() if file.is_file())
