"""Division of the function that simulates a cycle, which compilers take very long for as a whole."""

import re
from collections.abc import Iterator

__all__ = ["split_eval"]

_EVAL = "bool p_systolm::eval(performer *performer) {\n"
_DECLARATION = re.compile(r"\t(value<\d+>) (\w+);")
_NAME = re.compile(r"\b[ip]_\w+")
_CLOCK_EDGE = re.compile(r"\tbool (posedge_\w+) = .*;")
_MEMBERS = "\tvoid reset() override;\n"


def split_eval(source: str, header: str, pieces: int) -> tuple[list[str], str]:
    """Make functions of about equal length from ``eval`` of a design in C++.

    Parameters
    ----------
    source, header : str
        What ``write_cxxrtl -header`` has written for a module ``systolm``.
    pieces : int
        Functions wanted.

    Returns
    -------
    sources : list of str
        First what stays, then one source for each function.
    header : str
        With the functions, and the variables that more than one of them uses, as members of the design.
    """
    before, rest = source.split(_EVAL)
    body, after = rest.split("\n}\n", 1)
    types: dict[str, str] = {}
    statements = []
    for statement in _statements(body):
        if found := _DECLARATION.fullmatch(statement):
            types[found[2]] = found[1]
        else:
            statements.append(statement)
    # What stays are the first statement, those for the clocks' edges, and the last: they handle `converged`.
    edges = [found[1] for statement in statements if (found := _CLOCK_EDGE.fullmatch(statement))]
    opening_length = 1 + len(edges)
    opening, closing = statements[:opening_length], statements[-1]
    chunks = _chunks(statements[opening_length:-1], pieces)
    used = [set(_NAME.findall(chunk)) for chunk in chunks]
    shared = {name for name in types if sum(name in names for names in used) > 1}

    functions = [f"eval_{i}" for i in range(len(chunks))]
    parameters = ", ".join(f"bool {edge}" for edge in edges)
    calls = [f"\t{function}({', '.join(edges)});" for function in functions]
    sources = [before + _EVAL + "\n".join([*opening, *calls, closing]) + "\n}\n" + after]
    for function, chunk, names in zip(functions, chunks, used, strict=True):
        variables = "".join(f"\t{types[v]} {v};\n" for v in types if v in names and v not in shared)
        code = _NAME.sub(lambda name: _member(name[0]) if name[0] in shared else name[0], chunk)
        definition = f"void p_systolm::{function}({parameters}) {{\n{variables}{code}\n}}\n"
        sources.append(f"{_opening(before)}\n{definition}\n}}\n")
    members = [f"\t{types[v]} {_member(v)};\n" for v in types if v in shared]
    members += [f"\tvoid {function}({parameters});\n" for function in functions]
    return sources, header.replace(_MEMBERS, "".join(members) + _MEMBERS)


def _member(name: str) -> str:
    """Return a name that is not taken: debug information brings members with the names of variables."""
    return f"shared_{name}"


def _statements(body: str) -> Iterator[str]:
    """Yield the statements of the function's outermost level, without comments."""
    lines: list[str] = []
    for line in body.split("\n"):
        if line.lstrip().startswith("//"):
            continue
        lines.append(line)
        # Statements are indented by one tab; those of several lines end with a brace there.
        if (line.endswith(";") and len(lines) == 1) or line == "\t}":
            yield "\n".join(lines)
            lines = []


def _chunks(statements: list[str], count: int) -> list[str]:
    """Join neighbours to at most ``count`` texts of about equal length."""
    target = sum(map(len, statements)) / count
    chunks: list[list[str]] = [[]]
    length = 0
    for statement in statements:
        if length > target * len(chunks):
            chunks.append([])
        chunks[-1].append(statement)
        length += len(statement)
    return ["\n".join(chunk) for chunk in chunks]


def _opening(before: str) -> str:
    """Return the beginning of the source, up to where the design's namespace is open."""
    opening = "namespace cxxrtl_design {\n"
    return before[: before.index(opening) + len(opening)] + "\n"
