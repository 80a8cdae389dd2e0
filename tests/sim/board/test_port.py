"""The whole board behind its pins: accelerator, link, arbiter, clock crossing, SDRAM controller and chip."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from host.board import BoardDevice
from host.link.client import LinkClient
from sim.board import SMALL_SDRAM, SimulatedPort
from sim.numpy import ModelDevice
from spec.device import DeviceError
from spec.isa import ErrorCode, Gemm, Load
from spec.presets import PRESETS
from sw.lowering import MatmulLowering, NetworkLowering
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward
from tests.conformance.assembler import Assembler
from tests.hw.refusal import assert_refused

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("clang++", "g++"))), reason="there is no C++ compiler")

CONFIG = PRESETS["tiny"]

PATIENCE = 500
"""Milliseconds: programs here never wait for long."""


@pytest.fixture(scope="module")
def port() -> Iterator[SimulatedPort]:
    # Neither clock is a multiple of the other, nor a bit one of a clock.
    port = SimulatedPort(CONFIG, clocks={"sync": 48_000_000, "sdram": 80_000_000}, baud=7_000_000)
    yield port
    assert port.violations == {}


@pytest.fixture(scope="module")
def client(port: SimulatedPort) -> LinkClient:
    return LinkClient(port, bus_bytes=CONFIG.bus_bytes, window=64)


@pytest.fixture(scope="module")
def device(client: LinkClient) -> BoardDevice:
    return BoardDevice(client, CONFIG, patience=PATIENCE)


def test_time_passes_only_while_the_host_waits(port: SimulatedPort, client: LinkClient) -> None:
    client.hello()
    before = port.cycles
    assert port.in_waiting == 0
    assert port.read(1) == b""
    assert port.cycles - before == 50_000
    assert port.write(b"\xc0\xc0") == 2
    assert port.cycles - before == 50_000


def test_memory_keeps_what_is_written(port: SimulatedPort, client: LinkClient) -> None:
    data = random.Random(1).randbytes(4096)
    for address in (0, 2 * SMALL_SDRAM.words - len(data)):
        client.write_memory(address, data)
        assert client.read_memory(address, len(data)) == data
    with pytest.raises(DeviceError, match="the bus answered with an error"):
        client.read_memory(2 * SMALL_SDRAM.words, 4)
    assert port.violations == {}


def test_memory_can_be_filled_at_once(port: SimulatedPort, client: LinkClient) -> None:
    data = random.Random(3).randbytes(301)
    port.fill(data)
    assert client.read_memory(0, 304)[:301] == data
    size = 2 * SMALL_SDRAM.words
    with pytest.raises(ValueError, match=rf"^data must be at most {size} bytes, not {size + 1}$"):
        port.fill(bytes(size + 1))


def test_bert_equals_the_reference_and_the_integer_model(port: SimulatedPort, device: BoardDevice) -> None:
    checkpoint = random_checkpoint(1)
    lowering = NetworkLowering(checkpoint, CONFIG)
    for length in (9, 2, 9):
        program = lowering.lower(length)
        rows = embed(checkpoint, np.random.default_rng(length).integers(0, 64, length))
        padded = np.zeros(program.inputs["rows"].shape, np.int16)
        padded[:, : rows.shape[1]] = rows
        result = device.run(program, {"rows": padded})
        logits = result.outputs["logits"]
        np.testing.assert_array_equal(logits, ModelDevice(CONFIG).run(program, {"rows": padded}).outputs["logits"])
        np.testing.assert_array_equal(logits[: len(checkpoint.labels)], forward(checkpoint, rows))
        assert result.cycles
        assert result.counters["instructions"] == len(program.instructions) // 32
    assert port.violations == {}


def check_product(device: BoardDevice, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 256, (17, 30), np.uint8), rng.integers(-128, 128, (30, 5), np.int8)
    product = MatmulLowering(CONFIG, 17, 5, 30, a_unsigned=True)
    result = product.unpack(device.run(product.program, product.pack(a, b)).outputs["c"])
    np.testing.assert_array_equal(result, a.astype(np.int32) @ b.astype(np.int32))


def test_products_equal_numpy(port: SimulatedPort, device: BoardDevice) -> None:
    for seed in range(2):
        check_product(device, seed)
    assert port.violations == {}


def test_errors_and_deadlocks_are_reported_and_forgotten(device: BoardDevice) -> None:
    beyond = 2 * SMALL_SDRAM.words
    reads_beyond, hangs = Assembler(CONFIG), Assembler(CONFIG)
    reads_beyond.add(Load(count=1, mem_addr=beyond))
    hangs.add(Gemm(m=1, n=1, k_tiles=1, clear=1, release=1))
    message = rf"^instruction 0 \(LOAD count=1 mem_addr={beyond}\): BUS_READ at address {beyond:#x}$"
    with pytest.raises(DeviceError, match=message):
        device.run(reads_beyond.program(), {})
    with pytest.raises(DeviceError, match=r"^instruction 0 .*: DEADLOCK: waits for words") as caught:
        device.run(hangs.program(), {})
    assert caught.value.code == ErrorCode.DEADLOCK
    check_product(device, 2)


def test_what_no_system_can_have_is_refused() -> None:
    assert_refused("^bus_bytes must be 2, 4, 8 or 16, not 32$", SimulatedPort, replace(CONFIG, bus_bytes=32))
    assert_refused("^baud must be positive and at most a 4th of the clock", SimulatedPort, CONFIG, baud=20_000_000)
    message = "^clocks must be those of sync, sdram, not of sync$"
    assert_refused(message, SimulatedPort, CONFIG, clocks={"sync": 50_000_000})


@pytest.mark.long
def test_a_slower_chip_than_the_controller_knows_is_noticed() -> None:
    slower = replace(SMALL_SDRAM, rcd_ns=60, rp_ns=60)
    port = SimulatedPort(CONFIG, real=slower)
    client = LinkClient(port, bus_bytes=CONFIG.bus_bytes)
    client.hello()
    assert port.violations == {}
    data = random.Random(2).randbytes(64)
    for address in (0, SMALL_SDRAM.words):
        client.write_memory(address, data)
    assert port.violations.keys() == {"t_rcd", "t_rp"}
