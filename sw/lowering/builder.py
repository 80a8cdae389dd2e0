"""Collects instructions in program order and adds all that follows from them: loads, weight stream and tokens."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spec.config import AcceleratorConfig
from spec.isa import INSTRUCTION_BYTES, Drain, Gemm, Halt, Load, LoadTarget, Stream
from spec.memories import TABLE_GROUPS
from spec.program import Program, Region
from sw.lowering.dependencies import add_tokens
from sw.lowering.ring import Ring
from sw.lowering.steps import Resident, Step

__all__ = ["Builder", "NoRoomError"]

MAX_STREAM_WORDS = 1 << 24
"""A STREAM's count is below this."""

LOOKAHEAD = 64
"""Instructions by which a constant is loaded ahead of its first use, if there is room."""


_NAMES = {target: target.name.lower().replace("_", " ") for target in LoadTarget}


class NoRoomError(ValueError):
    """More constants are in use at the same time than the chip holds."""


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
        self._steps: list[Step] = []
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
        return len(self._steps)

    def emit(self, step: Step) -> None:
        """Append a step."""
        self._steps.append(step)

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
        instructions = [*add_tokens(self.config, [step.instruction for step in streamed]), Halt()]
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
            labels=(*(step.label for step in streamed), "halt"),
        )

    def _place_constants(self) -> list[Step]:
        """Put a LOAD for each resident constant well before its first use and fill in its place.

        None stands between a GEMM and its DRAIN: if it waited there, with its queue full, it would keep the DRAIN from
        the banks that the GEMM needs.
        """
        uses = self._uses()
        waiting = list(uses)
        places: dict[Resident, int] = {}
        placed: list[Step] = []
        closed = self._drains()
        for now, step in enumerate(self._steps):
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
                placed.append(
                    Step(_load(resident, place), f"{self._steps[first].label}.load {_NAMES[resident.target]}")
                )
            fields = {name: places[b.resident] + b.offset for name, b in step.bindings.items()}
            placed.append(dataclasses.replace(step, instruction=dataclasses.replace(step.instruction, **fields)))
        return placed

    def _drains(self) -> dict[int, int]:
        """Of each GEMM and what stands between it and its DRAIN: the DRAIN's place for the GEMM, -1 for the others."""
        places: dict[int, int] = {}
        gemm = -1
        for now, step in enumerate(self._steps):
            if isinstance(step.instruction, Gemm):
                gemm = now
            elif isinstance(step.instruction, Drain):
                places |= dict.fromkeys(range(gemm + 1, now + 1), -1) | {gemm: now}
        return places

    def _uses(self) -> dict[Resident, tuple[int, int]]:
        """First and last use of each resident constant, in order of first use."""
        uses: dict[Resident, tuple[int, int]] = {}
        for now, step in enumerate(self._steps):
            for binding in step.bindings.values():
                first, _ = uses.get(binding.resident, (now, now))
                uses[binding.resident] = first, now
        return uses

    def _add_streams(self, steps: Sequence[Step]) -> list[Step]:
        """Put a STREAM before the first GEMM of each stretch of weights that stand one behind the other."""
        streamed: list[Step] = []
        # Whole bus words, so that the next STREAM begins at one.
        limit = MAX_STREAM_WORDS - self.config.bus_bytes
        stream, opened, room, end = Stream(), -1, 0, -1
        for step in steps:
            gemm = step.instruction
            if isinstance(gemm, Gemm) and not gemm.b_scratchpad:
                addr = self._weights_base + step.weights_addr
                words = -(-gemm.n // self.config.cols) * self.config.cols * gemm.k_tiles
                if addr != end:
                    room = 0
                while words:
                    if not room:
                        stream, opened, room = Stream(mem_addr=addr), len(streamed), limit
                        streamed.append(Step(stream, f"{step.label}.weights"))
                    taken = min(words, room)
                    stream = dataclasses.replace(stream, count=stream.count + taken)
                    streamed[opened] = dataclasses.replace(streamed[opened], instruction=stream)
                    words, room, addr = words - taken, room - taken, addr + taken * self.config.rows
                end = addr
            streamed.append(step)
        return streamed


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
