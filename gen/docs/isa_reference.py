"""The reference of the instruction set, ``docs/isa.md``, made from the code that defines it."""

import enum
import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

from hw.layouts import param_record
from spec import isa, rules

__all__ = ["isa_reference"]

_INSTRUCTION_BITS = 8 * isa.INSTRUCTION_BYTES
_OPCODE_BITS = 4

_INTRODUCTION = f"""\
# Instruction set

Written by `make docs`; do not edit. Version {isa.ISA_VERSION}.

An instruction is {isa.INSTRUCTION_BYTES} bytes, little-endian. Reserved bits are ignored. What instructions compute
stands in [architecture.md](architecture.md)."""

_INSTRUCTIONS = (isa.Halt, isa.Load, isa.Stream, isa.Gemm, isa.Drain, isa.Sweep)
_FIELD_ENUMS = (isa.LoadTarget, isa.Destination, isa.ParamMode, isa.SecondStage, isa.Stats, isa.SweepKind)


def isa_reference() -> str:
    """Return the whole reference as Markdown."""
    sections = [
        _INTRODUCTION,
        *map(_instruction_section, _INSTRUCTIONS),
        "## Values of fields",
        *map(_enum_section, _FIELD_ENUMS),
        _tokens_section(),
        _param_section(),
        _errors_section(),
    ]
    return "\n\n".join(sections) + "\n"


def _instruction_section(cls: type[isa.Instruction]) -> str:
    engine = f"engine {cls.engine.name}" if cls.engine is not None else "no engine"
    rows = [(_bits(0, _OPCODE_BITS), "`opcode`", _OPCODE_BITS, "unsigned", str(int(cls.opcode)))]
    offset = _OPCODE_BITS
    for field in fields(cls):
        width, doc = field.metadata["width"], field.metadata["doc"]
        kind = "signed" if field.metadata["signed"] else "unsigned"
        rows.append((_bits(offset, width), f"`{field.name}`", width, kind, doc))
        offset += width
    rows.append((_bits(offset, _INSTRUCTION_BITS - offset), "reserved", _INSTRUCTION_BITS - offset, "", ""))
    table = _table(("bits", "field", "width", "type", "meaning"), rows)
    return f"## {cls.opcode.name}\n\n{_markdown(cls)}\n\nOpcode {int(cls.opcode)}, {engine}.\n\n{table}"


def _enum_section(kind: type[enum.IntEnum]) -> str:
    remarks = _remarks(kind)
    rows = [(int(member), f"`{member.name}`", remarks.get(member.name, "")) for member in kind]
    return f"### {kind.__name__}\n\n{_markdown(kind)}\n\n{_table(('value', 'name', 'meaning'), rows)}"


def _tokens_section() -> str:
    table = _table(("bit", "engine"), [(int(engine), f"`{engine.name}`") for engine in isa.Engine])
    return f"## Tokens\n\nBits of `wait` and `signal`:\n\n{table}"


def _param_section() -> str:
    rows = [(_bits(field.offset, field.width), f"`{name}`", field.width, "signed") for name, field in param_record]
    return f"## Parameter record\n\nEight bytes, little-endian:\n\n{_table(('bits', 'field', 'width', 'type'), rows)}"


def _errors_section() -> str:
    table = _table(("code", "name"), [(int(code), f"`{code.name}`") for code in isa.ErrorCode])
    causes = "Causes and addresses of all errors stand in [architecture.md](architecture.md#errors)."
    return f"## Errors\n\n{table}\n\n{causes}\n\n### Checks\n\n{_markdown(rules)}"


def _bits(offset: int, width: int) -> str:
    return str(offset) if width == 1 else f"{offset + width - 1}:{offset}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    def lines() -> Iterator[str]:
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        for row in rows:
            yield "| " + " | ".join(map(str, row)) + " |"

    return "\n".join(lines())


def _markdown(documented: object) -> str:
    """Return a docstring; reStructuredText's double backticks become Markdown's single ones."""
    return re.sub("`+", "`", inspect.getdoc(documented) or "")


def _remarks(kind: type[enum.IntEnum]) -> dict[str, str]:
    """Return the comments beside the members in the source, which say what the values mean."""
    return {name: re.sub("`+", "`", text) for name, text in re.findall(r"(\w+) = \d+  # (.*)", inspect.getsource(kind))}
