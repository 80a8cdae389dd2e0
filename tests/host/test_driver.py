"""The driver against registers that do as a script says."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from host.driver import Driver
from spec.config import AcceleratorConfig
from spec.device import DeviceError
from spec.isa import ErrorCode, Halt, Load
from spec.program import Program
from spec.registers import COUNTERS, REGISTERS, Control, Status

OFFSETS = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}
CONFIG = AcceleratorConfig(rows=2, cols=2)
CODE = Load(addr=3, count=2).encode() + b"\xff" * 32 + Halt().encode()


class Registers:
    """Registers that ``step`` changes as time passes."""

    def __init__(self, step: Callable[["Registers"], None] = lambda _registers: None) -> None:
        self.values: dict[str, int] = {}
        self.written: list[tuple[str, int]] = []
        self.time = 0
        self._step = step

    def read_registers(self, offsets: Sequence[int]) -> list[int]:
        by_offset = {OFFSETS[name]: value & 0xFFFFFFFF for name, value in self.values.items()}
        by_offset |= {OFFSETS[c.name] + 4: self.values.get(c.name, 0) >> 32 for c in COUNTERS}
        return [by_offset.get(offset, 0) for offset in offsets]

    def write_registers(self, values: Mapping[int, int]) -> None:
        names = {offset: name for name, offset in OFFSETS.items()}
        self.written += [(names[offset], value) for offset, value in values.items()]

    def pause(self) -> int:
        self.time += 10
        self._step(self)
        return self.time


def program() -> Program:
    return Program(
        config=CONFIG,
        instructions=np.frombuffer(CODE, np.uint8),
        instructions_addr=64,
        constants=np.zeros(0, np.uint8),
        constants_addr=0,
        inputs={},
        outputs={},
        memory_bytes=256,
        macs=0,
    )


def test_reset_waits_until_it_has_ended() -> None:
    registers = Registers(lambda r: r.values.update(STATUS=Status.RESETTING if r.time < 50 else 0))
    registers.values["STATUS"] = Status.RESETTING
    Driver(registers, "cycles").reset(registers.pause)
    assert registers.written == [("CONTROL", Control.SOFT_RESET)]
    assert registers.time == 50


def test_reset_that_does_not_end() -> None:
    registers = Registers()
    registers.values["STATUS"] = Status.RESETTING
    message = r"^the soft reset has not ended after 100 cycles: the memory still owes answers, and .* hardware reset$"
    with pytest.raises(DeviceError, match=message):
        Driver(registers, "cycles").reset(registers.pause, 100)
    assert registers.time == 110


def test_start_comes_last() -> None:
    registers = Registers()
    Driver(registers, "ms").start(program())
    assert registers.written == [
        ("PROGRAM_ADDR", 64),
        ("PROGRAM_LENGTH", 3),
        ("IRQ_ENABLE", 1),
        ("CONTROL", Control.START),
    ]


@pytest.mark.parametrize(
    "sign", ["instructions", "array_busy", "post_busy", "load_bytes", "weight_bytes", "write_bytes"]
)
def test_waits_as_long_as_anything_gets_on(sign: str) -> None:
    def step(registers: Registers) -> None:
        registers.values |= {"STATUS": Status.BUSY if registers.time < 1000 else Status.DONE}
        registers.values[sign] = registers.time // 50

    registers = Registers(step)
    seen: list[tuple[int, int]] = []
    Driver(registers, "ms").wait(program(), registers.pause, 100, lambda time, count: seen.append((time, count)))
    assert registers.time == 1000
    assert [time for time, _ in seen] == list(range(10, 1000, 10))
    assert {count for _, count in seen} == (set(range(20)) if sign == "instructions" else {0})


def test_gives_up_when_nothing_gets_on() -> None:
    def step(registers: Registers) -> None:
        registers.values |= {"STATUS": Status.BUSY, "instructions": min(registers.time // 10, 7)}

    registers = Registers(step)
    with pytest.raises(DeviceError, match=r"^instruction 7: no progress for 100 ms$") as caught:
        Driver(registers, "ms").wait(program(), registers.pause, 100)
    assert registers.time == 170
    assert (caught.value.code, caught.value.index) == (ErrorCode.NONE, 7)


def test_a_start_that_is_refused_is_reported() -> None:
    registers = Registers()
    registers.values["STATUS"] = Status.REFUSED | Status.ERROR
    with pytest.raises(DeviceError, match=r"^the accelerator has refused to start: it needs a soft reset first$"):
        Driver(registers, "ms").wait(program(), registers.pause, 100)


def test_a_deadlock_names_the_instruction_that_waits() -> None:
    registers = Registers()
    registers.values |= {"STATUS": Status.ERROR, "ERROR_CODE": ErrorCode.DEADLOCK}
    waits = dataclasses.replace(program(), instructions=np.frombuffer(Load(count=1, wait=4).encode(), np.uint8))
    message = r"^instruction 0 \(LOAD wait=4 count=1\): DEADLOCK: waits for a token of POST$"
    with pytest.raises(DeviceError, match=message) as caught:
        Driver(registers, "ms").wait(waits, registers.pause, 100)
    assert (caught.value.code, caught.value.index) == (ErrorCode.DEADLOCK, 0)


def test_a_start_that_is_lost_is_a_hang() -> None:
    registers = Registers()
    with pytest.raises(DeviceError, match=r"^instruction 0: no progress for 100 ms$"):
        Driver(registers, "ms").wait(program(), registers.pause, 100)


@pytest.mark.parametrize(
    ("index", "addr", "message"),
    [
        (0, 0x40, r"^instruction 0 \(LOAD addr=3 count=2\): BUS_READ at address 0x40$"),
        (1, 0, r"^instruction 1: BUS_READ$"),
        (2, 0, r"^instruction 2 \(HALT\): BUS_READ$"),
        (3, 0, r"^instruction 3: BUS_READ$"),
    ],
)
def test_errors_in_words(index: int, addr: int, message: str) -> None:
    registers = Registers()
    registers.values |= {"STATUS": Status.ERROR, "ERROR_CODE": 4, "ERROR_INDEX": index, "ERROR_ADDR": addr}
    with pytest.raises(DeviceError, match=message) as caught:
        Driver(registers, "ms").wait(program(), registers.pause, 100)
    assert (caught.value.code, caught.value.index, caught.value.addr) == (ErrorCode.BUS_READ, index, addr)


def test_counters_have_both_words() -> None:
    registers = Registers()
    registers.values |= {counter.name: (i << 32) + 2 * i for i, counter in enumerate(COUNTERS)}
    counters = Driver(registers, "ms").counters()
    assert counters == {counter.name: (i << 32) + 2 * i for i, counter in enumerate(COUNTERS)}
