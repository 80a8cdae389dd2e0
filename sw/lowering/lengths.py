"""One program for texts of any length, out of those for some."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from spec.isa import Instruction, fields_of
from spec.program import Patch, Program

__all__ = ["TOKENS", "for_all_lengths", "telling_lengths"]

TOKENS = "tokens"
"""The variable of such a program."""

_TOKEN_FIELDS = ("wait", "signal")


def telling_lengths(program: Program, longest: int) -> list[int]:
    """Return lengths at which whatever may depend on the length is told apart: steps of one token and of one word."""
    steps = {1, 2, *(at + 1 for per, _ in _forms(program) for at in (per, 2 * per)), longest - 1, longest}
    return sorted(length for length in steps if 1 <= length <= longest)


def for_all_lengths(programs: Mapping[int, Program]) -> Program:
    """Return the program for the greatest length with patches that make it those for all shorter ones.

    A field of an instruction may be the same at all lengths, or rise evenly with the tokens or with the words of a row
    that holds a byte or an int16 of each. Tokens between the engines are those of the greatest length, which touches
    all words that the others do.

    Parameters
    ----------
    programs : mapping of int to Program
        By length, at least those of :func:`telling_lengths`.

    Raises
    ------
    ValueError
        If the programs differ in anything else.
    """
    longest = max(programs)
    whole = programs[longest]
    versions = {length: list(program) for length, program in programs.items()}
    for length, version in versions.items():
        if [type(i) for i in version] != [type(i) for i in versions[longest]]:
            raise ValueError(f"texts of {length} and {longest} tokens take other instructions")
    patches: list[Patch] = []
    code = bytearray()
    for index, instruction in enumerate(versions[longest]):
        base = instruction
        for patch in _patches(whole, index, {length: version[index] for length, version in versions.items()}):
            patches.append(patch)
            base = replace(base, **{patch.field: getattr(base, patch.field) - patch.added(longest)})
        code += base.encode()
    return replace(
        whole,
        instructions=np.frombuffer(bytes(code), np.uint8),
        variables={TOKENS: (1, longest)},
        patches=tuple(patches),
        metadata={name: value for name, value in whole.metadata.items() if name != "length"},
    )


def _patches(program: Program, index: int, versions: Mapping[int, Instruction]) -> Iterator[Patch]:
    """Yield the patches of one instruction."""
    first, last = versions[min(versions)], versions[max(versions)]
    for name, _, _ in fields_of(type(last)):
        values = {length: getattr(instruction, name) for length, instruction in versions.items()}
        if name in _TOKEN_FIELDS or len(set(values.values())) == 1:
            continue
        rise = getattr(last, name) - getattr(first, name)
        for per, plus in _forms(program):
            steps = Patch(index=index, field=name, variable=TOKENS, per=per, plus=plus)
            over = steps.added(max(values)) - steps.added(min(values))
            if not over or rise % over:
                continue
            patch = replace(steps, scale=rise // over)
            if len({value - patch.added(length) for length, value in values.items()}) == 1:
                yield patch
                break
        else:
            label = program.labels[index] if program.labels else f"instruction {index}"
            raise ValueError(f"{name} of {label} does not rise evenly with the length")


def _forms(program: Program) -> list[tuple[int, int]]:
    """Return ``per`` and ``plus`` of patches: with tokens, or with words that hold some."""
    config = program.config
    return [(1, 0), *((per, per - 1) for per in sorted({config.rows, config.lanes}) if per > 1)]
