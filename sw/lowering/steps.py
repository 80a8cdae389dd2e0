"""Steps of a program before tokens, loads and the weight stream are added."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spec.isa import Instruction, LoadTarget

__all__ = ["Binding", "Resident", "Step"]


@dataclass(frozen=True, eq=False)
class Resident:
    """A constant in memory that stands on the chip from its first use to its last.

    Parameters
    ----------
    target : LoadTarget
    mem_addr : int
        Byte address, a multiple of the bus width.
    units : int
        Words of the target; tables for TABLE.
    not_before : int
        Place in the program before which it must not be loaded, because something else stands there.
    """

    target: LoadTarget
    mem_addr: int
    units: int
    not_before: int = 0


@dataclass(frozen=True)
class Binding:
    """A field that gets the place of a resident constant, plus ``offset`` units."""

    resident: Resident
    offset: int = 0


@dataclass(frozen=True)
class Step:
    """An instruction, and what it is a part of.

    Parameters
    ----------
    instruction : Instruction
        Without tokens.
    label : str
        Operator and part, such as ``layers.2.attention.3.scores``.
    bindings : mapping of str to Binding
        Fields of the instruction that depend on where constants are loaded.
    weights_addr : int
        Where the tiles stand that a GEMM takes from the weight stream.
    """

    instruction: Instruction
    label: str = ""
    bindings: Mapping[str, Binding] = field(default_factory=dict)
    weights_addr: int = 0
