"""Contents of the memories of emitted Verilog before the first clock."""

import re

__all__ = ["fill_memories"]

_MEMORY = re.compile(r"^  reg (?:\[(\d+):0\])? *(\S+) +\[(\d+):0\];\n(?!  initial )", re.MULTILINE)
_DRAW_BITS = 32


def fill_memories(verilog: str, seed: int) -> tuple[str, int]:
    """Fill each memory without contents at random; return the new text, and the number of these memories."""
    count = 0

    def fill(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        top, name, last = match.groups()
        draws = int(top or 0) // _DRAW_BITS + 1
        place, state = f"fill_place_{count}", f"fill_state_{count}"
        return (
            f"{match[0]}  integer {place}, {state};\n  initial begin\n    {state} = {1000 * seed + count};\n"
            f"    for ({place} = 0; {place} <= {last}; {place} = {place} + 1)\n"
            f"      {name} [{place}] = {{{', '.join([f'$random({state})'] * draws)}}};\n  end\n"
        )

    return _MEMORY.sub(fill, verilog), count
