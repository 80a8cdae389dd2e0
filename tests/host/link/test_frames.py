"""Encoding and decoding of frames."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from host.link.frames import Answer, FrameDecoder, decode_answer, decode_hello, encode_frame, encode_request
from spec.link import Command

SPECIAL = st.lists(st.sampled_from([0xC0, 0xDB, 0xDC, 0xDD, 0, 255])).map(bytes)


@given(st.lists(st.binary() | SPECIAL), st.integers(1, 7))
def test_frames_survive_slip_in_pieces_of_any_size(contents: list[bytes], size: int) -> None:
    line = b"".join(encode_frame(content) for content in contents)
    decoder = FrameDecoder()
    frames = [frame for at in range(0, len(line), size) for frame in decoder.feed(line[at : at + size])]
    assert frames == [content + zlib.crc32(content).to_bytes(4, "little") for content in contents]


@given(st.binary(min_size=2) | SPECIAL.filter(lambda content: len(content) >= 2), st.data())
def test_any_flipped_bit_is_noticed(content: bytes, data: st.DataObject) -> None:
    frame = bytearray(content + zlib.crc32(content).to_bytes(4, "little"))
    assert decode_answer(bytes(frame)) == Answer(content[0], content[1], content[2:])
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert decode_answer(bytes(frame)) is None


def test_request_layout() -> None:
    content = bytes.fromhex("02 07 00100000 0400 aabbccdd")
    crc = zlib.crc32(content).to_bytes(4, "little")
    expected = b"\xc0" + (content + crc).replace(b"\xdb", b"\xdb\xdd") + b"\xc0"
    assert encode_request(Command.WRITE_MEMORY, 7, 0x1000, 4, b"\xaa\xbb\xcc\xdd") == expected


def test_short_frames_are_no_answers() -> None:
    for size in range(6):
        content = bytes(max(0, size - 4))
        assert decode_answer((content + zlib.crc32(content).to_bytes(4, "little"))[:size]) is None


def test_hello() -> None:
    assert decode_hello(b"\x01\x00\x01") == (1, 256)
    assert decode_hello(b"\x01\x00") is None
    assert decode_hello(b"") is None


def test_empty_frames_and_unknown_escapes() -> None:
    assert list(FrameDecoder().feed(bytes.fromhex("c0c0c0 41 db42 c0 43 db c0 dbdb44 c0"))) == [b"AB", b"C", b"\xdbD"]
