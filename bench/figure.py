"""One measured number and what it should be."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Figure"]

_RELATIONS = (">= ", "<= ")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number, its unit, and the target it is held against.

    Parameters
    ----------
    value : float
        As measured.
    unit : str
        Of value and target.
    command : str
        What measures it again.
    target : str, optional
        ``">= 97"`` or ``"<= 1.02"``.

    Raises
    ------
    ValueError
        If the target is not of this form.
    """

    value: float
    unit: str
    command: str
    target: str | None = None

    def __post_init__(self) -> None:
        if self.target is not None and not self.target.startswith(_RELATIONS):
            raise ValueError(f"target must begin with '>= ' or '<= ', not {self.target!r}")

    @property
    def met(self) -> bool | None:
        """Whether the value is at its target or beyond; None without a target."""
        if self.target is None:
            return None
        relation, limit = self.target.split()
        return self.value >= float(limit) if relation == ">=" else self.value <= float(limit)

    def to_json(self) -> dict[str, Any]:
        """The entry in ``results/bench.json``."""
        entry = asdict(self)
        return {name: entry[name] for name in ("value", "unit", "target")} | {"met": self.met, "command": self.command}
