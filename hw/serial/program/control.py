"""The life of a program: soft reset, fetch, dispatch, tokens, end."""

from hw.isa import INSTRUCTION_BYTES, Drain, Engine, ErrorCode, Gemm, Instruction, Load, Opcode, Stream
from hw.isa import Sweep, fields_of
from hw.registers import Status
from hw.serial.memory_bus import BUS_BYTES
from hw.serial.microcode import Access, Action, Alu, Condition, Local, Register, Source
from hw.serial.program.words import Host, Word
from hw.serial.program.writer import Writer

__all__ = ["write_control"]

_INSTRUCTION_WORDS = INSTRUCTION_BYTES // BUS_BYTES
_ENGINES = len(Engine)
_HALF_BITS = 16

_PLACES: dict[type[Instruction], dict[str, int]] = {
    Load: {"target": Word.TARGET},
    Stream: {"mem_addr": Word.MEM_ADDR, "count": Word.COUNT},
    Gemm: {"m": Word.GEMM},
    Drain: {"m": Word.M},
    Sweep: {
        "kind": Word.KIND,
        "m": Word.M,
        "src_addr": Word.VECTOR,
        "src_lane": Word.LANE,
        "dest_addr": Word.DEST,
        "dest_byte": Word.BYTE,
        "param_addr": Word.PARAM,
        "second_shift": Word.SECOND_SHIFT,
        "table": Word.TABLE,
        "stats_addr": Word.STATS,
    },
}
"""Where fields go; each other one goes behind the one before it."""

_BITWISE = {"wait", "signal", "dest", "param_mode", "second", "table", "stats", "kind"}
"""Fields of which each bit gets a word."""


def write_control(w: Writer) -> None:
    """Write it; execution begins at its start."""
    _reset(w)
    _start(w)
    _fetch(w)
    _dispatch(w)
    _take(w)
    _tokens(w)
    _end(w)


def _reset(w: Writer) -> None:
    """Wait for the bus, which must get neither another address nor other data; then clear everything."""
    w.label("reset")
    w.go("settled", Condition.DEAD)
    w.go("reset", Condition.OWED)
    w.label("settled")
    w.op(action=Action.FORGET)
    w.small(Register.V, 0)
    w.small(Register.T, 1)
    w.constant(Register.K, w.map.depth)
    w.label("clear_memory")
    w.op(access=Access.WRITE_VECTOR, source=Source.INDEX, action=Action.NEXT_VECTOR)
    w.unless("clear_memory", Condition.LAST, action=Action.COUNT_DOWN)
    w.small(Register.S, 0)
    w.constant(Register.K, w.config.scratchpad_words * w.config.rows // 2)
    w.label("clear_scratchpad")
    w.unless(
        "clear_scratchpad",
        Condition.LAST,
        access=Access.STORE_HALF,
        source=Source.INDEX,
        action=Action.COUNT_DOWN,
    )
    w.small(Register.MODE, 0b10)
    w.small(Register.ROW, 0)
    w.small(Register.L, w.config.cols)
    w.op(action=Action.NO_WEIGHTS)
    for _ in range(w.config.acc_banks):
        w.small(Register.L, w.config.acc_depth)
        w.op(access=Access.STREAM)
    w.constant(Register.S, Word.TOKENS)
    w.repeat(
        Word.GEMM_IN - Word.TOKENS, local=Local.WRITE_AT, source=Source.INDEX, action=Action.NEXT_RESULT
    )
    for word in (Word.GEMM_IN, Word.GEMM_OUT):
        w.write_constant(word, w.map.gemms)
    for word in (Word.STREAM_IN, Word.STREAM_OUT):
        w.write_constant(word, w.map.streams)
    w.small(Register.S, Host.ERROR_CODE)
    w.repeat(
        Host.ERROR_ADDR + 2 - Host.ERROR_CODE,
        local=Local.WRITE_AT,
        source=Source.INDEX,
        action=Action.NEXT_RESULT,
    )
    w.small(Register.STATUS, 0)


def _start(w: Writer) -> None:
    w.label("idle")
    w.unless("idle", Condition.START)
    w.small(Register.STATUS, Status.BUSY)
    w.copy_pair(Word.FETCH, Host.PROGRAM_ADDR)
    w.copy_pair(Word.LEFT, Host.PROGRAM_LENGTH)
    for word in (Word.INDEX, Word.INDEX + 1, Host.INSTRUCTIONS, Host.INSTRUCTIONS + 1):
        w.write_constant(word, 0)


def _fetch(w: Writer) -> None:
    w.label("next")
    w.load_a_pair(Word.LEFT)
    w.add(-1)
    w.unless("no_halt", Condition.NOT_NEGATIVE)
    w.store_a_pair(Word.LEFT)
    w.copy_pair(Word.BURST_ADDR, Word.FETCH)
    w.write_constant(Word.BURST_LEFT, _INSTRUCTION_WORDS)
    w.write_constant(Word.BURST_LEFT + 1, 0)
    w.write_constant(Word.OF_STREAM, 0)
    w.label("fetch_burst")
    w.call("burst")
    w.go("fetch_burst", Condition.NOT_NEGATIVE)
    w.copy_pair(Word.FETCH, Word.BURST_ADDR)


def _dispatch(w: Writer) -> None:
    w.small(Register.K, 1)
    w.constant(Register.S, Word.OPCODE)
    w.call("take", source=Source.INDEX, index=4, destination=Register.L)
    for _ in range(2 * _ENGINES):
        w.call("take", source=Source.INDEX, index=1, destination=Register.L)
    w.load_a(Word.OPCODE)
    w.constant(Register.B_LOW, -1)
    w.op(alu=Alu.ADD)
    for opcode in Opcode:
        w.go(opcode.name.lower(), Condition.ZERO, source=Source.A_LOW, alu=Alu.ADD)
    w.label("illegal_opcode")
    w.write_constant(Host.ERROR_CODE, ErrorCode.ILLEGAL_OPCODE)
    w.go("refuse")

    for cls, places in _PLACES.items():
        w.label(cls.opcode.name.lower())
        for name, width, _signed in list(fields_of(cls))[2:]:
            if name in places:
                w.constant(Register.S, places[name])
            widths = [1] * width if name in _BITWISE else [min(width, _HALF_BITS), width - _HALF_BITS]
            for part in widths:
                if part > 0:
                    w.call("take", source=Source.INDEX, index=part, destination=Register.L)
        w.call("settle")
        w.go(f"check_{cls.opcode.name.lower()}")


def _take(w: Writer) -> None:
    """The next L bits of the instruction to word S of the file. K - 1 bits are left in M."""
    w.label("take")
    w.constant(Register.B_LOW, 1, alu=Alu.CLEAR)
    w.label("take_bit")
    w.unless("bit_there", Condition.LAST)
    w.label("take_half")
    w.go("bus_error", Condition.FAILED)
    w.unless("take_half", Condition.WORD)
    w.op(source=Source.WORD, destination=Register.M_LOW, action=Action.POP)
    w.small(Register.K, _HALF_BITS + 1)
    w.label("bit_there")
    w.op(alu=Alu.BIT, action=Action.COUNT_DOWN)
    w.go("take_bit", Condition.LOOP)
    w.back(local=Local.WRITE_AT, source=Source.A_LOW, action=Action.NEXT_RESULT)

    # Until all of the instruction has come; the rest of it is dropped.
    w.label("settle")
    w.go("bus_error", Condition.FAILED)
    w.go("settle", Condition.OWED)
    w.back(action=Action.FORGET)


def _tokens(w: Writer) -> None:
    # From each engine in WAIT; the counters of one taker are three apart.
    w.label("take_tokens")
    for giver in range(_ENGINES):
        w.read(Word.WAIT + giver)
        w.call("take_token", Condition.ODD, source=Source.LOCAL)
        w.add_to(Word.ENGINE, _ENGINES)
    w.back()
    w.label("take_token")
    w.load(Register.S, Word.ENGINE)
    w.op(local=Local.READ_AT)
    w.go("hang", Condition.ZERO, source=Source.LOCAL, destination=Register.B_LOW, alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.add(-1)
    w.back(local=Local.WRITE_AT, source=Source.A_LOW)

    # To each engine in SIGNAL of the instruction.
    w.label("give_tokens")
    w.load(Register.S, Word.GIVEN)
    for taker in range(_ENGINES):
        w.read(Word.SIGNAL + taker)
        w.call("give_token", Condition.ODD, source=Source.LOCAL)
        w.op(action=Action.NEXT_RESULT)
    w.back()
    w.label("give_token")
    w.op(local=Local.READ_AT)
    w.take(Register.B_LOW, alu=Alu.CLEAR)
    w.op(alu=Alu.ADD)
    w.add(1)
    w.back(local=Local.WRITE_AT, source=Source.A_LOW)


def _end(w: Writer) -> None:
    # The instruction is complete, with its tokens.
    w.label("done")
    w.call("give_tokens")
    w.label("dispatched")
    w.call("count")
    w.go("next")
    w.label("count")
    for pair in (Word.INDEX, Host.INSTRUCTIONS):
        w.load_a_pair(pair)
        w.add(1)
        w.store_a_pair(pair)
    w.back()

    w.label("halt")
    w.call("settle")
    w.call("no_tokens")
    w.call("count")
    w.call("nothing_left")
    w.small(Register.STATUS, Status.DONE)
    w.go("idle")

    # Whatever is left waits for ever.
    w.label("nothing_left")
    w.read(Word.GEMMS)
    w.unless("hang", Condition.ZERO, source=Source.LOCAL)
    for half in range(2):
        w.read(Word.STREAMED + half)
        w.unless("hang", Condition.ZERO, source=Source.LOCAL)
    w.back()
    w.label("hang")
    w.go("hang")

    w.label("no_halt")
    w.write_constant(Host.ERROR_CODE, ErrorCode.NO_HALT)
    w.go("refuse")
    w.label("illegal_field")
    w.write_constant(Host.ERROR_CODE, ErrorCode.ILLEGAL_FIELD)
    w.go("refuse")
    w.label("out_of_range")
    w.write_constant(Host.ERROR_CODE, ErrorCode.OUT_OF_RANGE)
    w.copy_pair(Host.ERROR_ADDR, Word.FIRST)
    w.label("refuse")
    w.call("settle")
    w.call("nothing_left")
    w.label("fail")
    w.copy_pair(Host.ERROR_INDEX, Word.INDEX)
    w.label("failed")
    w.small(Register.STATUS, Status.ERROR)
    w.label("dead_end")
    w.go("dead_end")

    # The bus has failed: nothing else is waited for.
    w.label("bus_error")
    w.copy_pair(Host.ERROR_ADDR, Word.BURST_FIRST)
    w.write_constant(Host.ERROR_CODE, ErrorCode.BUS_READ)
    w.label("bus_failed")
    w.unless("answered", Condition.DEAD)
    w.write_constant(Host.ERROR_CODE, ErrorCode.BUS_TIMEOUT)
    w.label("answered")
    w.read(Word.OF_STREAM)
    w.unless("fail", Condition.ODD, source=Source.LOCAL)
    w.copy_pair(Host.ERROR_INDEX, Word.STREAM_INDEX)
    w.go("failed")
