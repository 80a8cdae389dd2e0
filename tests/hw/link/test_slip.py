"""The SLIP blocks agree with the host's encoder and decoder."""

import random
import re

import pytest

from host.link.frames import FrameDecoder, encode_frame
from hw.link.slip_decoder import SlipDecoder
from hw.link.slip_encoder import SlipEncoder
from spec.link import Slip
from tests.hw.link.streams import simulate, source, take

END_MARK = 256


def frames(rng: random.Random) -> list[bytes]:
    """Frames rich in bytes with a meaning, of all short lengths."""
    special = bytes(Slip)
    alphabet = special * 64 + bytes(range(256))
    return [bytes(rng.choices(alphabet, k=n)) for n in range(40)]


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_decoder_returns_what_the_host_encoded(stall: float) -> None:
    rng = random.Random(1)
    sent = frames(rng)
    line = b"\xc0\xc0" + b"".join(encode_frame(frame) for frame in sent)
    dut = SlipDecoder()

    async def bench(ctx: object) -> None:
        items = await take(ctx, dut.o, 2 + sum(len(frame) + 6 for frame in sent), rng, stall)
        text = "".join(chr(item) if item < END_MARK else chr(END_MARK) for item in items)
        received = [part.encode("latin-1") for part in re.split(chr(END_MARK), text) if part]
        assert [frame[:-4] for frame in received] == sent

    simulate(dut, bench, source(dut.i, line, random.Random(2), stall))


def test_decoder_passes_unknown_escapes_and_ends_a_frame_that_ends_in_an_escape() -> None:
    dut = SlipDecoder()

    async def bench(ctx: object) -> None:
        expected = [0x41, END_MARK, 0x42, END_MARK, 0x43, 0xDB, 0xDC]
        items = await take(ctx, dut.o, len(expected), random.Random(3), 0.0)
        assert [item if item < END_MARK else END_MARK for item in items] == expected

    simulate(dut, bench, source(dut.i, bytes.fromhex("db41 c0 42 db c0 43 dbdb dc"), random.Random(4), 0.0))


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_host_decodes_what_the_encoder_sent(stall: float) -> None:
    rng = random.Random(5)
    sent = frames(rng)
    items = [item for frame in sent for item in (*frame, END_MARK)]
    expected = b"".join(
        b"\xc0" + frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0" for frame in sent if frame
    )
    dut = SlipEncoder()

    async def bench(ctx: object) -> None:
        line = bytes(await take(ctx, dut.o, len(expected), rng, stall))
        assert line == expected
        assert list(FrameDecoder().feed(line)) == [frame for frame in sent if frame]

    simulate(dut, bench, source(dut.i, items, random.Random(6), stall))
