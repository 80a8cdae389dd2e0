"""Values that know when they are there."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Signal, Value

__all__ = ["Timed"]


@dataclass(frozen=True)
class Timed:
    """A value in a pipeline, and the stage in which it is there.

    Parameters
    ----------
    value : Value
    stage : int
        Stages count cycles, or beats where all registers wait for an enable.
    """

    value: Any
    stage: int

    def at(self, m: Module, stage: int, *, name: str, enable: Value | None = None) -> "Timed":
        """Return the same value in a later stage, behind a register for each stage between.

        Parameters
        ----------
        m : Module
            Where the registers go.
        stage : int
        name : str
            Of the registers.
        enable : Value, optional
            Ends a beat.

        Raises
        ------
        ValueError
            If the stage is earlier than the value's.
        """
        if stage < self.stage:
            raise ValueError(f"stage must be at least {self.stage}, not {stage!r}")
        value = self.value
        for _ in range(stage - self.stage):
            register = Signal.like(value, name=name, reset_less=True)
            if enable is None:
                m.d.sync += register.eq(value)
            else:
                with m.If(enable):
                    m.d.sync += register.eq(value)
            value = register
        return Timed(value, stage)
