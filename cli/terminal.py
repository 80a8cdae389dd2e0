"""The console that commands print on."""

from rich.console import Console

__all__ = ["Terminal"]


class Terminal(Console):
    """A console that colors no numbers, wraps no lines of its own accord and lets a closed pipe end the command.

    Parameters
    ----------
    stderr : bool
        Print on standard error.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(highlight=False, soft_wrap=True, stderr=stderr)

    def on_broken_pipe(self) -> None:
        """Pass the error on, where rich would end the process with status 1."""
        raise  # noqa: PLE0704  # rich calls this where it handles the error
