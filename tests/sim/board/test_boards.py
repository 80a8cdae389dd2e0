"""A board with the configuration and the clocks that it is built for, but a smaller memory chip, runs a BERT."""

import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from host.board import BoardDevice, FlashImage
from host.link.client import LinkClient
from sim.board import SMALL_FLASH, SMALL_SDRAM, SimulatedPort
from sim.numpy import ModelDevice
from spec.boards import BOARDS, Board
from spec.device import DeviceError
from spec.memory_map import ICEBREAKER_MAP
from spec.program import Program
from sw.lowering import NetworkLowering
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from tests.long import long_but

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("clang++", "g++"))), reason="there is no C++ compiler")

CHECKPOINT = random_checkpoint(1)
LENGTHS = (9, 2)
WHERE = replace(ICEBREAKER_MAP, data_addr=1 << 16, flash_bytes=SMALL_FLASH.size)

Boards = Callable[[Board], tuple[SimulatedPort, BoardDevice, list[Program]]]


def open_board(board: Board) -> tuple[SimulatedPort, BoardDevice, list[Program]]:
    """Return the simulated board, its device, and the programs that it can run."""
    lowering = NetworkLowering(CHECKPOINT, board.config)
    programs = [lowering.lower(length) for length in LENGTHS]
    clocks = {domain: round(hertz) for domain, hertz in board.clocks.items()}
    if not board.memory_map:
        port = SimulatedPort(board.config, chip=SMALL_SDRAM, clocks=clocks)
        return port, BoardDevice(LinkClient(port, bus_bytes=board.config.bus_bytes), board.config), programs
    port = SimulatedPort(board.config, chip=SMALL_FLASH, clocks=clocks)
    image = FlashImage.of(programs, WHERE)
    port.fill(bytes(WHERE.data_addr) + image.content)
    client = LinkClient(port, bus_bytes=board.config.bus_bytes)
    return port, BoardDevice(client, board.config, flash=image), programs


@pytest.mark.parametrize("board_name", long_but(["icebreaker"], BOARDS))
def test_bert_equals_the_reference_and_the_integer_model(board_name: str) -> None:
    board = BOARDS[board_name]
    port, device, programs = open_board(board)
    for program, length in zip(programs, LENGTHS, strict=True):
        rows = embed(CHECKPOINT, np.random.default_rng(length).integers(0, 64, length))
        padded = np.pad(rows, ((0, 0), (0, program.inputs["rows"].shape[1] - rows.shape[1])))
        result = device.run(program, {"rows": padded})
        logits = result.outputs["logits"]
        np.testing.assert_array_equal(
            logits, ModelDevice(board.config).run(program, {"rows": padded}).outputs["logits"]
        )
        np.testing.assert_array_equal(logits[: len(CHECKPOINT.labels)], forward(CHECKPOINT, rows))
    assert port.violations == {}


def test_flash_is_read_only_and_memory_ends_behind_the_ram() -> None:
    port, _, _ = open_board(BOARDS["icebreaker"])
    client = LinkClient(port, bus_bytes=4)
    before = client.read_memory(WHERE.data_addr, 256)
    with pytest.raises(DeviceError, match=r"the bus answered with an error$"):
        client.write_memory(WHERE.data_addr, bytes(4))
    assert client.read_memory(WHERE.data_addr, 256) == before
    end = WHERE.ram_addr + WHERE.ram_bytes
    client.write_memory(end - 4, b"last")
    assert client.read_memory(end - 4, 4) == b"last"
    for addr in (end, 1 << 31, (1 << 32) - 4):
        with pytest.raises(DeviceError, match=r"the bus answered with an error$"):
            client.read_memory(addr, 4)
    assert port.violations == {}
