"""Programs of one model in a flash, and boards that run them from there."""

import hashlib
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host.board import BoardDevice, FlashImage
from host.board.flash_image import HEADER_BYTES
from host.link.client import LinkClient
from sim.numpy import ModelDevice
from spec.config import AcceleratorConfig
from spec.memory_map import MemoryMap
from spec.program import Program
from sw.lowering import MatmulLowering, NetworkLowering
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from tests.host.board.fpga import AcceleratorModel
from tests.host.link.ports import ModelPort

CONFIG = AcceleratorConfig(rows=4, cols=4, lanes=1, scratchpad_kib=8, vector_kib=8, bus_bytes=4)
WHERE = MemoryMap(data_addr=1 << 12, flash_bytes=1 << 17, ram_bytes=1 << 15)
CHECKPOINT = random_checkpoint(1)
LENGTHS = (9, 5, 2)


@pytest.fixture(scope="module")
def programs() -> list[Program]:
    lowering = NetworkLowering(CHECKPOINT, CONFIG)
    return [lowering.lower(length) for length in LENGTHS]


@pytest.fixture(scope="module")
def image(programs: list[Program]) -> FlashImage:
    return FlashImage.of(programs, WHERE)


def inputs_of(program: Program, length: int) -> tuple[dict, np.ndarray]:
    """Random inputs, and the logits that follow from them."""
    rows = embed(CHECKPOINT, np.random.default_rng(length).integers(0, 64, length))
    padded = np.pad(rows, ((0, 0), (0, program.inputs["rows"].shape[1] - rows.shape[1])))
    return {"rows": padded}, forward(CHECKPOINT, rows)


def flash_of(image: FlashImage) -> bytes:
    return (bytes(WHERE.data_addr) + image.content).ljust(WHERE.flash_bytes, b"\xff")


def fpga_with(content: bytes) -> AcceleratorModel:
    fpga = AcceleratorModel(CONFIG, WHERE.flash_bytes + WHERE.ram_bytes)
    fpga.memory[: len(content)] = content
    return fpga


def connect(fpga: AcceleratorModel, image: FlashImage) -> BoardDevice:
    return BoardDevice(LinkClient(ModelPort(fpga, 0), bus_bytes=CONFIG.bus_bytes, tries=3), CONFIG, flash=image)


def test_placed_programs_are_those_of_the_bytes(programs: list[Program], image: FlashImage) -> None:
    assert image.programs == len(LENGTHS)
    flash, device = flash_of(image), ModelDevice(CONFIG)
    for program, length in zip(programs, LENGTHS, strict=True):
        placed = image.place(program)
        for addr, part in ((placed.constants_addr, placed.constants), (placed.instructions_addr, placed.instructions)):
            assert flash[addr : addr + part.size] == part.tobytes()
        inputs, logits = inputs_of(placed, length)
        found = device.run(placed, inputs).outputs["logits"][: len(logits)]
        np.testing.assert_array_equal(found, logits)


def test_board_runs_from_the_flash_and_writes_nothing_but_inputs(programs: list[Program], image: FlashImage) -> None:
    fpga = fpga_with(flash_of(image))
    device = connect(fpga, image)
    for program, length in zip(programs, LENGTHS, strict=True):
        inputs, logits = inputs_of(program, length)
        found = device.run(program, inputs).outputs["logits"][: len(logits)]
        np.testing.assert_array_equal(found, logits)
    assert fpga.memory_writes
    assert all(addr >= WHERE.flash_bytes for addr, _ in fpga.memory_writes)


@pytest.mark.parametrize(("what", "found"), [("no image", "no image"), ("other", "another image")])
def test_board_with_another_flash_is_refused(programs: list[Program], image: FlashImage, what: str, found: str) -> None:
    content = flash_of(FlashImage.of(programs[:1], WHERE)) if what == "other" else b""
    message = f"the flash holds {found} at 0x1000, not the given one; write that there first"
    with pytest.raises(ConnectionError, match=f"^{message}$"):
        connect(fpga_with(content), image)


def test_flash_is_looked_at_again_after_a_failure(programs: list[Program], image: FlashImage) -> None:
    fpga = fpga_with(flash_of(image))
    device = connect(fpga, image)
    fpga.power_up()
    inputs, _ = inputs_of(programs[0], LENGTHS[0])
    with pytest.raises(ConnectionError, match="lost its place"):
        device.run(programs[0], inputs)
    with pytest.raises(ConnectionError, match=r"^the flash holds no image at 0x1000"):
        device.run(programs[0], inputs)


def test_programs_that_it_does_not_hold_are_refused(image: FlashImage) -> None:
    with pytest.raises(
        ValueError, match=r"^the flash image must hold the program of \d+ instructions; it has 3 others, "
    ):
        image.place(NetworkLowering(CHECKPOINT, CONFIG).lower(3))
    message = "^the flash image must hold the constants of the program; it is of another model$"
    for program in (NetworkLowering(random_checkpoint(2), CONFIG).lower(9), MatmulLowering(CONFIG, 2, 3, 4).program):
        with pytest.raises(ValueError, match=message):
            image.place(program)


def test_what_does_not_fit_is_refused(programs: list[Program]) -> None:
    other = NetworkLowering(random_checkpoint(2), CONFIG).lower(2)
    for chosen, where, message in (
        (programs, replace(WHERE, ram_bytes=64), "inputs and outputs must fit 64 bytes, not take "),
        (programs, replace(WHERE, data_addr=WHERE.flash_bytes - 64), "instructions and constants must fit 64 bytes, "),
        ([programs[0], other], WHERE, "programs of an image must have the same configuration and constants"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            FlashImage.of(chosen, where)


def test_damaged_files_are_refused(image: FlashImage, tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(image.content)
    assert FlashImage.load(path, WHERE).header == image.header
    damaged = bytearray(image.content)
    damaged[-1] ^= 1
    whole = "a flash image must be whole, with the digest that its header says"
    version = bytearray(image.content)
    version[8] = 2
    for content, message in (
        (b"text", "content must be a flash image"),
        (b"\0" * HEADER_BYTES, "content must be a flash image"),
        (version, "a flash image must be of format 1, not 2"),
        (damaged, whole),
        (image.content[:-4], whole),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} is not a flash image: {message}$"):
            FlashImage.load(path, WHERE)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (16, 1 << 31, r"a flash image of \d+ bytes must hold its 3 programs and 2147483648 bytes of constants"),
        (20, 0, r"a flash image of \d+ bytes must hold its 0 programs and \d+ bytes of constants"),
        (20, (1 << 32) - 1, r"a flash image of \d+ bytes must hold its 4294967295 programs and \d+ bytes of constants"),
        (24, 0, "a flash image must be for a bus of 4 to 64 bytes, not 0"),
        (24, 12, "a flash image must be for a bus of 4 to 64 bytes, not 12"),
        (HEADER_BYTES, 0, r"program 0 of a flash image must lie behind its constants, not \d+ bytes at 0x0"),
        (HEADER_BYTES + 12, 0, r"program 1 of a flash image must lie behind its constants, not 0 bytes at 0x.+"),
        (HEADER_BYTES + 12, 33, r"program 1 of a flash image must lie behind its constants, not 33 bytes at 0x.+"),
        (
            HEADER_BYTES + 20,
            1 << 31,
            r"program 2 of a flash image must lie behind its constants, not 2147483648 bytes.+",
        ),
    ],
)
def test_wrong_numbers_under_a_right_digest_are_refused(
    image: FlashImage, field: int, value: int, message: str
) -> None:
    content = bytearray(image.content)
    struct.pack_into("<I", content, field, value)
    fields = bytes(content[: HEADER_BYTES - 32])
    content[HEADER_BYTES - 32 : HEADER_BYTES] = hashlib.sha256(fields + content[HEADER_BYTES:]).digest()
    with pytest.raises(ValueError, match=f"^{message}$"):
        FlashImage(bytes(content), WHERE)
