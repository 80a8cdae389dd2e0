"""Collects instructions in program order and adds all that follows from them: loads, weight stream and tokens."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.isa import INSTRUCTION_BYTES, Drain, Gemm, Halt, Instruction, Load, LoadTarget, Stream
from spec.program import Program, Region
from sw.lowering.accesses import TABLE_GROUPS
from sw.lowering.dependencies import add_tokens
from sw.lowering.ring import Ring

__all__ = ["Binding", "Builder", "NoRoomError", "Resident"]

MAX_STREAM_WORDS = 1 << 24
"""A STREAM's count is below this."""

LOOKAHEAD = 64
"""Instructions by which a constant is loaded ahead of its first use, if there is room."""


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


class NoRoomError(ValueError):
    """More constants are in use at the same time than the chip holds."""


NONE: Mapping[str, Binding] = {}


@dataclass(frozen=True)
class _Entry:
    instruction: Instruction
    bindings: Mapping[str, Binding]
    weights_addr: int


class Builder:
    """A program in the making; data flows one way, from :meth:`emit` calls to :meth:`finish`.

    Parameters
    ----------
    config : AcceleratorConfig
    weights_base : int
        Added to the addresses of streamed weights.
    ring_words : range
        Scratchpad words for constants that are loaded there.
    """

    def __init__(self, config: AcceleratorConfig, *, weights_base: int, ring_words: range) -> None:
        self.config = config
        self._weights_base = weights_base
        self._entries: list[_Entry] = []
        params = Ring(0, config.param_words)
        self._rings = {
            LoadTarget.PARAM: params,
            LoadTarget.PARAM_BROADCAST: params,
            LoadTarget.TABLE: Ring(0, config.tables),
            LoadTarget.SCRATCHPAD: Ring(ring_words.start, len(ring_words)),
        }

    @property
    def position(self) -> int:
        """Place of the next instruction, for :attr:`Resident.not_before`."""
        return len(self._entries)

    def emit(self, instruction: Instruction, bindings: Mapping[str, Binding] = NONE, *, weights_addr: int = 0) -> None:
        """Append an instruction.

        Parameters
        ----------
        instruction : Instruction
            Without tokens.
        bindings : mapping of str to Binding
            Fields of the instruction that depend on where constants are loaded.
        weights_addr : int
            Where the tiles stand that a GEMM takes from the weight stream.
        """
        self._entries.append(_Entry(instruction, bindings, weights_addr))

    def finish(
        self,
        *,
        constants: NDArray[np.uint8],
        inputs: dict[str, Region],
        outputs: dict[str, Region],
        macs: int,
        metadata: dict[str, str],
    ) -> Program:
        """Return the program: constants at address 0, regions where they say, instructions behind everything.

        Raises
        ------
        NoRoomError
            If constants that are used at the same time do not fit their memory.
        """
        placed = self._place_constants()
        streamed = self._add_streams(placed)
        instructions = [*add_tokens(self.config, streamed), Halt()]
        end = max([constants.size, *(r.addr + r.nbytes for r in [*inputs.values(), *outputs.values()])])
        address = end + -end % self.config.bus_bytes
        code = b"".join(instruction.encode() for instruction in instructions)
        return Program(
            config=self.config,
            instructions=np.frombuffer(code, np.uint8),
            instructions_addr=address,
            constants=constants,
            constants_addr=0,
            inputs=inputs,
            outputs=outputs,
            memory_bytes=address + len(instructions) * INSTRUCTION_BYTES,
            macs=macs,
            metadata=metadata,
        )

    def _place_constants(self) -> list[_Entry]:
        """Put a LOAD for each resident constant well before its first use and fill in its place.

        None stands between a GEMM and its DRAIN: if it waited there, with its queue full, it would keep the DRAIN from
        the banks that the GEMM needs.
        """
        uses = self._uses()
        waiting = list(uses)
        places: dict[Resident, int] = {}
        placed: list[_Entry] = []
        closed = self._drains()
        for now, entry in enumerate(self._entries):
            urgent = closed.get(now, now)
            while waiting and urgent >= now:
                resident = waiting[0]
                first, last = uses[resident]
                if first > urgent and max(first - LOOKAHEAD, resident.not_before) > now:
                    break
                place = self._rings[resident.target].take(resident.units, now=now, last_use=last)
                if place is None:
                    if first <= urgent:
                        raise NoRoomError(_no_room(self.config, resident))
                    break
                places[waiting.pop(0)] = place
                placed.append(_Entry(_load(resident, place), {}, 0))
            fields = {name: places[b.resident] + b.offset for name, b in entry.bindings.items()}
            placed.append(dataclasses.replace(entry, instruction=dataclasses.replace(entry.instruction, **fields)))
        return placed

    def _drains(self) -> dict[int, int]:
        """Of each GEMM and what stands between it and its DRAIN: the DRAIN's place for the GEMM, -1 for the others."""
        places: dict[int, int] = {}
        gemm = -1
        for now, entry in enumerate(self._entries):
            if isinstance(entry.instruction, Gemm):
                gemm = now
            elif isinstance(entry.instruction, Drain):
                places |= dict.fromkeys(range(gemm + 1, now + 1), -1) | {gemm: now}
        return places

    def _uses(self) -> dict[Resident, tuple[int, int]]:
        """First and last use of each resident constant, in order of first use."""
        uses: dict[Resident, tuple[int, int]] = {}
        for now, entry in enumerate(self._entries):
            for binding in entry.bindings.values():
                first, _ = uses.get(binding.resident, (now, now))
                uses[binding.resident] = first, now
        return uses

    def _add_streams(self, entries: Sequence[_Entry]) -> list[Instruction]:
        """Put a STREAM before the first GEMM of each stretch of weights that stand one behind the other."""
        instructions: list[Instruction] = []
        # Whole bus words, so that the next STREAM begins at one.
        limit = MAX_STREAM_WORDS - self.config.bus_bytes
        stream, opened, room, end = Stream(), -1, 0, -1
        for entry in entries:
            gemm = entry.instruction
            if isinstance(gemm, Gemm) and not gemm.b_scratchpad:
                addr = self._weights_base + entry.weights_addr
                words = -(-gemm.n // self.config.cols) * self.config.cols * gemm.k_tiles
                if addr != end:
                    room = 0
                while words:
                    if not room:
                        stream, opened, room = Stream(mem_addr=addr), len(instructions), limit
                        instructions.append(stream)
                    taken = min(words, room)
                    instructions[opened] = stream = dataclasses.replace(stream, count=stream.count + taken)
                    words, room, addr = words - taken, room - taken, addr + taken * self.config.rows
                end = addr
            instructions.append(gemm)
        return instructions


def _load(resident: Resident, place: int) -> Load:
    scale = TABLE_GROUPS if resident.target == LoadTarget.TABLE else 1
    return Load(target=resident.target, addr=place * scale, count=resident.units * scale, mem_addr=resident.mem_addr)


def _no_room(config: AcceleratorConfig, resident: Resident) -> str:
    match resident.target:
        case LoadTarget.TABLE:
            return f"tables must be larger than {config.tables}: one more is in use at the same time"
        case LoadTarget.SCRATCHPAD:
            return f"scratchpad_kib must be larger than {config.scratchpad_kib}: there is no room for an operand"
    return (
        f"param_words must be larger than {config.param_words}: "
        f"there is no room for {resident.units} more that are used at the same time"
    )
