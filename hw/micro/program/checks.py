"""The rules of :mod:`spec.rules`, one after the other."""

from hw.micro.microcode import Action, Alu, Condition, Local, Register, Source
from hw.micro.program.words import Gemm, Word, bit_word
from hw.micro.program.writer import Writer, left_shift
from spec.isa import Destination, Engine, LoadTarget, ParamMode, SecondStage, Stats, SweepKind
from spec.operands import load_units

__all__ = ["write_checks"]

_KINDS = (Word.KIND, Word.PARAM_MODE, Word.SECOND_STAGE, Word.STATISTICS)
"""Of a DRAIN: two bits each, which must not both be set."""


def write_checks(w: Writer) -> None:
    """Write the checks of all instructions."""
    _load(w)
    _stream(w)
    _gemm(w)
    _drain(w)
    _sweep(w)
    _tokens(w)
    _operands(w)


def _engine(w: Writer, engine: Engine) -> None:
    """Note whose instruction it is, which must not wait for itself."""
    w.write_constant(Word.ENGINE, Word.TOKENS + engine)
    w.write_constant(Word.GIVEN, Word.TOKENS + engine * len(Engine))
    for words in (Word.WAIT, Word.SIGNAL):
        w.if_odd("illegal_field", words + engine)


def _not_zero(w: Writer, word: int) -> None:
    w.if_zero("illegal_field", word)


def _at_most(w: Writer, word: int, limit: int) -> None:
    w.load_a(word)
    w.add(-1 - limit)
    w.unless("illegal_field", Condition.NEGATIVE)


def _rows(w: Writer, word: int) -> None:
    _not_zero(w, word)
    _at_most(w, word, w.config.acc_depth)


def _in(w: Writer, memory: str, first: int) -> None:
    """An operand of M rows of N values is in a memory; behind the pair ``first`` is its stride."""
    w.call(memory, source=Source.INDEX, index=first, destination=Register.S)


def _load(w: Writer) -> None:
    units = {target: load_units(w.config, target) for target in LoadTarget}
    w.label("check_load")
    _engine(w, Engine.LOAD)
    _at_most(w, Word.TARGET, len(LoadTarget) - 1)
    w.call("transfer")
    w.copy_pair(Word.FIRST, Word.ADDR)
    w.load_a_pair(Word.ADDR)
    w.add_pair(Word.COUNT)
    # K is 1 for the second target.
    w.read(Word.TARGET)
    w.go("load_0", Condition.ZERO, source=Source.LOCAL, destination=Register.K)
    for target in list(LoadTarget)[1:-1]:
        w.go(f"load_{target}", Condition.LAST, action=Action.COUNT_DOWN)
    for target in reversed(LoadTarget):
        size, unit_bytes = units[target]
        w.label(f"load_{target}")
        w.add(-1 - size)
        w.go("load_memory", source=Source.INDEX, index=unit_bytes.bit_length() - 1, destination=Register.L)
    w.label("load_memory")
    w.unless("out_of_range", Condition.NEGATIVE)
    w.load_a_pair(Word.COUNT)
    w.label("load_bytes")
    w.go("load_bytes", Condition.LOOP, alu=Alu.LEFT)
    w.store_a_pair(Word.NUMBER)
    w.call("in_memory", source=Source.INDEX, index=Word.MEM_ADDR, destination=Register.S)
    w.call("take_tokens")
    w.go("execute_load")


def _stream(w: Writer) -> None:
    w.label("check_stream")
    w.call("no_tokens")
    w.call("transfer")
    w.load_a_pair(Word.COUNT)
    w.op(alu=Alu.LEFT)
    w.op(alu=Alu.LEFT)
    w.call("in_memory", source=Source.INDEX, index=Word.MEM_ADDR, destination=Register.S)
    w.go("execute_stream")

    # Of LOAD and STREAM.
    w.label("transfer")
    w.load_a_pair(Word.COUNT)
    w.add(-1)
    w.go("illegal_field", Condition.NEGATIVE)
    w.load(Register.M_LOW, Word.MEM_ADDR)
    w.label("aligned")
    w.constant(Register.B_LOW, 1, alu=Alu.CLEAR)
    w.op(alu=Alu.BIT)
    w.op(alu=Alu.BIT)
    w.add(-1)
    w.unless("illegal_field", Condition.NEGATIVE)
    w.back()


def _gemm(w: Writer) -> None:
    """Operands are checked as if they were of M rows of N bytes."""
    words = {field: Word.GEMM + field for field in Gemm}
    w.label("check_gemm")
    _engine(w, Engine.ARRAY)
    _rows(w, words[Gemm.M])
    _not_zero(w, words[Gemm.N])
    _not_zero(w, words[Gemm.K])
    # More than one tile asks for whole banks.
    w.load_a(words[Gemm.N])
    w.add(-1 - w.config.cols)
    w.go("one_tile", Condition.NEGATIVE)
    _not_zero(w, words[Gemm.CLEAR])
    _not_zero(w, words[Gemm.RELEASE])
    w.label("one_tile")
    w.load_a(words[Gemm.K])
    w.op(alu=Alu.LEFT)
    w.op(alu=Alu.LEFT)
    w.write(Word.N, Source.A_LOW)
    w.copy(Word.M, words[Gemm.M])
    _in(w, "in_scratchpad", words[Gemm.A])
    w.if_even("gemm_checked", words[Gemm.B_SCRATCHPAD])
    w.copy(Word.M, words[Gemm.N])
    _in(w, "in_scratchpad", words[Gemm.B])
    w.label("gemm_checked")
    w.call("take_tokens")
    w.go("execute_gemm")


def _drain(w: Writer) -> None:
    w.label("check_drain")
    w.call("post")
    for words in _KINDS:
        exists = w.new_label("exists")
        w.if_even(exists, words)
        w.if_odd("illegal_field", words + 1)
        w.label(exists)
    w.if_even("not_to_memory", bit_word(Destination.MEMORY))
    w.load(Register.M_LOW, Word.DEST)
    w.call("aligned")
    w.label("not_to_memory")
    # Statistics are of int16.
    w.if_odd("of_int16", bit_word(Stats.MAX))
    w.if_even("no_statistics", bit_word(Stats.MOMENTS))
    w.if_even("of_int16", Word.STATS_LAST)
    _not_zero(w, Word.ROW_LENGTH)
    w.label("of_int16")
    _not_zero(w, bit_word(Destination.VECTOR))
    w.if_odd("illegal_field", Word.TABLE_ENABLE)
    w.label("no_statistics")

    w.if_odd("drain_to_vector", bit_word(Destination.VECTOR))
    w.if_odd("drain_to_memory", bit_word(Destination.MEMORY))
    _in(w, "in_scratchpad", Word.DEST)
    w.go("drain_params")
    w.label("drain_to_vector")
    _in(w, "in_vector", Word.DEST)
    w.go("drain_params")
    w.label("drain_to_memory")
    w.load_a(Word.N)
    w.call("times_rows", source=Source.A_LOW, destination=Register.B_LOW)
    w.shift(left_shift(2))
    w.call("in_memory", source=Source.INDEX, index=Word.DEST, destination=Register.S)

    w.label("drain_params")
    w.if_odd("params_of_rows", bit_word(ParamMode.ROW))
    w.if_odd("one_param", bit_word(ParamMode.FIXED))
    w.load_a(Word.N, target="params_counted")
    w.label("params_of_rows")
    w.load_a(Word.M, target="params_counted")
    w.label("one_param")
    w.load_a(bit_word(ParamMode.FIXED))
    w.label("params_counted")
    w.call("in_params")
    w.if_even("no_residual", bit_word(SecondStage.RESIDUAL))
    _in(w, "in_vector", Word.VECTOR)
    w.label("no_residual")
    w.read(Word.TABLE_ENABLE)
    w.call("in_tables", Condition.ODD, source=Source.LOCAL)
    for word in (bit_word(Stats.MAX), bit_word(Stats.MOMENTS), Word.ROW_SCALE):
        w.read(word)
        w.call("in_rows", Condition.ODD, source=Source.LOCAL)
    w.call("take_tokens")
    w.go("execute_drain")

    # Of DRAIN and SWEEP.
    w.label("post")
    _engine(w, Engine.POST)
    _rows(w, Word.M)
    _not_zero(w, Word.N)
    w.back()


def _sweep(w: Writer) -> None:
    softmax_or_gather = bit_word(SweepKind.SOFTMAX, SweepKind.GATHER)
    scales = bit_word(SweepKind.LAYERNORM, SweepKind.GATHER)
    w.label("check_sweep")
    w.call("post")
    w.if_odd("softmax_or_gather", softmax_or_gather)
    w.if_odd("sweep_legal", scales)
    _not_zero(w, Word.ROW_LENGTH)
    w.go("sweep_legal")
    w.label("softmax_or_gather")
    w.if_even("sweep_legal", scales)
    _at_most(w, Word.N, 1)
    _at_most(w, Word.LANE, w.config.lanes - 1)
    _at_most(w, Word.BYTE, w.config.rows - 1)
    w.label("sweep_legal")
    _in(w, "in_vector", Word.VECTOR)
    w.if_odd("sweep_scales", scales)
    w.if_even("sweep_rows", softmax_or_gather)
    _in(w, "in_scratchpad", Word.DEST)
    w.call("in_tables")
    w.go("sweep_rows")
    w.label("sweep_scales")
    _in(w, "in_scratchpad", Word.DEST)
    w.load_a(Word.N)
    w.call("in_params")
    w.label("sweep_rows")
    w.call("in_rows")
    w.call("take_tokens")
    w.go("execute_sweep")


def _tokens(w: Writer) -> None:
    """What has no engine takes no part in tokens."""
    w.label("no_tokens")
    w.small(Register.S, Word.WAIT)
    w.small(Register.L, 2 * len(Engine))
    w.label("no_token")
    w.op(local=Local.READ_AT, action=Action.NEXT_RESULT)
    w.go("illegal_field", Condition.ODD, source=Source.LOCAL)
    w.go("no_token", Condition.LOOP)
    w.back()


def _operands(w: Writer) -> None:
    """Each leaves the first word of the operand in FIRST."""
    config = w.config

    w.label("in_scratchpad")
    w.call("last_row")
    w.op(alu=Alu.LEFT)
    w.op(alu=Alu.LEFT)
    w.constant(Register.B_LOW, config.scratchpad_words * config.rows % (1 << 16))
    w.small(Register.B_HIGH, config.scratchpad_words * config.rows >> 16)
    w.go("ends_before_b")
    w.label("in_vector")
    w.call("last_row")
    w.constant(Register.B_LOW, config.vector_words)
    w.label("ends_before_b")
    w.read(Word.N)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.label("before_b")
    w.op(alu=Alu.SUBTRACT)
    w.add(-1)
    w.unless("out_of_range", Condition.NEGATIVE)
    w.back()

    # A is the number of bytes, S points to the address. Memory ends at 2**32.
    w.label("in_memory")
    w.call("to_first")
    w.call("add_first")
    w.small(Register.B_LOW, 0)
    w.small(Register.B_TOP, 1)
    w.go("before_b")

    # A is the number of records, or zero for rows.
    w.label("in_params")
    w.read(Word.PARAM)
    w.write(Word.FIRST, Source.LOCAL)
    w.constant(Register.B_LOW, config.param_words)
    w.go("first_is_short")
    w.label("in_rows")
    w.load_a(Word.M)
    w.read(Word.STATS)
    w.write(Word.FIRST, Source.LOCAL)
    w.constant(Register.B_LOW, config.acc_depth)
    w.label("first_is_short")
    w.write_zero(Word.FIRST + 1)
    w.read(Word.FIRST)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.go("before_b")
    w.label("in_tables")
    w.load_a(Word.TABLE + 1)
    w.op(alu=Alu.LEFT)
    w.read(Word.TABLE)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.write(Word.FIRST, Source.A_LOW)
    w.write(Word.FIRST + 1, Source.A_HIGH)
    w.small(Register.B_LOW, config.tables - 1)
    w.go("before_b")

    # The first word of the last row.
    w.label("last_row")
    w.call("to_first")
    w.op(local=Local.READ_AT)
    w.call("times_rows_less_one", source=Source.LOCAL, destination=Register.B_LOW)
    w.label("add_first")
    w.load_b_pair(Word.FIRST)
    w.small(Register.B_TOP, 0)
    w.back(alu=Alu.ADD)
    w.label("to_first")
    for half in range(2):
        w.op(local=Local.READ_AT, action=Action.NEXT_RESULT)
        w.write(Word.FIRST + half, Source.LOCAL)
    w.back()
    w.label("times_rows")
    w.load_a(Word.M)
    w.go("times_a")
    w.label("times_rows_less_one")
    w.load_a(Word.M)
    w.add(-1)
    w.label("times_a")
    w.op(source=Source.A_LOW, destination=Register.M_LOW)
    w.small(Register.M_HIGH, 0, alu=Alu.CLEAR)
    w.small(Register.B_HIGH, 0)
    w.whole_product()
    w.back()
