"""The one place where a malformed file becomes one line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from files.one_line import one_line

__all__ = ["loading"]

_LONGEST_REASON = 300
"""Characters: a reason may quote the file."""


@contextmanager
def loading(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Turn whatever happens while a file is read into one ``ValueError`` of one line; an ``OSError`` stays one.

    A reader checks what its result must be, and leaves it to this what else may go wrong in a file of any bytes.

    Parameters
    ----------
    path : path
        The file.
    what : str
        What it should be, such as ``"a SystoLM program"``.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        For every other exception inside: the file, what it is not, and the reason.
    """
    try:
        yield
        return
    except OSError:
        raise
    except KeyError as error:
        reason = f"{error} is missing"
    except RecursionError:
        reason = "it is nested too deeply"
    except MemoryError:
        reason = "it is larger than the memory"
    except Exception as error:  # any kind: what foreign readers raise is not theirs to choose
        reason = str(error).partition("\n")[0] or type(error).__name__
    reason = one_line(reason)
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[: _LONGEST_REASON - 3]}..."
    raise ValueError(f"{os.fspath(path)} is not {what}: {reason}")
