"""The life of a program: soft reset, fetch, dispatch, tokens, end."""

from dataclasses import fields

from hw.micro.memory_bus import BUS_BYTES
from hw.micro.microcode import Access, Action, Alu, Condition, Local, Register, Source
from hw.micro.program.words import Gemm as GemmWord
from hw.micro.program.words import Host, Word
from hw.micro.program.writer import Writer, left_shift, right_shift
from hw.micro.register_file import FIRST_LOCAL, file_index
from spec.isa import (
    INSTRUCTION_BYTES,
    ISA_VERSION,
    MOST_TOKENS,
    Drain,
    Engine,
    ErrorCode,
    Gemm,
    Instruction,
    Load,
    Opcode,
    Stream,
    Sweep,
    fields_of,
)
from spec.registers import DEVICE_ID, Status

__all__ = ["write_control"]

_INSTRUCTION_WORDS = INSTRUCTION_BYTES // BUS_BYTES
_INSTRUCTION_BITS = (INSTRUCTION_BYTES - 1).bit_length()
_BYTE_BITS = (BUS_BYTES - 1).bit_length()
_ENGINES = len(Engine)
_HALF_BITS = 16
_MOST_LOOPS = 255
_TOKEN = (1 << _HALF_BITS - 1) // MOST_TOKENS + 1
"""What a token is in its counter: as many as there may be are LONG, and one less are not."""

_PLACES: dict[type[Instruction], dict[str, int]] = {
    Load: {"target": Word.TARGET, "addr": Word.ADDR, "count": Word.COUNT, "mem_addr": Word.MEM_ADDR},
    Stream: {"mem_addr": Word.MEM_ADDR, "count": Word.COUNT},
    Gemm: {
        "m": Word.GEMM + GemmWord.M,
        "n": Word.GEMM + GemmWord.N,
        "k_tiles": Word.GEMM + GemmWord.K,
        "a_addr": Word.GEMM + GemmWord.A,
        "a_stride": Word.GEMM + GemmWord.A_STRIDE,
        "a_unsigned": Word.GEMM + GemmWord.UNSIGNED,
        "b_scratchpad": Word.GEMM + GemmWord.B_SCRATCHPAD,
        "b_addr": Word.GEMM + GemmWord.B,
        "b_stride": Word.GEMM + GemmWord.B_STRIDE,
        "clear": Word.GEMM + GemmWord.CLEAR,
        "release": Word.GEMM + GemmWord.RELEASE,
    },
    Drain: {
        "m": Word.M,
        "n": Word.N,
        "dest": Word.KIND,
        "dest_addr": Word.DEST,
        "dest_stride": Word.DEST_STRIDE,
        "param_mode": Word.PARAM_MODE,
        "param_addr": Word.PARAM,
        "pre_shift": Word.PRE_SHIFT,
        "shift": Word.SHIFT,
        "row_scale": Word.ROW_SCALE,
        "second": Word.SECOND_STAGE,
        "second_shift": Word.SECOND_SHIFT,
        "res_addr": Word.VECTOR,
        "res_stride": Word.VECTOR_STRIDE,
        "table_enable": Word.TABLE_ENABLE,
        "table": Word.TABLE,
        "clip_low": Word.CLIP_LOW,
        "clip_high": Word.CLIP_HIGH,
        "stats": Word.STATISTICS,
        "stats_first": Word.STATS_FIRST,
        "stats_last": Word.STATS_LAST,
        "stats_addr": Word.STATS,
        "row_length": Word.ROW_LENGTH,
    },
    Sweep: {
        "kind": Word.KIND,
        "m": Word.M,
        "n": Word.N,
        "src_addr": Word.VECTOR,
        "src_stride": Word.VECTOR_STRIDE,
        "src_lane": Word.LANE,
        "dest_addr": Word.DEST,
        "dest_stride": Word.DEST_STRIDE,
        "dest_byte": Word.BYTE,
        "param_addr": Word.PARAM,
        "second_shift": Word.SECOND_SHIFT,
        "table": Word.TABLE,
        "clip_low": Word.CLIP_LOW,
        "clip_high": Word.CLIP_HIGH,
        "stats_addr": Word.STATS,
        "row_length": Word.ROW_LENGTH,
    },
}
"""Where fields go; that of the tokens is the same for all."""

_BITWISE = {"wait", "signal", "dest", "param_mode", "second", "table", "stats", "kind"}
"""Fields of which each bit gets a word."""


def write_control(w: Writer) -> None:
    """Write the frame of the microprogram.

    Execution begins at its start after a hardware reset, and one step later after a soft one.
    """
    w.go("hardware_reset")
    _reset(w)
    _start(w)
    _fetch(w)
    _dispatch(w)
    _take(w)
    _tokens(w)
    _end(w)
    _hardware_reset(w)


def _reset(w: Writer) -> None:
    """Wait for the bus, which must get neither another address nor other data; then clear everything.

    Words that still come are forgotten, as the bus waits for room.
    """
    w.label("reset")
    w.op(source=Source.ZERO, destination=Register.V, action=Action.FORGET)
    w.go("reset", Condition.OWED)
    w.small(Register.T, 1)
    w.constant(Register.K, w.map.depth)
    w.label("clear_memory")
    w.op(access=Access.WRITE_VECTOR, source=Source.ZERO, action=Action.NEXT_VECTOR)
    w.unless("clear_memory", Condition.LAST, action=Action.COUNT_DOWN)
    w.small(Register.S, 0)
    w.constant(Register.K, w.config.scratchpad_words * w.config.rows // 2)
    w.label("clear_scratchpad")
    w.op(access=Access.STORE_HALF, source=Source.ZERO)
    w.unless("clear_scratchpad", Condition.LAST, action=Action.COUNT_DOWN)
    # Sums that are cleared, whatever is streamed: all rows, and the zeros behind them.
    w.small(Register.ROW, 0)
    rows = w.config.acc_depth * w.config.acc_banks + 1
    for first in range(0, rows, _MOST_LOOPS):
        w.small(Register.L, min(rows - first, _MOST_LOOPS))
        w.op(access=Access.STREAM)
    errors, counter = range(Host.ERROR_CODE, Host.ERROR_ADDR + 2), range(Host.INSTRUCTIONS, Host.INSTRUCTIONS + 2)
    for words in (range(Word.TOKENS, Word.GEMM_IN), errors, counter):
        _clear(w, words)
    for word in (Word.GEMM_IN, Word.GEMM_OUT):
        w.write_constant(word, w.map.gemms)
    for word in (Word.STREAM_IN, Word.STREAM_OUT):
        w.write_constant(word, w.map.streams)
    w.small(Register.STATUS, 0)


def _start(w: Writer) -> None:
    """Take registers, which wait for that: of the address, not the bits within a bus word."""
    w.label("idle")
    w.unless("idle", Condition.START)
    for half in range(2):
        w.write_zero(Host.INSTRUCTIONS + half)
    w.copy_pair(Word.PROGRAM_LENGTH, Host.PROGRAM_LENGTH)
    w.load_a_pair(Host.PROGRAM_ADDR)
    w.shift(right_shift(_BYTE_BITS))
    w.small(Register.M_TOP, 0)
    w.shift(left_shift(_BYTE_BITS))
    w.store_a_pair(Word.PROGRAM_ADDR)
    w.small(Register.STATUS, Status.BUSY)


def _hardware_reset(w: Writer) -> None:
    """Write all that the host sees, then go on as a soft reset does."""
    constants = {"ID": DEVICE_ID, "VERSION": ISA_VERSION}
    constants |= {"ROWS": w.config.rows, "COLS": w.config.cols, "LANES": w.config.lanes}
    w.label("hardware_reset")
    _clear(w, range(FIRST_LOCAL))
    for name, value in constants.items():
        for half, number in enumerate((value % (1 << _HALF_BITS), value >> _HALF_BITS)):
            if number:
                w.write_constant(file_index(name) + half, number)
    w.small(Register.READY, 1)
    w.go("reset")


def _clear(w: Writer, words: range) -> None:
    """Zeros go to words of the file."""
    w.small(Register.S, words.start)
    w.small(Register.L, len(words))
    clears = w.new_label("clears")
    w.label(clears)
    w.op(local=Local.WRITE_AT, source=Source.ZERO, action=Action.NEXT_RESULT)
    w.go(clears, Condition.LOOP)


def _fetch(w: Writer) -> None:
    """The number of instructions that were dispatched is the index of the next one."""
    w.label("next")
    w.load_a_pair(Host.INSTRUCTIONS)
    w.load_b_pair(Word.PROGRAM_LENGTH)
    w.if_not_less("no_halt")
    w.shift(left_shift(_INSTRUCTION_BITS))
    w.add_pair(Word.PROGRAM_ADDR)
    w.store_a_pair(Word.BURST_ADDR)
    w.write_constant(Word.BURST_LEFT, _INSTRUCTION_WORDS)
    w.write_zero(Word.OF_STREAM)
    w.label("fetch_burst")
    w.call("burst")
    w.unless("fetch_burst", Condition.NEGATIVE)


def _dispatch(w: Writer) -> None:
    take = {"target": "take", "call": True, "source": Source.INDEX, "destination": Register.L}
    w.small(Register.K, 1)
    w.small(Register.S, Word.OPCODE)
    w.op(index=4, **take)
    for _ in range(2 * _ENGINES):
        w.op(index=1, **take)
    w.constant(Register.B_LOW, -1)
    w.read(Word.OPCODE, alu=Alu.CLEAR)  # M has bits of the instruction
    w.go("illegal_opcode", Condition.ZERO, source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.op(alu=Alu.ADD)
    w.op(alu=Alu.ADD)
    for opcode in Opcode:
        w.go(opcode.name.lower(), Condition.NEGATIVE, alu=Alu.ADD)
    w.label("illegal_opcode")
    w.write_constant(Host.ERROR_CODE, ErrorCode.ILLEGAL_OPCODE)
    w.go("refuse")

    for cls, places in _PLACES.items():
        w.label(cls.opcode.name.lower())
        place = None
        for name, parts in _parts(cls).items():
            if places[name] != place:
                w.small(Register.S, places[name])
            for part in parts:
                w.op(index=part, **take)
            place = places[name] + len(parts)
        w.call("settle")
        w.go(f"check_{cls.opcode.name.lower()}")


def _parts(cls: type[Instruction]) -> dict[str, list[int]]:
    """Return how many bits of each field go to each of its words; no two fields of an instruction share one."""
    parts: dict[str, list[int]] = {}
    for name, width, _signed in fields_of(cls):
        if name in _BITWISE:
            parts[name] = [1] * width
        else:
            parts[name] = [part for part in (min(width, _HALF_BITS), width - _HALF_BITS) if part > 0]
    for field in fields(Instruction):
        del parts[field.name]
    places = _PLACES[cls]
    assert places.keys() == parts.keys(), f"fields of {cls.__name__} must have places"
    taken = [places[name] + i for name, sizes in parts.items() for i in range(len(sizes))]
    assert len(set(taken)) == len(taken), f"fields of {cls.__name__} must not share words"
    return parts


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
    w.op(local=Local.WRITE_AT, source=Source.A_LOW, action=Action.NEXT_RESULT)
    w.back()

    # Until all of a transfer has come; what nobody has taken is dropped.
    w.label("settle")
    w.go("bus_error", Condition.FAILED)
    w.go("settle", Condition.OWED)
    w.go("bus_error", Condition.FAILED)
    w.op(action=Action.FORGET)
    w.back()


def _tokens(w: Writer) -> None:
    """Counters of one giver stand side by side."""
    w.label("take_tokens")
    w.load(Register.S, Word.ENGINE)
    for giver in range(_ENGINES):
        w.read(Word.WAIT + giver)
        w.call("take_token", Condition.ODD, source=Source.LOCAL)
        if giver < _ENGINES - 1:
            for _ in range(_ENGINES):
                w.op(action=Action.NEXT_RESULT)
    w.back()
    w.label("take_token")
    w.op(local=Local.READ_AT, alu=Alu.CLEAR)
    w.go("hang", Condition.ZERO, source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.add(-_TOKEN)
    w.back(local=Local.WRITE_AT, source=Source.A_LOW)

    w.label("give_tokens")
    w.load(Register.S, Word.GIVEN)
    for taker in range(_ENGINES):
        w.read(Word.SIGNAL + taker)
        w.call("give_token", Condition.ODD, source=Source.LOCAL)
        w.op(action=Action.NEXT_RESULT)
    w.back()
    w.label("give_token")
    w.small(Register.B_LOW, _TOKEN, local=Local.READ_AT, alu=Alu.CLEAR)
    w.op(source=Source.LOCAL, alu=Alu.ADD_WORD)
    w.go("hang", Condition.LONG, alu=Alu.ADD)
    w.back(local=Local.WRITE_AT, source=Source.A_LOW)


def _end(w: Writer) -> None:
    # The instruction is complete, with its tokens.
    w.label("done")
    w.call("give_tokens")
    w.label("dispatched")
    w.call("count")
    w.go("next")
    w.label("count")
    w.load_a_pair(Host.INSTRUCTIONS)
    w.add(1)
    w.store_a_pair(Host.INSTRUCTIONS)
    w.back()

    w.label("halt")
    w.call("settle")
    w.call("no_tokens")
    w.call("count")
    # Whatever is left would wait for ever.
    for word in (Word.GEMMS, Word.STREAMED, Word.STREAMED + 1):
        w.read(word)
        w.unless("hang", Condition.ZERO, source=Source.LOCAL)
    w.small(Register.STATUS, Status.DONE, target="idle")

    w.label("hang")
    w.write_constant(Host.ERROR_CODE, ErrorCode.DEADLOCK)
    w.write_zero(Host.ERROR_ADDR)
    w.write_zero(Host.ERROR_ADDR + 1)
    w.go("failed")

    w.label("no_halt")
    w.write_constant(Host.ERROR_CODE, ErrorCode.NO_HALT)
    w.go("refuse")
    w.label("out_of_range")
    w.write_constant(Host.ERROR_CODE, ErrorCode.OUT_OF_RANGE)
    w.copy_pair(Host.ERROR_ADDR, Word.FIRST)
    w.go("refuse")
    w.label("illegal_field")
    w.write_constant(Host.ERROR_CODE, ErrorCode.ILLEGAL_FIELD)
    w.label("refuse")
    w.call("settle")
    w.read(Word.GEMMS)
    w.unless("hang", Condition.ZERO, source=Source.LOCAL)
    w.label("fail")
    w.copy_pair(Host.ERROR_INDEX, Host.INSTRUCTIONS)
    w.label("failed")
    w.small(Register.STATUS, Status.ERROR)
    w.label("dead_end")
    w.go("dead_end")

    # The bus has failed: nothing else is waited for.
    w.label("bus_error")
    w.write_constant(Host.ERROR_CODE, ErrorCode.BUS_READ)
    w.label("bus_failed")
    w.copy_pair(Host.ERROR_ADDR, Word.BURST_FIRST)
    w.unless("answered", Condition.DEAD)
    w.write_constant(Host.ERROR_CODE, ErrorCode.BUS_TIMEOUT)
    w.label("answered")
    w.if_even("fail", Word.OF_STREAM)
    w.copy_pair(Host.ERROR_INDEX, Word.STREAM_INDEX)
    w.go("failed")
