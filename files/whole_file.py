"""Files that are never half written, and never in the place of something else."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_outputs", "write_together", "write_whole"]

_PROBE = bytes(1 << 16)
"""What must fit the disk before the work begins."""

_OPEN_FILES = Path("/proc")
"""Links below, to which /dev/stdout leads, stand for what is open already, whatever they say."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all.

    A link stays and leads to the new content. A pipe or a terminal is written to.

    Raises
    ------
    OSError
        If it cannot be written; ``filename`` is ``path``.
    """
    write_together({path: content})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write several files, all of them or none, as :func:`write_whole` does one."""
    neighbours: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            with _named(path):
                target = _target(path)
                if target is not None:
                    neighbours[path] = _write_neighbour(target, content)
        for path, content in files.items():
            with _named(path):
                target = _target(path)
                if target is None:
                    _write_through(path, content)
                else:
                    neighbours[path].replace(target)
    finally:
        for neighbour in neighbours.values():
            neighbour.unlink(missing_ok=True)


def check_outputs(*outputs: Path | None) -> None:
    """Find out before the work whether its results can be written; the folders are made if need be.

    Parameters
    ----------
    *outputs : Path or None
        Where :func:`write_whole` will write; None where nothing is wanted.

    Raises
    ------
    OSError
        If one cannot be written; ``filename`` is its path.
    ValueError
        If two of them are one file.
    """
    wanted = [path for path in outputs if path is not None]
    for path in wanted:
        with _named(path):
            target = _target(path)
            if target is None:
                if not os.access(path, os.W_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
                continue
            _make_folder(target.parent)
            _write_neighbour(target, _PROBE).unlink()
    places = [target for path in wanted if (target := _target(path))]
    if len(set(places)) < len(places):
        raise ValueError(f"outputs must be different files, not {' and '.join(map(str, wanted))}")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors name the user's file instead of a temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno:
            error.filename, error.filename2 = str(path), None
        raise


def _target(path: Path) -> Path | None:
    """Return the regular file that is to be there, behind all links; None for what is written through.

    Raises
    ------
    OSError
        If there is something that cannot be written to.
    """
    seen = {path.absolute()}
    while path.is_symlink() and not _is_open_file(path):
        path = path.parent / path.readlink()
        if path.absolute() in seen:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        seen.add(path.absolute())
    mode = path.stat().st_mode if path.exists() else stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise OSError(errno.EINVAL, "must be a file, not a disk or a socket")
    return path.resolve() if stat.S_ISREG(mode) and not _is_open_file(path) else None


def _is_open_file(path: Path) -> bool:
    return _OPEN_FILES in path.parent.resolve().parents


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _write_neighbour(target: Path, content: bytes) -> Path:
    """Write a file beside the one that it will replace, with its permissions."""
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:64]}.")
    neighbour = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if target.exists():
            shutil.copymode(target, neighbour)
        else:
            neighbour.chmod(0o666 & ~_umask())
    except BaseException:
        neighbour.unlink()
        raise
    return neighbour


def _write_through(path: Path, content: bytes) -> None:
    # Behind what is there: standard output may be a file with something in it.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY), "wb") as file:
        file.write(content)


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
