"""The board as a device: what it computes, what it sends, and how it fails. The FPGA is a model."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from host.board import BoardDevice
from host.board import device as device_module
from host.link.client import LinkClient
from sim.numpy import ModelDevice
from spec.config import AcceleratorConfig
from spec.device import DeviceError
from spec.isa import Destination, Drain, ErrorCode, Gemm, Load, LoadTarget
from spec.link import Command
from spec.program import Program, Region
from spec.registers import COUNTERS
from sw.lowering import MatmulLowering, NetworkLowering
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from tests.conformance.assembler import CONSTANTS_ADDR, Assembler
from tests.conformance.random_program import random_program
from tests.host.board.fpga import CYCLES, OFFSETS, AcceleratorModel
from tests.host.link.ports import ModelPort

CONFIG = AcceleratorConfig(rows=4, cols=4, scratchpad_kib=8, vector_kib=8, bus_bytes=8)
RANDOM = dataclasses.replace(CONFIG, scratchpad_kib=1, vector_kib=1, param_words=32, acc_depth=32)
"""Small memories, which random programs bring to their outputs as a whole."""

Inputs = dict[str, NDArray[np.generic]]


def connect(
    fpga: AcceleratorModel, config: AcceleratorConfig | None = None, disturbed: float = 0.0, **options: Any
) -> tuple[BoardDevice, ModelPort]:
    port = ModelPort(fpga, 0, disturbed)
    config = config or fpga.config
    client = LinkClient(port, bus_bytes=config.bus_bytes, tries=100 if disturbed else 3)
    return BoardDevice(client, config, **options), port


def product(seed: int) -> tuple[Program, Inputs, Callable[[Any], None]]:
    """Return a program, its inputs, and a check of its result."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(-128, 128, (9, 70), np.int8), rng.integers(-128, 128, (70, 6), np.int8)
    made = MatmulLowering(CONFIG, 9, 6, 70)

    def check(result: Any) -> None:
        np.testing.assert_array_equal(made.unpack(result.outputs["c"]), a.astype(np.int32) @ b.astype(np.int32))

    return made.program, made.pack(a, b), check


def rows_of(program: Program, rows: NDArray[np.int16]) -> Inputs:
    return {"rows": np.pad(rows, ((0, 0), (0, program.inputs["rows"].shape[1] - rows.shape[1])))}


def test_product_and_counters() -> None:
    device, _ = connect(AcceleratorModel(CONFIG))
    program, inputs, check = product(1)
    result = device.run(program, inputs)
    check(result)
    assert result.cycles == CYCLES
    assert result.counters.keys() == {counter.name for counter in COUNTERS}
    assert result.counters["cycles"] == CYCLES
    assert result.counters["instructions"] == len(program.instructions) // 32


@pytest.mark.parametrize("seed", range(3))
def test_random_programs_one_after_the_other(seed: int) -> None:
    device, _ = connect(AcceleratorModel(RANDOM))
    for number in range(3):
        program, inputs = random_program(RANDOM, 10 * seed + number)
        expected = ModelDevice(RANDOM).run(program, inputs).outputs
        outputs = device.run(program, inputs).outputs
        assert outputs.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(outputs[name], values, err_msg=name)


def test_disturbed_line_changes_nothing() -> None:
    device, _ = connect(AcceleratorModel(CONFIG), disturbed=0.1)
    for seed in range(3):
        program, inputs, check = product(seed)
        check(device.run(program, inputs))


def test_weights_are_written_once() -> None:
    checkpoint = random_checkpoint(0, layers=1, hidden=8, ffn=12)
    lowering = NetworkLowering(checkpoint, CONFIG)
    fpga = AcceleratorModel(CONFIG)
    device, _ = connect(fpga)
    short, long = lowering.lower(5), lowering.lower(9)
    rng = np.random.default_rng(0)
    written = []
    for program, length in ((short, 5), (short, 5), (long, 9), (long, 9)):
        rows = embed(checkpoint, rng.integers(0, 64, length))
        fpga.executed.clear()
        outputs = device.run(program, rows_of(program, rows)).outputs
        np.testing.assert_array_equal(outputs["logits"][: len(checkpoint.labels)], forward(checkpoint, rows))
        written.append(sum(length for _, length in fpga.memory_writes))
    constants, rows_bytes = len(short.constants), short.inputs["rows"].nbytes
    assert written[0] >= constants + rows_bytes + len(short.instructions)
    assert written[1] <= rows_bytes + 512
    assert written[2] < len(long.instructions) + long.inputs["rows"].nbytes + constants // 2
    assert written[3] <= long.inputs["rows"].nbytes + 512


def test_same_inputs_are_not_written_again() -> None:
    fpga = AcceleratorModel(CONFIG)
    device, _ = connect(fpga)
    program, inputs, check = product(1)
    check(device.run(program, inputs))
    fpga.executed.clear()
    check(device.run(program, inputs))
    # Only what shares a block with the output, which the program has written.
    assert sum(length for _, length in fpga.memory_writes) <= 512


def test_what_a_program_has_overwritten_is_written_again() -> None:
    asm = Assembler(RANDOM)
    operand = np.arange(1, 9, dtype=np.int8).reshape(2, 4)
    input_addr = asm.input("a", "int8", (2, 4))
    asm.add(Load(target=LoadTarget.SCRATCHPAD, count=2, mem_addr=input_addr))
    asm.load_broadcast(0)
    asm.stream(np.eye(4, dtype=np.int8))
    asm.add(Gemm(m=2, n=4, k_tiles=1, a_stride=1, clear=1, release=1))
    # Over the input, the constants behind it in memory, and what was zero.
    asm.add(Drain(m=2, n=4, dest=Destination.MEMORY, dest_addr=input_addr))
    asm.stream(np.eye(4, dtype=np.int8))
    asm.add(Gemm(m=2, n=4, k_tiles=1, a_stride=1, clear=1, release=1))
    asm.add(Drain(m=2, n=4, dest=Destination.MEMORY, dest_addr=CONSTANTS_ADDR))
    asm.output("unused", "int32", (8,))
    made = asm.program()
    program = dataclasses.replace(made, outputs={"c": Region(addr=input_addr, dtype="int32", shape=(2, 4))})
    device, _ = connect(AcceleratorModel(RANDOM))
    for _ in range(3):
        np.testing.assert_array_equal(device.run(program, {"a": operand}).outputs["c"], operand)


def test_progress_of_writing_is_told() -> None:
    seen: list[tuple[int, int]] = []
    fpga = AcceleratorModel(CONFIG)
    device, _ = connect(fpga, progress=lambda done, total: seen.append((done, total)))
    asm = Assembler(CONFIG)
    asm.constant(np.arange(40_000, dtype=np.int32))
    device.run(asm.program(), {})
    assert len(seen) > 5
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    written = sum(length for _, length in fpga.memory_writes)
    assert seen[-1] == (written, written)
    assert {total for _, total in seen} == {written}


def test_errors_are_those_of_the_registers() -> None:
    device, _ = connect(AcceleratorModel(CONFIG))
    asm = Assembler(CONFIG)
    asm.add(Load(addr=CONFIG.scratchpad_words, count=2))
    message = rf"^instruction 0 \(LOAD addr={CONFIG.scratchpad_words} count=2\): OUT_OF_RANGE at address 0x"
    with pytest.raises(DeviceError, match=message) as caught:
        device.run(asm.program(), {})
    assert (caught.value.code, caught.value.index) == (ErrorCode.OUT_OF_RANGE, 0)
    program, inputs, check = product(2)
    check(device.run(program, inputs))


def test_a_deadlock_is_one_line_and_the_next_program_runs() -> None:
    device, _ = connect(AcceleratorModel(CONFIG))
    asm = Assembler(CONFIG)
    asm.add(Gemm(m=1, n=1, k_tiles=1, clear=1, release=1))
    message = r"^instruction 0 \(GEMM .*\): DEADLOCK: waits for words of the weight stream$"
    with pytest.raises(DeviceError, match=message) as caught:
        device.run(asm.program(), {})
    assert (caught.value.code, caught.value.index) == (ErrorCode.DEADLOCK, 0)
    program, inputs, check = product(2)
    check(device.run(program, inputs))


def test_nothing_is_written_to_memory_before_the_reset_has_ended() -> None:
    """Until then an interrupted program may still write there."""
    fpga = AcceleratorModel(CONFIG)
    device, _ = connect(fpga)
    program, inputs, check = product(2)
    for _ in range(2):
        before = len(fpga.executed)
        check(device.run(program, inputs))
        done = [(frame[0], int.from_bytes(frame[2:6], "little")) for frame in fpga.executed[before:]]
        reset = done.index((Command.WRITE_REGISTER, OFFSETS["CONTROL"]))
        written = [number for number, (command, _) in enumerate(done) if command == Command.WRITE_MEMORY]
        status = done.index((Command.READ_REGISTER, OFFSETS["STATUS"]))
        assert reset < status < min(written)


def test_a_reset_that_does_not_end_is_one_line() -> None:
    fpga = AcceleratorModel(CONFIG)
    device, _ = connect(fpga, patience=30)
    resetting = 8
    fpga.write_register = lambda *_: fpga.registers.update({OFFSETS["STATUS"]: resetting})  # type: ignore[method-assign]
    program, inputs, _ = product(2)
    with pytest.raises(DeviceError, match=r"^the soft reset has not ended after 30 ms: "):
        device.run(program, inputs)


def test_too_little_memory_is_one_line() -> None:
    device, _ = connect(AcceleratorModel(CONFIG, memory_bytes=4096))
    asm = Assembler(CONFIG)
    asm.load_operand(0, np.ones((100, 4), np.int8))
    program = asm.program()
    message = rf"^the program needs {program.memory_bytes} bytes of memory, but none can be written at 0x1000$"
    with pytest.raises(DeviceError, match=message):
        device.run(program, {})


@pytest.mark.parametrize("moment", ["before", "while it writes", "while it runs"])
def test_unplugged_is_one_line_and_plugged_in_again_it_goes_on(moment: str) -> None:
    fpga = AcceleratorModel(CONFIG)
    device, port = connect(fpga)
    program, inputs, check = product(3)
    check(device.run(program, inputs))
    write, left = port.write, {"before": 0, "while it writes": 1, "while it runs": 8}[moment]

    def fail(data: bytes) -> None:
        nonlocal left
        if not left:
            raise OSError("write failed:\n[Errno 5] Input/output error")
        left -= 1
        write(data)

    port.write = fail  # type: ignore[method-assign]
    program, inputs, check = product(4)
    message = r"^the serial port failed, unplugged\?: write failed: \[Errno 5\] Input/output error$"
    with pytest.raises(ConnectionError, match=message):
        device.run(program, inputs)
    port.write = write  # type: ignore[method-assign]
    fpga.power_up()
    for _ in range(2):
        check(device.run(program, inputs))


def test_an_fpga_that_was_reset_between_runs_is_noticed() -> None:
    fpga = AcceleratorModel(CONFIG)
    device, _ = connect(fpga)
    program, inputs, check = product(3)
    check(device.run(program, inputs))
    fpga.power_up()
    fpga.expected = (fpga.executed[-1][1] + 129) % 256  # any number, but not by chance the right one
    with pytest.raises(ConnectionError, match=r"^the FPGA has lost its place among the requests; was it reset\?$"):
        device.run(program, inputs)
    check(device.run(program, inputs))


@pytest.mark.parametrize(
    ("register", "value", "error", "message"),
    [
        ("ID", 0xDEAD, ConnectionError, "the FPGA must hold an accelerator, whose ID is 0x5359534c, not 0xdead"),
        ("VERSION", 2, ConnectionError, "the FPGA must have version 1 of the instruction set, not 2"),
        ("ROWS", 8, ValueError, "the FPGA must have an array of 4x4 and 4 lanes, not an array of 8x4 and 4 lanes"),
        ("COLS", 8, ValueError, "the FPGA must have an array of 4x4 and 4 lanes, not an array of 4x8 and 4 lanes"),
        ("LANES", 2, ValueError, "the FPGA must have an array of 4x4 and 4 lanes, not an array of 4x4 and 2 lanes"),
    ],
)
def test_another_fpga_is_refused(register: str, value: int, error: type[Exception], message: str) -> None:
    fpga = AcceleratorModel(CONFIG)
    device, port = connect(fpga)
    fpga.registers[OFFSETS[register]] = value
    with pytest.raises(error, match=f"^{message}$"):
        connect(fpga)
    # It is also looked at again when the line has failed.
    program, inputs, _ = product(0)
    port.write, write = (lambda _data: None), port.write  # type: ignore[method-assign]
    with pytest.raises(ConnectionError, match="no answer"):
        device.run(program, inputs)
    port.write = write  # type: ignore[method-assign]
    with pytest.raises(error, match=f"^{message}$"):
        device.run(program, inputs)


def test_silence_is_one_line() -> None:
    class Silent(AcceleratorModel):
        def feed(self, data: bytes) -> bytes:
            return data[:0]

    with pytest.raises(
        ConnectionError, match=r"^no answer from the FPGA after 3 tries; is it connected and configured"
    ):
        connect(Silent(CONFIG))


def test_a_program_for_another_configuration_is_refused() -> None:
    device, _ = connect(AcceleratorModel(CONFIG))
    program, inputs = random_program(RANDOM, 0)
    with pytest.raises(ValueError, match=r"^the program must be made for "):
        device.run(program, inputs)


def test_opens_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    fpga = AcceleratorModel(CONFIG)
    opened: list[tuple[str, int]] = []

    def open_port(name: str, baud: int) -> ModelPort:
        opened.append((name, baud))
        return ModelPort(fpga, 0)

    monkeypatch.setattr(device_module, "open_port", open_port)
    program, inputs, check = product(1)
    check(BoardDevice.open(CONFIG, port="COM9").run(program, inputs))
    BoardDevice.open(CONFIG, port="COM7", baud=9600)
    assert opened == [("COM9", 3_000_000), ("COM7", 9600)]
