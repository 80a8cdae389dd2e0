"""What is raised where a command is when it is told to stop."""

__all__ = ["Stopped"]


class Stopped(KeyboardInterrupt):
    """A signal asks the command to end; ``number`` is the signal's.

    Whoever keeps something on the way out says so with ``add_note``, for the line that the command ends with.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
