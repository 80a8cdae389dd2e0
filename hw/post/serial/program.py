"""The microprogram: DRAIN, SWEEP and the arithmetic on rows, one value after the other.

Registers: ``A`` takes sums; ``B`` is added; ``M`` multiplies; ``C`` counts shifts and ``L`` loops; ``P`` points at a
record, ``V`` at the vector that is read, ``S`` at the byte or vector that is written; ``K`` counts what is left of a
row. Subroutines nest two deep.
"""

import enum
from typing import Any

from hw.config import AcceleratorConfig
from hw.post.serial.memory_map import RECORD_WORDS, ROW_WORDS, MemoryMap
from hw.post.serial.microcode import (
    VALUE_BITS,
    Access,
    Action,
    Alu,
    Assembler,
    Condition,
    Field,
    Register,
    Source,
)

__all__ = ["microprogram"]

_FACTOR_BITS = 18
_MEAN_FRACTION = 8
_LENGTH_BITS = 13
_INDEX_LIMIT = 2047
_REMAINDER_BIT = 31  # so that a quotient and its remainder do not share the two words of the quotient


class _Local(enum.IntEnum):
    """Local variables; those that begin as a field of the instruction have its number.

    Pairs are the low and high halves of one number, with the low one first.
    """

    DEST = 0  # of this tile
    LEFT = Field.N  # columns of this tile and those after it
    DEST_STEP = 2  # from row to row
    PARAM = 3  # of this tile
    COLUMNS = 4  # of this tile
    VECTOR = Field.VECTOR  # of this tile
    ROWS_LEFT = 6  # after this one
    ROW_DEST = 7
    PRE_SHIFT = Field.PRE_SHIFT
    SHIFT = Field.SHIFT
    ROW_VECTOR = 10
    ROW_PARAM = 11
    ROW_STATS = 12
    MUL = 13  # pair
    MEAN = 15  # pair
    VALUE = 17  # pair
    FRESH = 19  # rows' statistics start with this tile
    FINAL = 20  # the DRAIN to memory ends with this row
    SUM = 21  # pair
    SQUARES = 23  # three words
    NUMBER = 26  # three words
    ROOT = 29  # pair
    NEGATIVE = 31


class _Row(enum.IntEnum):
    """Words of a row."""

    A = 0
    B = 2
    MUL = 5
    TOTAL = 7
    MEAN = 8


class _Record(enum.IntEnum):
    """Words of a parameter record."""

    BIAS = 0
    MUL = 2
    MUL2 = 4


def microprogram(config: AcceleratorConfig) -> list[int]:
    """Return the words of the microprogram, which begins at address 0.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``cols``, ``rows`` and the memory map.
    """
    writer = _Writer(config)
    writer.write()
    return writer.words()


class _Writer(Assembler):
    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__()
        self._config, self._map = config, MemoryMap(config)
        self._bounds: list[str] = []
        self._row_byte_shift = (config.rows - 1).bit_length()

    def write(self) -> None:
        """Everything."""
        self._drain()
        self._sweep()
        self._row_job()
        self._common()

    # Idioms. An operand is a local variable, a field, or a number.

    def _read(self, local: int, **more: Any) -> None:
        self.op(access=Access.READ_LOCAL, index=local, **more)

    def _write(self, local: int, source: Source, **more: Any) -> None:
        self.op(access=Access.WRITE_LOCAL, index=local, source=source, **more)

    def _take(self, destination: Register, **more: Any) -> None:
        """What was read goes to a register."""
        self.op(source=Source.MEMORY, destination=destination, **more)

    def _constant(self, destination: Register, value: int, **more: Any) -> None:
        self.op(source=Source.IMMEDIATE, destination=destination, immediate=value, **more)

    def _field(self, destination: Register, field: Field, **more: Any) -> None:
        self.op(source=Source.FIELD, index=field, destination=destination, **more)

    def _go(self, target: str, condition: Condition = Condition.ALWAYS, **more: Any) -> None:
        self.op(target=target, condition=condition, **more)

    def _unless(self, target: str, condition: Condition, **more: Any) -> None:
        self.op(target=target, condition=condition, negate=True, **more)

    def _if_not_negative(self, target: str, alu: Alu) -> None:
        self.op(alu=alu)
        self._go(target, Condition.NOT_NEGATIVE)

    def _if_negative(self, target: str, alu: Alu) -> None:
        self.op(alu=alu)
        self._unless(target, Condition.NOT_NEGATIVE)

    def _call(self, target: str, condition: Condition = Condition.ALWAYS, **more: Any) -> None:
        self.op(target=target, condition=condition, call=True, **more)

    def _record(self, word: int, **more: Any) -> None:
        """A word of the record at P."""
        self.op(access=Access.READ_RECORD, index=word, **more)

    def _return(self, **more: Any) -> None:
        self.op(condition=Condition.RETURN, **more)

    def _load_b(self, local: int, **more: Any) -> None:
        """A pair into B."""
        self._read(local)
        self.op(access=Access.READ_LOCAL, index=local + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._take(Register.B_HIGH, **more)

    def _load_a(self, local: int) -> None:
        """A word into A."""
        self._read(local)
        self._take(Register.B_LOW, alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)

    def _load_a_pair(self, local: int) -> None:
        self._load_b(local, alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)

    def _store_a_pair(self, local: int, **more: Any) -> None:
        self._write(local, Source.A_LOW)
        self._write(local + 1, Source.A_HIGH, **more)

    def _factor(self) -> None:
        """The value in A becomes M, and A zero."""
        self.op(source=Source.A_LOW, destination=Register.M_LOW)
        self.op(source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR)

    def _repeat(self, times: int, **step: Any) -> None:
        """One step ``times`` times."""
        self._constant(Register.L, times)
        name = f"repeat_{len(self._steps)}"
        self.label(name)
        self._go(name, Condition.LOOP, **step)

    def _scale(self) -> None:
        """``round_shift(A + B * M, C)`` to A."""
        self.op(alu=Alu.MULTIPLY)
        self.op(alu=Alu.SHIFT)
        self.op(alu=Alu.ROUND)

    def _clip(self, name: str) -> None:
        """To the bounds of the instruction; in the wrong order they give the upper one."""
        self._field(Register.B_LOW, Field.CLIP_LOW)
        self.op(alu=Alu.COMPARE)
        self._field(
            Register.B_LOW, Field.CLIP_HIGH, target=f"low_{name}", condition=Condition.NOT_NEGATIVE, negate=True
        )
        self._if_not_negative(f"high_{name}", Alu.COMPARE)
        self.label(f"clipped_{name}")
        self._bounds.append(name)

    def _write_bounds(self) -> None:
        """What :meth:`_clip` does to values beyond."""
        for name in self._bounds:
            self.label(f"low_{name}")
            self._field(Register.B_LOW, Field.CLIP_LOW, alu=Alu.CLEAR)
            self._field(Register.B_LOW, Field.CLIP_HIGH, alu=Alu.ADD)
            self._if_negative(f"clipped_{name}", Alu.COMPARE)
            self.label(f"high_{name}")
            self.op(alu=Alu.CLEAR)
            self._go(f"clipped_{name}", alu=Alu.ADD)

    def _saturate(self) -> None:
        """To 18 bits."""
        self._call("saturate", Condition.OVERFLOW)

    def _add_to(self, place: int, *, local: int | None = None, **operand: Any) -> None:
        """Local variable += another, a field or a number; the sum stays in A."""
        self._read(place)
        self._take(Register.B_LOW, alu=Alu.CLEAR)
        if local is not None:
            self._read(local)
            operand = {"source": Source.MEMORY}
        self.op(alu=Alu.ADD, destination=Register.B_LOW, **operand)
        self.op(alu=Alu.ADD)
        self._write(place, Source.A_LOW)

    def _copy(self, local: int, source: int) -> None:
        self._read(source)
        self._write(local, Source.MEMORY)

    # DRAIN.

    def _drain(self) -> None:
        self.label("start")
        self._unless("start", Condition.INSTRUCTION)
        self._call("begin")
        self._go("sweep", Condition.SWEEP)
        for field in (Field.N, Field.VECTOR, Field.PRE_SHIFT, Field.SHIFT):
            self.op(access=Access.WRITE_LOCAL, source=Source.FIELD, index=field)
        self.op(access=Access.WRITE_LOCAL, index=_Local.FRESH, source=Source.IMMEDIATE, immediate=0)
        self._unless("tile", Condition.FIRST)
        self.op(access=Access.WRITE_LOCAL, index=_Local.FRESH, source=Source.IMMEDIATE, immediate=1)
        self._tiles()
        self._drain_row()
        self._drain_value()
        self._statistics()

    def _tiles(self) -> None:
        columns = self._config.cols
        self.label("tile")
        self._unless("tile", Condition.BANK)
        self._load_a(_Local.LEFT)
        self._constant(Register.B_LOW, columns, action=Action.FIRST_ROW)
        self._if_not_negative("whole_tile", Alu.COMPARE)
        self._write(_Local.COLUMNS, Source.A_LOW, target="rows", condition=Condition.ALWAYS)
        self.label("whole_tile")
        self.op(access=Access.WRITE_LOCAL, index=_Local.COLUMNS, source=Source.IMMEDIATE, immediate=columns)
        self.label("rows")
        self._copy(_Local.ROW_DEST, _Local.DEST)
        self._copy(_Local.ROW_VECTOR, _Local.VECTOR)
        self._copy(_Local.ROW_PARAM, _Local.PARAM)
        self._call("first_stats")
        self._go("drain_row")

        self.label("tile_ends")
        self.op(action=Action.FREE)
        self.op(access=Access.WRITE_LOCAL, index=_Local.FRESH, source=Source.IMMEDIATE, immediate=0)
        self._add_to(_Local.DEST, source=Source.IMMEDIATE, immediate=columns)
        self._add_to(_Local.VECTOR, source=Source.IMMEDIATE, immediate=columns)
        self._unless("same_records", Condition.COLUMN_RECORDS)
        self._add_to(_Local.PARAM, source=Source.IMMEDIATE, immediate=columns * RECORD_WORDS)
        self.label("same_records")
        self._add_to(_Local.LEFT, source=Source.IMMEDIATE, immediate=-columns)
        self._constant(Register.B_LOW, -1)
        self._if_not_negative("tile", Alu.ADD)
        self.label("drained")
        self._unless("drain_job", Condition.TO_MEMORY)
        self.label("written")
        self._unless("written", Condition.WRITTEN)
        self._go("done")
        self.label("drain_job")
        self._go("row_job", Condition.JOB)
        self.label("done")
        self._go("start", action=Action.DONE)

    def _drain_row(self) -> None:
        self.label("drain_row")
        self._call("row_scalars", Condition.ROW_SCALE)
        self._call("load_statistics", Condition.STATISTICS)
        self._call("find_final", Condition.TO_MEMORY)
        self._call("point")
        self._read(_Local.COLUMNS)
        self._take(Register.K, target="value", condition=Condition.ALWAYS)

        self.label("drain_row_ends")
        self._call("store_statistics", Condition.STATISTICS, action=Action.NEXT_ROW)
        self._unless("same_row_record", Condition.BY_ROW)
        self._add_to(_Local.ROW_PARAM, source=Source.IMMEDIATE, immediate=RECORD_WORDS)
        self.label("same_row_record")
        self._call("next_row")
        self._go("drain_row", Condition.NOT_NEGATIVE)
        self._go("tile_ends")

        # Whether this row is the last of the last tile.
        self.label("find_final")
        self._load_a(_Local.LEFT)
        self._constant(Register.B_LOW, -1 - self._config.cols)
        self._if_not_negative("not_final", Alu.ADD)
        self._load_a(_Local.ROWS_LEFT)
        self._constant(Register.B_LOW, -1)
        self._if_not_negative("not_final", Alu.ADD)
        self.op(access=Access.WRITE_LOCAL, index=_Local.FINAL, source=Source.IMMEDIATE, immediate=1)
        self._return()
        self.label("not_final")
        self.op(access=Access.WRITE_LOCAL, index=_Local.FINAL, source=Source.IMMEDIATE, immediate=0)
        self._return()

    def _drain_value(self) -> None:
        self.label("value")
        self._record(_Record.BIAS, action=Action.READ_ACCUMULATOR, alu=Alu.CLEAR)
        self._record(_Record.BIAS + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._take(Register.B_HIGH)
        self._field(Register.B_LOW, Field.ACCUMULATOR_LOW, alu=Alu.ADD)
        self._field(Register.B_HIGH, Field.ACCUMULATOR_HIGH)
        self._read(_Local.PRE_SHIFT, alu=Alu.ADD)
        self._take(Register.C, target="to_memory", condition=Condition.TO_MEMORY)
        self.op(alu=Alu.SHIFT)
        self.op(alu=Alu.ROUND)
        self._saturate()
        self._go("row_factor", Condition.ROW_SCALE, source=Source.A_LOW, destination=Register.M_LOW)
        self._record(_Record.MUL, source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR)
        self._record(_Record.MUL + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._read(_Local.SHIFT, source=Source.MEMORY, destination=Register.B_HIGH)
        self._take(Register.C)
        self.label("first_factor")
        self._scale()
        self._unless("clip_value", Condition.SECOND)
        self._saturate()
        self._go("residual", Condition.RESIDUAL)
        self.op(source=Source.A_LOW, destination=Register.M_LOW)
        self._call("second_factor", source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR)
        self._go("clip_value")
        self.label("residual")
        self._store_a_pair(_Local.VALUE, alu=Alu.CLEAR)
        self.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR)
        self._call("second_factor", source=Source.MEMORY, destination=Register.M_LOW)
        self._load_b(_Local.VALUE)
        self.op(alu=Alu.ADD)
        self.label("clip_value")
        self._clip("value")
        self._unless("result", Condition.TABLE)
        self._call("look_up")
        self.label("result")
        self._go("to_vector", Condition.TO_VECTOR)
        self.op(action=Action.STORE)
        self.label("next_value")
        self._unless("value", Condition.LAST, action=Action.NEXT_VALUE)
        self._go("drain_row_ends")
        self.label("to_vector")
        self.op(access=Access.WRITE_RESULT, source=Source.A_LOW, action=Action.NEXT_RESULT)
        self._call("gather", Condition.STATISTICS)
        self._go("next_value")

        self.label("row_factor")
        self._read(_Local.MUL, source=Source.A_HIGH, destination=Register.M_HIGH, alu=Alu.CLEAR)
        self._read(_Local.MUL + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._read(_Local.SHIFT, source=Source.MEMORY, destination=Register.B_HIGH)
        self._take(Register.C, target="first_factor", condition=Condition.ALWAYS)

        self.label("second_factor")
        self._record(_Record.MUL2)
        self._record(_Record.MUL2 + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._take(Register.B_HIGH)
        self._field(Register.C, Field.SECOND_SHIFT)
        self._scale()
        self._saturate()
        self._return()

        self.label("to_memory")
        self._unless("push", Condition.LAST)
        self._read(_Local.FINAL)
        self._go("push_last", Condition.ODD)
        self.label("push")
        self._unless("push", Condition.ACCEPTED, action=Action.PUSH)
        self._go("next_value")
        self.label("push_last")
        self._unless("push_last", Condition.ACCEPTED, action=Action.PUSH_LAST)
        self._go("next_value")

    def _statistics(self) -> None:
        self.label("load_statistics")
        self._read(_Local.ROW_STATS)
        self._take(Register.P)
        self._read(_Local.FRESH)
        self._go("fresh_statistics", Condition.ODD)
        for word in range(2):
            self._record(_Row.A + word)
            self._write(_Local.SUM + word, Source.MEMORY)
        for word in range(3):
            self._record(_Row.B + word)
            self._write(_Local.SQUARES + word, Source.MEMORY)
        self._return()
        self.label("fresh_statistics")
        self._go("fresh_sums", Condition.SUMS)
        self.op(access=Access.WRITE_LOCAL, index=_Local.SUM, source=Source.IMMEDIATE, immediate=-1 << 15)
        self.op(access=Access.WRITE_LOCAL, index=_Local.SUM + 1, source=Source.IMMEDIATE, immediate=-1)
        self._return()
        self.label("fresh_sums")
        for local in (_Local.SUM, _Local.SUM + 1, *(_Local.SQUARES + word for word in range(3))):
            self.op(access=Access.WRITE_LOCAL, index=local, source=Source.IMMEDIATE, immediate=0)
        self._return()

        self.label("store_statistics")
        self._read(_Local.ROW_STATS)
        self._take(Register.P)
        for word in range(2):
            self._read(_Local.SUM + word)
            self.op(access=Access.WRITE_RECORD, index=_Row.A + word, source=Source.MEMORY)
        self._go("store_squares", Condition.SUMS)
        self._return()
        self.label("store_squares")
        for word in range(3):
            self._read(_Local.SQUARES + word)
            self.op(access=Access.WRITE_RECORD, index=_Row.B + word, source=Source.MEMORY)
        self._return()

        self.label("gather")
        self._go("gather_sums", Condition.SUMS)
        self._load_b(_Local.SUM)
        self._if_negative("not_greater", Alu.COMPARE)
        self._store_a_pair(_Local.SUM)
        self.label("not_greater")
        self._return()
        self.label("gather_sums")
        self._load_b(_Local.SUM)
        self._write(_Local.VALUE, Source.A_LOW, alu=Alu.ADD)
        self._write(_Local.SUM, Source.A_LOW)
        self._write(_Local.SUM + 1, Source.A_SUM, alu=Alu.CLEAR)
        self._load_b(_Local.SQUARES)
        self._read(_Local.SQUARES + 2)
        self._take(Register.B_TOP)
        self._read(_Local.VALUE, alu=Alu.ADD)
        self._take(Register.M_LOW)
        self._read(_Local.VALUE)
        self._take(Register.B_LOW)
        self._constant(Register.L, 16)
        self.op(alu=Alu.MULTIPLY)
        self._store_a_pair(_Local.SQUARES)
        self._write(_Local.SQUARES + 2, Source.A_TOP)
        self._return()

    # SWEEP.

    def _sweep(self) -> None:
        self.label("sweep")
        self.op(access=Access.WRITE_LOCAL, source=Source.FIELD, index=Field.VECTOR)
        self._copy(_Local.ROW_DEST, _Local.DEST)
        self._copy(_Local.ROW_VECTOR, _Local.VECTOR)
        self._copy(_Local.ROW_PARAM, _Local.PARAM)
        self._call("first_stats")
        self.label("sweep_row")
        self._go("sweep_moments", Condition.MOMENTS)
        self._go("softmax", Condition.SOFTMAX)
        self._go("gather_column", Condition.GATHER)
        self._layernorm()
        self._gather_column()
        self._moments()
        self._softmax()
        self.label("sweep_row_ends")
        self._call("next_row")
        self._go("sweep_row", Condition.NOT_NEGATIVE)
        self._go("row_job", Condition.MOMENTS)
        self._go("row_job", Condition.SOFTMAX)
        self._go("done")

    def _layernorm(self) -> None:
        self._call("row_scalars")
        self._call("point")
        self._field(Register.K, Field.N)
        self.label("normalize")
        self.op(access=Access.READ_VECTOR, alu=Alu.CLEAR)
        self._take(Register.B_LOW)
        self.op(alu=Alu.ADD)
        self._repeat(_MEAN_FRACTION, alu=Alu.DOUBLE)
        self._load_b(_Local.MEAN)
        self._read(_Local.PRE_SHIFT, alu=Alu.SUBTRACT)
        self._take(Register.C)
        self.op(alu=Alu.SHIFT)
        self.op(alu=Alu.ROUND)
        self._saturate()
        self._factor()
        self._read(_Local.MUL)
        self._read(_Local.MUL + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._read(_Local.SHIFT, source=Source.MEMORY, destination=Register.B_HIGH)
        self._take(Register.C)
        self._scale()
        self._constant(Register.B_LOW, (1 << 15) - 1)
        self._if_negative("below_int16", Alu.COMPARE)
        self.op(alu=Alu.CLEAR)
        self._go("normalized", alu=Alu.ADD)
        self.label("below_int16")
        self._constant(Register.B_LOW, -1 << 15)
        self._if_not_negative("normalized", Alu.COMPARE)
        self.op(alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)
        self.label("normalized")
        self.op(access=Access.WRITE_VECTOR, source=Source.A_LOW, action=Action.NEXT_VECTOR)
        self.op(source=Source.A_LOW, destination=Register.M_LOW)
        self._call("scale_row")
        self._unless("normalize", Condition.LAST, action=Action.NEXT_VALUE)
        self._go("sweep_row_ends")

    def _gather_column(self) -> None:
        self.label("gather_column")
        self._call("point")
        self.op(access=Access.READ_VECTOR)
        self._take(Register.M_LOW)
        self._call("scale_row")
        self._go("sweep_row_ends")

    def _moments(self) -> None:
        self.label("sweep_moments")
        self._call("fresh_sums")
        self._call("point")
        self._field(Register.K, Field.N)
        self.label("moments_value")
        self.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR, alu=Alu.CLEAR)
        self._take(Register.B_LOW)
        self.op(alu=Alu.ADD)
        self._call("gather_sums")
        self._unless("moments_value", Condition.LAST, action=Action.COUNT_DOWN)
        self._read(_Local.ROW_STATS)
        self._take(Register.P)
        for word in range(2):
            self._read(_Local.SUM + word)
            self.op(access=Access.WRITE_RECORD, index=_Row.A + word, source=Source.MEMORY)
        self._call("store_squares")
        self._go("sweep_row_ends")

    def _softmax(self) -> None:
        self.label("softmax")
        self._call("fresh_sums")
        self._call("point")
        self._read(_Local.ROW_STATS)
        self._take(Register.P)
        self._field(Register.K, Field.N)
        self.label("exponential")
        self._record(_Row.A, alu=Alu.CLEAR)
        self._record(_Row.A + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._take(Register.B_HIGH)
        self.op(access=Access.READ_VECTOR, action=Action.NEXT_VECTOR, alu=Alu.ADD)
        self._take(Register.B_LOW)
        self._if_not_negative("at_most_maximum", Alu.SUBTRACT)
        self.op(alu=Alu.CLEAR)
        self.label("at_most_maximum")
        self._constant(Register.B_LOW, _INDEX_LIMIT)
        self._if_negative("in_table", Alu.COMPARE)
        self.op(alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)
        self.label("in_table")
        self._call("look_up")
        self.op(action=Action.STORE)
        self._load_b(_Local.SQUARES)
        self.op(alu=Alu.ADD)
        self._store_a_pair(_Local.SQUARES)
        self._unless("exponential", Condition.LAST, action=Action.COUNT_DOWN)
        self.op(alu=Alu.CLEAR)
        self.label("pad")
        self._go("padded", Condition.ALIGNED)
        self._go("pad", action=Action.STORE)
        self.label("padded")
        self._call("store_squares")
        self._go("sweep_row_ends")

    # What rows are multiplied by.

    def _row_job(self) -> None:
        self.label("row_job")
        self._call("first_stats")
        self.label("job_row")
        self._read(_Local.ROW_STATS)
        self._take(Register.P)
        self._unless("root_of_moments", Condition.SWEEP)
        self._go("root_of_moments", Condition.MOMENTS)
        self._sum_of_exponentials()
        self.label("root_of_moments")
        self._magnitude()
        self._mean()
        self._variance()
        self._root()
        self._reciprocal()
        self._call("next_row")
        self._go("job_row", Condition.NOT_NEGATIVE)
        self._go("done")

    def _power_to_b(self, bit: int) -> None:
        """2**bit, for 16 <= bit < 31, to B."""
        self._constant(Register.B_LOW, 0)
        self._constant(Register.B_HIGH, 1 << (bit - 16))

    def _at_least_one(self) -> None:
        name = f"positive_{len(self._steps)}"
        self._constant(Register.B_LOW, 1)
        self._if_not_negative(name, Alu.COMPARE)
        self.op(alu=Alu.CLEAR)
        self.op(alu=Alu.INCREMENT)
        self.label(name)

    def _normalize(self, name: str, step: Action) -> None:
        """Shift A left until it is at least B; B is 2**23."""
        self._power_to_b(23)
        self.label(name)
        self._if_not_negative(f"{name}_done", Alu.COMPARE)
        self._go(name, alu=Alu.DOUBLE, action=step)
        self.label(f"{name}_done")

    def _sum_of_exponentials(self) -> None:
        """The divisor to ROOT, the dividend 2**23 to MUL, the shift to K; the mean is zero."""
        for word in range(2):
            self.op(access=Access.WRITE_RECORD, index=_Row.MEAN + word, source=Source.IMMEDIATE, immediate=0)
        self._record(_Row.B, alu=Alu.CLEAR)
        self._record(_Row.B + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._take(Register.B_HIGH)
        self.op(alu=Alu.ADD)
        self._at_least_one()
        self._constant(Register.K, 31)
        self._normalize("normalize_sum", Action.COUNT_DOWN)
        self._store_a_pair(_Local.ROOT)
        self.op(alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)
        self._store_a_pair(_Local.MUL, target="reciprocal", condition=Condition.ALWAYS)

    def _magnitude(self) -> None:
        """``abs(a)`` to VALUE, its negative to SUM, the sign to NEGATIVE."""
        self._record(_Row.A, alu=Alu.CLEAR)
        self._record(_Row.A + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._take(Register.B_HIGH)
        self._if_negative("negative_sum", Alu.ADD)
        self._store_a_pair(_Local.VALUE)
        self.op(alu=Alu.CLEAR)
        self.op(alu=Alu.SUBTRACT)
        self._store_a_pair(_Local.SUM)
        self.op(access=Access.WRITE_LOCAL, index=_Local.NEGATIVE, source=Source.IMMEDIATE, immediate=0)
        self._go("magnitude")
        self.label("negative_sum")
        self._store_a_pair(_Local.SUM)
        self.op(alu=Alu.CLEAR)
        self.op(alu=Alu.SUBTRACT)
        self._store_a_pair(_Local.VALUE)
        self.op(access=Access.WRITE_LOCAL, index=_Local.NEGATIVE, source=Source.IMMEDIATE, immediate=1)
        self.label("magnitude")

    def _mean(self) -> None:
        """``a / length`` with 8 fraction bits; the quotient has one more, to round, and 25 if it is not too large."""
        bits = 25
        self._load_a_pair(_Local.VALUE)
        self._constant(Register.B_LOW, 0)
        self._field(Register.B_HIGH, Field.ROW_LENGTH)
        self._if_not_negative("large_mean", Alu.COMPARE)
        self._repeat(_REMAINDER_BIT - 16, alu=Alu.DOUBLE, action=Action.B_LEFT)
        self._constant(Register.L, bits)
        self._call("divide")
        self._power_to_b(bits - 1)
        self._if_negative("mean_fits", Alu.COMPARE)
        self.label("large_mean")
        self._power_to_b(bits - 1)
        self.op(alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)
        self._constant(Register.B_LOW, -1)
        self.op(alu=Alu.ADD)
        self.label("mean_fits")
        self._read(_Local.NEGATIVE)
        self._go("negate_mean", Condition.ODD)
        self.label("store_mean")
        self.op(access=Access.WRITE_RECORD, index=_Row.MEAN, source=Source.A_LOW)
        self.op(
            access=Access.WRITE_RECORD,
            index=_Row.MEAN + 1,
            source=Source.A_HIGH,
            target="variance",
            condition=Condition.ALWAYS,
        )
        self.label("negate_mean")
        self._store_a_pair(_Local.NUMBER)
        self._load_b(_Local.NUMBER, alu=Alu.CLEAR)
        self._go("store_mean", alu=Alu.SUBTRACT)

    def _variance(self) -> None:
        """``max(length * b - a * a, 1)`` to A, the length and its exponent to MUL and K."""
        self.label("variance")
        self._field(Register.B_LOW, Field.ROW_LENGTH, alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)
        self._constant(Register.K, 14)
        self._normalize("normalize_length", Action.COUNT_UP)
        self._store_a_pair(_Local.MUL)

        self._read(_Local.VALUE)
        self._take(Register.M_LOW)
        self._load_b(_Local.SUM, alu=Alu.CLEAR)
        self._constant(Register.L, VALUE_BITS)
        self.op(alu=Alu.MULTIPLY_UNSIGNED)
        self._read(_Local.VALUE + 1)
        self._take(Register.M_LOW)
        self._constant(Register.L, _LENGTH_BITS)
        self.op(alu=Alu.MULTIPLY_UNSIGNED)
        self._field(Register.M_LOW, Field.ROW_LENGTH)
        self._record(_Row.B)
        self._record(_Row.B + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._record(_Row.B + 2, source=Source.MEMORY, destination=Register.B_HIGH)
        self._take(Register.B_TOP)
        self._constant(Register.L, _LENGTH_BITS)
        self.op(alu=Alu.MULTIPLY_UNSIGNED)
        self._at_least_one()

    def _root(self) -> None:
        """The root of the variance in A to ROOT, shifted by pairs of bits, which K counts, to 24 bits."""
        self._constant(Register.B_LOW, 0)
        self._constant(Register.B_TOP, 1 << 14)  # 2**46
        self._repeat(2, action=Action.B_LEFT)
        self.label("variance_down")
        self._if_negative("variance_up", Alu.COMPARE)
        self._constant(Register.C, 2)
        self.op(alu=Alu.SHIFT)
        self._go("variance_down", action=Action.COUNT_UP)
        self.label("variance_up")
        self._constant(Register.B_LOW, 0)
        self._constant(Register.B_TOP, 1 << 14)
        self.label("variance_next")
        self._if_not_negative("radicand", Alu.COMPARE)
        self.op(alu=Alu.DOUBLE, action=Action.COUNT_DOWN)
        self._go("variance_next", alu=Alu.DOUBLE)
        self.label("radicand")
        self._store_a_pair(_Local.NUMBER)
        self._constant(Register.C, VALUE_BITS)
        self.op(alu=Alu.SHIFT)
        self._write(_Local.NUMBER + 2, Source.A_HIGH, alu=Alu.CLEAR)
        self._constant(Register.B_LOW, 0)
        for word in reversed(range(3)):
            self._read(_Local.NUMBER + word)
            self._take(Register.M_LOW)
            self._constant(Register.L, VALUE_BITS // 2)
            self.label(f"root_{word}")
            self.op(alu=Alu.DOUBLE_RADICAND)
            self.op(alu=Alu.DOUBLE_RADICAND)
            self.op(alu=Alu.COMPARE_ROOT)
            self._go(f"root_{word}", Condition.LOOP, alu=Alu.ROOT)
        self.op(alu=Alu.CLEAR)
        self._constant(Register.C, 2)
        self.op(alu=Alu.ADD)
        self.op(alu=Alu.SHIFT)
        self._store_a_pair(_Local.ROOT)

    def _reciprocal(self) -> None:
        """MUL / ROOT with 17 bits, rounded, and the shift that it takes."""
        bits = 18
        self.label("reciprocal")
        self._load_a_pair(_Local.MUL)
        self._load_b(_Local.ROOT)
        self._if_not_negative("quotient", Alu.COMPARE)
        self.op(alu=Alu.DOUBLE, action=Action.COUNT_UP)
        self.label("quotient")
        self.op(action=Action.B_LEFT)  # the quotient is one half, or more
        self._repeat(_REMAINDER_BIT - 1, alu=Alu.DOUBLE, action=Action.B_LEFT)
        self._constant(Register.L, bits)
        self._call("divide")
        self._power_to_b(bits - 1)
        self._if_negative("multiplier_fits", Alu.COMPARE)
        self._constant(Register.B_LOW, -1)
        self.op(alu=Alu.ADD)
        self.label("multiplier_fits")
        self.op(access=Access.WRITE_RECORD, index=_Row.MUL, source=Source.A_LOW)
        self.op(access=Access.WRITE_RECORD, index=_Row.MUL + 1, source=Source.A_HIGH)
        self.op(access=Access.WRITE_RECORD, index=_Row.TOTAL, source=Source.COUNT)

    # Subroutines.

    def _common(self) -> None:
        self._begin()
        self._rows()

        self.label("look_up")
        self.op(access=Access.READ_TABLE)
        self._field(Register.B_LOW, Field.TABLE_ENTRY, alu=Alu.CLEAR)
        self._return(alu=Alu.ADD)

        # The first L bits of A / B, less than 1, halved and rounded. B is a multiple of 2**_REMAINDER_BIT.
        self.label("divide")
        self.op(alu=Alu.COMPARE)
        self.label("divide_bit")
        self.op(alu=Alu.DOUBLE_QUOTIENT)
        self.op(alu=Alu.COMPARE)
        self._go("divide_bit", Condition.LOOP, alu=Alu.DIVIDE)
        self.op(alu=Alu.DOUBLE_QUOTIENT)
        self._store_a_pair(_Local.NUMBER)  # without the remainder
        self._load_a_pair(_Local.NUMBER)
        self._constant(Register.C, 1)
        self.op(alu=Alu.INCREMENT)
        self._return(alu=Alu.SHIFT)

        # The value in M, scaled by the record at P.
        self.label("scale_row")
        self._record(_Record.BIAS, alu=Alu.CLEAR)
        self._record(_Record.BIAS + 1, source=Source.MEMORY, destination=Register.B_LOW)
        self._record(_Record.MUL2, source=Source.MEMORY, destination=Register.B_HIGH)
        self._record(_Record.MUL2 + 1, alu=Alu.ADD, source=Source.MEMORY, destination=Register.B_LOW)
        self._take(Register.B_HIGH)
        self._field(Register.C, Field.SECOND_SHIFT)
        self._scale()
        self._clip("row")
        self._return(action=Action.STORE)

        self.label("saturate")
        self._if_not_negative("too_great", Alu.TEST)
        self._constant(Register.B_LOW, 0)
        self._constant(Register.B_HIGH, -2, alu=Alu.CLEAR)
        self._return(alu=Alu.ADD)
        self.label("too_great")
        self._constant(Register.B_LOW, -1)
        self._constant(Register.B_HIGH, 1, alu=Alu.CLEAR)
        self._return(alu=Alu.ADD)

        self._write_bounds()

    def _begin(self) -> None:
        self.label("begin")
        for local, fields in (
            (_Local.DEST, (Field.DEST, Field.DEST_BYTE)),
            (_Local.DEST_STEP, (Field.DEST_STRIDE,)),
        ):
            in_vector = f"in_vector_{local}"
            self._field(Register.B_LOW, fields[0], alu=Alu.CLEAR)
            self._go(in_vector, Condition.TO_VECTOR, alu=Alu.ADD)
            for _ in range(self._row_byte_shift):
                self.op(alu=Alu.DOUBLE)
            self.label(in_vector)
            for field in fields[1:]:
                self._field(Register.B_LOW, field)
                self.op(alu=Alu.ADD)
            self._write(local, Source.A_LOW)
        self._field(Register.B_LOW, Field.PARAM, alu=Alu.CLEAR)
        self._scaled_index(RECORD_WORDS, self._map.records)
        self._write(_Local.PARAM, Source.A_LOW)
        self._return()

    def _scaled_index(self, unit: int, base: int) -> None:
        """``base + B * unit`` to A, which is zero."""
        self.op(alu=Alu.ADD)
        for _ in range(unit.bit_length() - 1):
            self.op(alu=Alu.DOUBLE)
        self._constant(Register.B_LOW, base)
        self.op(alu=Alu.ADD)

    def _rows(self) -> None:
        self.label("first_stats")
        self._field(Register.B_LOW, Field.STATS, alu=Alu.CLEAR)
        self._scaled_index(ROW_WORDS, self._map.rows)
        self._write(_Local.ROW_STATS, Source.A_LOW, alu=Alu.CLEAR)
        self._field(Register.B_LOW, Field.M)
        self.op(alu=Alu.ADD)
        self._constant(Register.B_LOW, -1)
        self.op(alu=Alu.ADD)
        self._write(_Local.ROWS_LEFT, Source.A_LOW)
        self._return()

        # Notes whether there is one.
        self.label("next_row")
        self._add_to(_Local.ROW_DEST, local=_Local.DEST_STEP)
        self._go("next_vector", Condition.SWEEP)
        self._go("next_vector", Condition.RESIDUAL)
        self._go("next_stats", Condition.STATISTICS)
        self._unless("next_left", Condition.ROW_SCALE)
        self._go("next_stats")
        self.label("next_vector")
        self._add_to(_Local.ROW_VECTOR, source=Source.FIELD, index=Field.VECTOR_STRIDE)
        self.label("next_stats")
        self._add_to(_Local.ROW_STATS, source=Source.IMMEDIATE, immediate=ROW_WORDS)
        self.label("next_left")
        self._add_to(_Local.ROWS_LEFT, source=Source.IMMEDIATE, immediate=-1)
        self._return()

        self.label("point")
        self._read(_Local.ROW_DEST)
        self._read(_Local.ROW_VECTOR, source=Source.MEMORY, destination=Register.S)
        self._read(_Local.ROW_PARAM, source=Source.MEMORY, destination=Register.V)
        self._take(Register.P, condition=Condition.RETURN)

        self.label("row_scalars")
        self._read(_Local.ROW_STATS)
        self._take(Register.P)
        for local, word in ((_Local.MUL, _Row.MUL), (_Local.MEAN, _Row.MEAN)):
            for half in range(2):
                self._record(word + half)
                self._write(local + half, Source.MEMORY)
        self._record(_Row.TOTAL)
        self._take(Register.B_LOW, alu=Alu.CLEAR)
        self.op(alu=Alu.ADD)
        self._constant(Register.B_LOW, _FACTOR_BITS)
        self._if_not_negative("large_shift", Alu.SUBTRACT)
        self._record(_Row.TOTAL)
        self._write(_Local.SHIFT, Source.MEMORY)
        self.op(access=Access.WRITE_LOCAL, index=_Local.PRE_SHIFT, source=Source.IMMEDIATE, immediate=0)
        self._return()
        self.label("large_shift")
        self._write(_Local.PRE_SHIFT, Source.A_LOW)
        self.op(access=Access.WRITE_LOCAL, index=_Local.SHIFT, source=Source.IMMEDIATE, immediate=_FACTOR_BITS)
        self._return()
