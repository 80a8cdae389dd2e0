"""Disturbed frames by the thousand: the receiver offers what was sent, and nothing else."""

import random
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from host.link.frames import FrameDecoder, encode_frame
from hw.link.frame_receiver import FrameReceiver
from hw.link.layouts import BYTE
from hw.link.slip_decoder import SlipDecoder
from spec.link import LARGEST_PAYLOAD, WRITES, Command
from tests.hw.link.disturbance import disturb
from tests.hw.link.fpga_model import FpgaModel
from tests.long import long_but

HEADER_BYTES = 8
SPECIAL = bytes.fromhex("c0dbdcdd")


def content(rng: random.Random, most: int) -> bytes:
    """A request without CRC, mostly well formed; the payload is of up to ``most`` bytes."""
    command = rng.choice((*Command, 9))
    payload = b""
    if command in WRITES:
        size = rng.randint(0, most)
        payload = bytes(rng.choice(SPECIAL) if rng.random() < 0.2 else rng.randrange(256) for _ in range(size))
    length = len(payload) if rng.random() < 0.9 else rng.choice((0, 4, 5, 257, 0x1004))
    if command not in WRITES and rng.random() < 0.1:
        payload = b"\x01"
    return bytes([command, rng.randrange(256)]) + rng.randbytes(4) + length.to_bytes(2, "little") + payload


def offered(line: bytes) -> list[bytes]:
    """Header and payload of each request that the receiver offers when ``line`` arrives, a byte per cycle."""
    m = Module()
    m.submodules.decoder = decoder = SlipDecoder()
    m.submodules.receiver = receiver = FrameReceiver()
    m.submodules.crc = crc = CRC32_ETHERNET(data_width=8).create()
    m.submodules.memory = memory = Memory(shape=BYTE, depth=LARGEST_PAYLOAD, init=[])
    write = memory.write_port()
    connect(m, decoder.o, receiver.i)
    m.d.comb += [
        write.addr.eq(receiver.payload.addr),
        write.data.eq(receiver.payload.data),
        write.en.eq(receiver.payload.en),
        crc.start.eq(receiver.crc.start),
        crc.data.eq(receiver.crc.data),
        crc.valid.eq(receiver.crc.valid),
        receiver.crc.match.eq(crc.match_detected),
        receiver.o.ready.eq(1),
    ]

    # The line is a memory of the design, and the bench wakes for requests only, which is faster than byte by byte.
    m.submodules.line = stored = Memory(shape=BYTE, depth=len(line), init=line)
    read = stored.read_port(domain="comb")
    place = Signal(range(len(line) + 1))
    done = Signal()
    m.d.comb += [
        read.addr.eq(place),
        decoder.i.payload.eq(read.data),
        done.eq(place == len(line)),
        decoder.i.valid.eq(~done),
    ]
    with m.If(decoder.i.valid & decoder.i.ready):
        m.d.sync += place.eq(place + 1)

    requests: list[bytes] = []
    request = receiver.o.payload

    async def bench(ctx: Any) -> None:
        while not ctx.get(done):
            await ctx.posedge(receiver.o.valid).posedge(done)
            if ctx.get(receiver.o.valid):
                size = ctx.get(request.length) if ctx.get(request.command) in WRITES else 0
                payload = bytes(ctx.get(memory.data[at]) for at in range(size)) if size <= LARGEST_PAYLOAD else b""
                requests.append(ctx.get(request.as_value()).to_bytes(HEADER_BYTES, "little") + payload)

    sim = Simulator(m)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return requests


def reference(line: bytes) -> list[bytes]:
    """The same from the model."""
    requests = []
    for frame in FrameDecoder().feed(line):
        if FpgaModel.accepts(frame):
            size = int.from_bytes(frame[6:8], "little") if frame[0] in WRITES else 0
            payload = frame[HEADER_BYTES:-4] if size <= LARGEST_PAYLOAD else b""
            requests.append(frame[:HEADER_BYTES] + payload[:size])
    return requests


FLUSH = b"\xc0" * 8
"""Empty frames, while which the last request comes out."""


@pytest.mark.parametrize("count", long_but([2000], [2000, 10_000]))
def test_disturbed_frames(count: int) -> None:
    rng = random.Random(20)
    line, sent = bytearray(), set()
    for _ in range(count):
        request = content(rng, 6)
        sent.add(request)
        frame = encode_frame(request)
        line += disturb(frame, rng) if rng.random() < 0.8 else frame
    hello = encode_frame(bytes([Command.HELLO]) + bytes(7))
    requests = offered(bytes(line) + hello + FLUSH)
    assert requests == reference(bytes(line) + hello)
    assert requests[-1] == bytes(8)
    assert count / 5 < len(requests) < 4 * count / 5
    beyond = {request[:HEADER_BYTES] for request in sent if int.from_bytes(request[6:8], "little") > LARGEST_PAYLOAD}
    for request in requests[:-1]:
        assert request in sent or request in beyond or request[0] > max(Command)


@pytest.mark.parametrize("size", [0, 1, 255, 256])
def test_payloads_up_to_the_largest(size: int) -> None:
    rng = random.Random(21)
    request = bytes([Command.WRITE_MEMORY]) + bytes(5) + size.to_bytes(2, "little") + rng.randbytes(size)
    assert offered(encode_frame(request) + FLUSH) == [request]


@pytest.mark.parametrize(("length", "size"), [(256, 257), (0, 256), (4, 260), (256, 512), (256, 768), (5, 4), (4, 5)])
def test_wrong_length_is_dropped(length: int, size: int) -> None:
    request = bytes([Command.WRITE_MEMORY]) + bytes(5) + length.to_bytes(2, "little") + bytes(size)
    assert offered(encode_frame(request) + FLUSH) == []


@pytest.mark.parametrize("size", [0, 4, 7])
def test_frame_without_whole_header_is_dropped(size: int) -> None:
    assert offered(encode_frame(b"\x09" * size) + FLUSH) == []
