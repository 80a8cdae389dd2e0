"""The reference of the instruction set, ``docs/isa.md``, made from the code that defines it."""

import enum
import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import accumulate

from spec import isa, rules
from spec.memories import Memory, Word
from spec.operands import OPERANDS, Operand, When
from spec.param_record import PARAM_BITS

__all__ = ["isa_reference"]

_INSTRUCTION_BITS = 8 * isa.INSTRUCTION_BYTES
_OPCODE_BITS = 4

_INTRODUCTION = f"""\
# Instruction set

Written by `make docs`; do not edit. Version {isa.ISA_VERSION}.

An instruction is {isa.INSTRUCTION_BYTES} bytes, little-endian. Reserved bits are ignored. What instructions compute
stands in [architecture.md](architecture.md)."""

_OPERANDS = """\
What instructions read and write, in the order in which it is checked. Addresses and strides count words, except those
of memory, which count bytes. Tables have numbers, and statistics have a place for each of `acc_depth` rows."""

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
        _operands_section(),
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
    offsets = accumulate(PARAM_BITS.values(), initial=0)
    places = zip(PARAM_BITS.items(), offsets, strict=False)
    rows = [(_bits(offset, width), f"`{name}`", width, "signed") for (name, width), offset in places]
    return f"## Parameter record\n\nEight bytes, little-endian:\n\n{_table(('bits', 'field', 'width', 'type'), rows)}"


def _errors_section() -> str:
    table = _table(("code", "name"), [(int(code), f"`{code.name}`") for code in isa.ErrorCode])
    causes = "Causes and addresses of all errors stand in [architecture.md](architecture.md#errors)."
    return f"## Errors\n\n{table}\n\n{causes}\n\n### Checks\n\n{_markdown(rules)}"


def _operands_section() -> str:
    names = ("opcode", "operand", "memory", "from", "rows", "stride", "a row", "access")
    rows = [(opcode.name, *_operand_row(operand)) for opcode, listed in OPERANDS.items() for operand in listed]
    on_chip = (Memory.SCRATCHPAD, Memory.VECTOR, Memory.PARAMS, Memory.TABLES)
    words = _table(("memory", "a word"), [(memory.value, _word(memory.word)) for memory in on_chip])
    return f"## Operands\n\n{_OPERANDS}\n\n{_table(names, rows)}\n\n{words}"


def _operand_row(operand: Operand) -> tuple[str, ...]:
    """Return name, memory, first word, rows, stride, what a row is, and access."""
    conditions = " or ".join(map(_condition, operand.when))
    access = " and ".join(name for name, is_so in (("read", operand.reads), ("written", operand.writes)) if is_so)
    if operand.in_place:
        access += f"; written, too, if {_condition(operand.in_place)}"
    return (
        f"{operand.name}, if {conditions}" if conditions else operand.name,
        operand.memory.value,
        _quantity(operand.first),
        _quantity(operand.rows),
        _quantity(operand.stride) if operand.stride else "" if operand.rows == 1 else "dense",
        _row(operand),
        access,
    )


def _row(operand: Operand) -> str:
    unit = f" of {_word(operand.unit)}" if operand.memory is Memory.MAIN else ""
    if operand.values:
        return f"{_quantity(operand.values)} values in whole words{unit}"
    if operand.scale != 1:
        return f"{operand.scale} words"
    return f"{_quantity(operand.words)} word{'' if operand.words == 1 else 's'}{unit}"


def _word(word: Word) -> str:
    return f"{_quantity(word.count)} x {word.value_bytes} byte{'' if word.value_bytes == 1 else 's'}"


def _quantity(quantity: str | int) -> str:
    return f"`{quantity}`" if isinstance(quantity, str) else str(quantity)


def _condition(when: When) -> str:
    if when.value is None:
        return f"`{when.field}`"
    return f"`{when.field}` is {'not ' if when.other else ''}{when.value.name}"


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
