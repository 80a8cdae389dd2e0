"""What ends a command with a status of its own."""

__all__ = ["Failure"]


class Failure(Exception):  # noqa: N818  # nothing went wrong in the command itself
    """A command must end with this line and this status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
