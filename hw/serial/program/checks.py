"""The rules of :mod:`hw.check`, one after the other."""

from collections.abc import Sequence

from hw.check import load_units
from hw.config import AcceleratorConfig
from hw.isa import Engine, LoadTarget
from hw.serial.microcode import Action, Alu, Condition, Local, Register, Source
from hw.serial.program.words import Gemm, Word
from hw.serial.program.writer import Writer

__all__ = ["write_checks"]

_HALF = 1 << 16
_MEMORY_TOP = 1  # in the third half of 2**32


def write_checks(w: Writer) -> None:
    """Write it."""
    _tokens(w)
    _load(w)
    _stream(w)
    _gemm(w)
    _drain(w)
    _sweep(w)
    _subroutines(w)


def _tokens(w: Writer) -> None:
    """What has no engine takes no part in tokens."""
    w.label("no_tokens")
    w.constant(Register.S, Word.WAIT)
    w.small(Register.L, 2 * len(Engine))
    w.label("no_token")
    w.op(local=Local.READ_AT, action=Action.NEXT_RESULT)
    w.go("illegal_field", Condition.ODD, source=Source.LOCAL)
    w.go("no_token", Condition.LOOP)
    w.back()


def _engine(w: Writer, engine: Engine) -> None:
    """Note whose instruction it is, which must not wait for itself."""
    w.write_constant(Word.ENGINE, Word.TOKENS + engine)
    w.write_constant(Word.GIVEN, Word.TOKENS + engine * len(Engine))
    for words in (Word.WAIT, Word.SIGNAL):
        w.read(words + engine)
        w.go("illegal_field", Condition.ODD, source=Source.LOCAL)


def _not_zero(w: Writer, word: int) -> None:
    w.read(word)
    w.go("illegal_field", Condition.ZERO, source=Source.LOCAL)


def _pair_not_zero(w: Writer, word: int) -> None:
    name = w.new_label("not_zero")
    w.read(word)
    w.unless(name, Condition.ZERO, source=Source.LOCAL)
    _not_zero(w, word + 1)
    w.label(name)


def _not_both(w: Writer, words: int) -> None:
    """Two bits are not a 3."""
    name = w.new_label("not_both")
    w.read(words)
    w.unless(name, Condition.ODD, source=Source.LOCAL)
    w.read(words + 1)
    w.go("illegal_field", Condition.ODD, source=Source.LOCAL)
    w.label(name)


def _at_most(w: Writer, word: int, limit: int) -> None:
    w.read(word)
    w.call("negative", source=Source.LOCAL, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.constant(Register.B_LOW, limit)
    w.op(alu=Alu.ADD)
    w.unless("illegal_field", Condition.NOT_NEGATIVE)


def _aligned(w: Writer, word: int) -> None:
    """A multiple of 4."""
    w.load(Register.M_LOW, word)
    w.small(Register.B_LOW, 1, alu=Alu.CLEAR)
    w.op(alu=Alu.BIT)
    w.op(alu=Alu.BIT)
    w.unless("illegal_field", Condition.ZERO, source=Source.A_LOW)


def _rows(w: Writer, word: int) -> None:
    _not_zero(w, word)
    _at_most(w, word, w.config.acc_depth)


# Operands. A holds the word behind the last one, FIRST the first one; `refuse` compares with the end of the memory.


def _extent(w: Writer, first: int, rows: int) -> None:
    """The first word of the last row: ``first`` is a pair, behind which is the stride."""
    w.constant(Register.S, first)
    w.read(rows)
    w.call("extent", source=Source.LOCAL, destination=Register.B_LOW, alu=Alu.CLEAR)


def _first(w: Writer, first: int) -> None:
    w.read(first)
    w.call("first", source=Source.LOCAL, destination=Register.B_LOW, alu=Alu.CLEAR)


def _refuse(w: Writer, length: int, size: int, *, in_bytes: bool = False) -> None:
    """Compare with a memory of ``size`` words, or of bytes where rows are of these."""
    w.read(length)
    w.call("add_bytes" if in_bytes else "add_words", source=Source.LOCAL, destination=Register.B_LOW)
    _refuse_beyond(w, size)


def _refuse_beyond(w: Writer, size: int) -> None:
    w.constant(Register.B_LOW, size % _HALF)
    w.call("refuse_beyond", source=Source.INDEX, index=size // _HALF, destination=Register.B_HIGH)


def _scratchpad(w: Writer, first: int, rows: int, values: int) -> None:
    _extent(w, first, rows)
    _refuse(w, values, w.config.scratchpad_words * w.config.rows, in_bytes=True)


def _vector(w: Writer, first: int, rows: int, values: int) -> None:
    _extent(w, first, rows)
    _refuse(w, values, w.config.vector_words)


def _params(w: Writer, values: int) -> None:
    _first(w, Word.PARAM)
    _refuse(w, values, w.config.param_words)


def _table(w: Writer) -> None:
    """Its number, whose bits are two words."""
    w.read(Word.TABLE + 1)
    w.take(Register.B_LOW, alu=Alu.CLEAR_BOTH)
    w.op(alu=Alu.ADD)
    w.op(alu=Alu.LEFT)
    w.load(Register.B_LOW, Word.TABLE)
    w.op(alu=Alu.ADD)
    w.call("first_is_a")
    w.small(Register.B_LOW, 1)
    w.op(alu=Alu.ADD)
    _refuse_beyond(w, w.config.tables)


def _statistics(w: Writer) -> None:
    _first(w, Word.STATS)
    _refuse(w, Word.M, w.config.acc_depth)


def _load(w: Writer) -> None:
    w.label("check_load")
    _engine(w, Engine.LOAD)
    _at_most(w, Word.TARGET, len(LoadTarget) - 1)
    _pair_not_zero(w, Word.COUNT)
    _aligned(w, Word.MEM_ADDR)
    w.load_a(Word.TARGET)
    w.constant(Register.B_LOW, -1)
    for target in LoadTarget:
        w.go(f"target_{target}", Condition.ZERO, source=Source.A_LOW, alu=Alu.ADD)
    for target, (units, unit_bytes) in _targets(w.config).items():
        w.label(f"target_{target}")
        w.load_a_pair(Word.ADDR)
        w.store_a_pair(Word.FIRST)
        w.load_b_pair(Word.COUNT)
        w.op(alu=Alu.ADD)
        _refuse_beyond(w, units)
        w.load_a_pair(Word.COUNT)
        w.small(Register.L, unit_bytes.bit_length() - 1)
        w.go("load_memory")
    w.label("load_memory")
    w.go("load_memory", Condition.LOOP, alu=Alu.LEFT)
    w.store_a_pair(Word.BURST_LEFT)
    w.constant(Register.S, Word.MEM_ADDR)
    w.call("in_memory")
    w.call("take_tokens")
    w.go("execute_load")


def _targets(config: AcceleratorConfig) -> dict[LoadTarget, tuple[int, int]]:
    return {target: load_units(config, target) for target in LoadTarget}


def _stream(w: Writer) -> None:
    w.label("check_stream")
    w.call("no_tokens")
    _pair_not_zero(w, Word.COUNT)
    _aligned(w, Word.MEM_ADDR)
    w.load_a_pair(Word.COUNT)
    w.op(alu=Alu.LEFT)
    w.op(alu=Alu.LEFT)
    w.constant(Register.S, Word.MEM_ADDR)
    w.call("in_memory")
    w.go("execute_stream")


def _gemm(w: Writer) -> None:
    words = {field: Word.GEMM + field for field in Gemm}
    w.label("check_gemm")
    _engine(w, Engine.ARRAY)
    _rows(w, words[Gemm.M])
    _not_zero(w, words[Gemm.N])
    _not_zero(w, words[Gemm.K])
    # More than one tile asks for whole banks.
    w.load_a(words[Gemm.N])
    w.constant(Register.B_LOW, w.config.cols + 1)
    w.if_negative("one_tile", Alu.COMPARE)
    _not_zero(w, words[Gemm.CLEAR])
    _not_zero(w, words[Gemm.RELEASE])
    w.label("one_tile")
    _extent(w, words[Gemm.A], words[Gemm.M])
    _refuse(w, words[Gemm.K], w.config.scratchpad_words)
    w.read(words[Gemm.B_SCRATCHPAD])
    w.unless("gemm_checked", Condition.ODD, source=Source.LOCAL)
    _extent(w, words[Gemm.B], words[Gemm.N])
    _refuse(w, words[Gemm.K], w.config.scratchpad_words)
    w.label("gemm_checked")
    w.call("take_tokens")
    w.go("execute_gemm")


def _drain(w: Writer) -> None:
    w.label("check_drain")
    _post(w)
    for words in (Word.KIND, Word.ROW_RECORDS, Word.RESIDUAL, Word.MAXIMUM):
        _not_both(w, words)
    w.read(Word.KIND + 1)
    w.unless("not_to_memory", Condition.ODD, source=Source.LOCAL)
    _aligned(w, Word.DEST)
    w.label("not_to_memory")
    # Statistics are of int16.
    w.read(Word.MAXIMUM)
    w.go("of_int16", Condition.ODD, source=Source.LOCAL)
    w.read(Word.MOMENTS)
    w.unless("no_statistics", Condition.ODD, source=Source.LOCAL)
    w.read(Word.STATS_LAST)
    w.unless("of_int16", Condition.ODD, source=Source.LOCAL)
    _not_zero(w, Word.ROW_LENGTH)
    w.label("of_int16")
    _not_zero(w, Word.KIND)
    w.read(Word.TABLE_ENABLE)
    w.go("illegal_field", Condition.ODD, source=Source.LOCAL)
    w.label("no_statistics")

    w.read(Word.KIND)
    w.go("drain_to_vector", Condition.ODD, source=Source.LOCAL)
    w.read(Word.KIND + 1)
    w.go("drain_to_memory", Condition.ODD, source=Source.LOCAL)
    _scratchpad(w, Word.DEST, Word.M, Word.N)
    w.go("drain_params")
    w.label("drain_to_vector")
    _vector(w, Word.DEST, Word.M, Word.N)
    w.go("drain_params")
    w.label("drain_to_memory")
    w.load_b(Word.N, alu=Alu.CLEAR)
    w.load(Register.M_LOW, Word.M)
    w.whole_product()
    w.op(alu=Alu.LEFT)
    w.op(alu=Alu.LEFT)
    w.constant(Register.S, Word.DEST)
    w.call("in_memory")

    w.label("drain_params")
    _first(w, Word.PARAM)
    w.read(Word.ROW_RECORDS)
    w.go("params_of_rows", Condition.ODD, source=Source.LOCAL)
    w.read(Word.FIXED_RECORD)
    w.go("one_param", Condition.ODD, source=Source.LOCAL, destination=Register.B_LOW)
    w.read(Word.N)
    w.go("params_counted", source=Source.LOCAL, destination=Register.B_LOW)
    w.label("params_of_rows")
    w.load(Register.B_LOW, Word.M)
    w.label("one_param")
    w.label("params_counted")
    w.call("add_words")
    _refuse_beyond(w, w.config.param_words)
    _if(w, (Word.RESIDUAL,), "no_residual")
    _vector(w, Word.VECTOR, Word.M, Word.N)
    w.label("no_residual")
    _if(w, (Word.TABLE_ENABLE,), "no_table")
    _table(w)
    w.label("no_table")
    _if(w, (Word.MAXIMUM, Word.MOMENTS, Word.ROW_SCALE), "no_rows")
    _statistics(w)
    w.label("no_rows")
    w.call("take_tokens")
    w.go("execute_drain")


def _if(w: Writer, words: Sequence[int], otherwise: str) -> None:
    """Go on if one of the words is odd."""
    name = w.new_label("one_of")
    for word in words[:-1]:
        w.read(word)
        w.go(name, Condition.ODD, source=Source.LOCAL)
    w.read(words[-1])
    w.unless(otherwise, Condition.ODD, source=Source.LOCAL)
    w.label(name)


def _post(w: Writer) -> None:
    _engine(w, Engine.POST)
    _rows(w, Word.M)
    _not_zero(w, Word.N)


def _sweep(w: Writer) -> None:
    """Kinds: MOMENTS 0, SOFTMAX 1, LAYERNORM 2, GATHER 3."""
    low, high = Word.KIND, Word.KIND + 1
    w.label("check_sweep")
    _post(w)
    w.read(low)
    w.go("softmax_or_gather", Condition.ODD, source=Source.LOCAL)
    w.read(high)
    w.go("sweep_legal", Condition.ODD, source=Source.LOCAL)
    _not_zero(w, Word.ROW_LENGTH)
    w.go("sweep_legal")
    w.label("softmax_or_gather")
    w.read(high)
    w.unless("sweep_legal", Condition.ODD, source=Source.LOCAL)
    _at_most(w, Word.N, 1)
    _at_most(w, Word.LANE, w.config.lanes - 1)
    _at_most(w, Word.BYTE, w.config.rows - 1)
    w.label("sweep_legal")
    _vector(w, Word.VECTOR, Word.M, Word.N)
    _if(w, (low, high), "sweep_statistics")
    _scratchpad(w, Word.DEST, Word.M, Word.N)
    _if(w, (high,), "sweep_table")
    _params(w, Word.N)
    w.go("sweep_statistics")
    w.label("sweep_table")
    _table(w)
    w.label("sweep_statistics")
    _statistics(w)
    w.call("take_tokens")
    w.go("execute_sweep")


def _subroutines(w: Writer) -> None:
    # B is the number of rows, A zero, S points to the first word and the stride.
    w.label("extent")
    w.small(Register.B_HIGH, 0)
    w.op(alu=Alu.ADD)
    w.add(-1, local=Local.READ_AT, action=Action.NEXT_RESULT)
    w.write(Word.FIRST, Source.LOCAL)
    w.op(source=Source.A_LOW, destination=Register.M_LOW, local=Local.READ_AT, action=Action.NEXT_RESULT)
    w.write(Word.FIRST + 1, Source.LOCAL, alu=Alu.CLEAR)
    w.small(Register.M_HIGH, 0, local=Local.READ_AT)
    w.take(Register.B_LOW)
    w.small(Register.B_HIGH, 0)
    w.whole_product()
    w.label("add_first")
    w.load_b_pair(Word.FIRST)
    w.small(Register.B_TOP, 0)
    w.back(alu=Alu.ADD)

    w.label("negative")
    w.small(Register.B_HIGH, 0)
    w.back(alu=Alu.SUBTRACT)

    # B is the first word, A zero.
    w.label("first")
    w.small(Register.B_HIGH, 0)
    w.op(alu=Alu.ADD)
    w.label("first_is_a")
    w.store_a_pair(Word.FIRST, condition=Condition.RETURN)

    w.label("add_bytes")
    w.op(alu=Alu.LEFT)
    w.op(alu=Alu.LEFT)
    w.label("add_words")
    w.small(Register.B_HIGH, 0)
    w.back(alu=Alu.ADD)

    # A is the number of bytes; S points to the address.
    w.label("in_memory")
    w.op(local=Local.READ_AT, action=Action.NEXT_RESULT)
    w.write(Word.FIRST, Source.LOCAL)
    w.op(local=Local.READ_AT)
    w.write(Word.FIRST + 1, Source.LOCAL)
    w.load_b_pair(Word.FIRST)
    w.small(Register.B_TOP, 0)
    w.op(alu=Alu.ADD)
    w.small(Register.B_LOW, 0)
    w.small(Register.B_TOP, _MEMORY_TOP)
    w.label("refuse_beyond")
    w.op(alu=Alu.SUBTRACT)
    w.small(Register.B_LOW, 1)
    w.if_not_negative("out_of_range", Alu.SUBTRACT)
    w.back()
