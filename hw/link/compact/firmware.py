"""The protocol of the link, as a program of the byte machine."""

from hw.link.compact.bus_port import BUS_BYTES
from hw.link.compact.byte_code import PAGE_BYTES, Action, ByteCode, Place, Source
from spec.link import (
    CRC_BYTES,
    HEADER_FIELDS,
    HELLO_FIELDS,
    LARGEST_PAYLOAD,
    REGISTER_BYTES,
    REMEMBERED,
    VERSION,
    Command,
    Slip,
    Status,
)
from spec.registers import ADDRESS_BITS

__all__ = ["link_code"]

_HEADER = [f"{name}_{byte}" for name, n_bytes in HEADER_FIELDS.items() for byte in range(n_bytes)]
_HEADER_PLACE = PAGE_BYTES - len(_HEADER)
_ADDRESS = _HEADER[_HEADER.index("address_0") :][: HEADER_FIELDS["address"]]
_IN_HEADER = 0xFF  # high byte of the place in the body, which is negative before it
_TOO_LONG = 2  # high byte of a place behind any body
_READS = 1
"""Bit that is set in commands that read."""

_HELLO = b"".join(
    number.to_bytes(HELLO_FIELDS[name], "little")
    for name, number in (("version", VERSION), ("largest_payload", LARGEST_PAYLOAD))
)
_RESIDUE_PLACE = 0xF0
_RESIDUE = (0xE3, 0x20, 0xBB, 0xDE)
"""CRC of whatever its CRC stands behind."""


def link_code() -> ByteCode:
    """Return the program; it answers requests as :mod:`spec.link` has them, on a bus of 4 bytes.

    It takes HELLO and OK for zeros.
    """
    code = ByteCode({name: _HEADER_PLACE + place for place, name in enumerate(_HEADER)}, {_RESIDUE_PLACE: _RESIDUE})
    _receive(code)
    _check_crc(code)
    _check_length(code)
    _judge(code)
    _refuse(code)
    _access(code)
    _answer(code)
    _subroutines(code)
    return code


def _receive(code: ByteCode) -> None:
    """Take a frame: header and payload into memory, everything into the CRC.

    The index is the low byte of the place in the body; ``high`` the other one, which stops behind what is too long.
    """
    code.label("frame")
    code.act(Action.CRC_BEGIN)
    code.load(_HEADER_PLACE)
    code.to_index()
    code.load(_IN_HEADER)
    code.store("high")

    code.label("receive")
    code.load(Source.RECEIVED, Action.NEXT)
    code.compare(Slip.END)
    code.jump_if_zero("end")
    code.compare(Slip.ESC)
    code.jump_unless_zero("received")
    code.load(Source.RECEIVED, Action.NEXT)
    code.compare(Slip.END)
    code.jump_if_zero("end")
    code.compare(Slip.ESC_ESC)
    code.jump_unless_zero("escaped")
    code.load(Slip.ESC)
    code.jump("received")
    code.label("escaped")
    code.compare(Slip.ESC_END)
    code.jump_unless_zero("received")
    code.load(Slip.END)

    code.label("received")
    code.act(Action.CRC_TAKE)
    code.store("byte")
    code.load("high")
    code.jump_if_zero("body")
    code.compare(_IN_HEADER)
    code.jump_unless_zero("beyond")
    code.load("byte")
    code.store(Place.INDEXED_NAMED, counts=True)
    code.jump("count")
    code.label("body")
    code.load("byte")
    code.store(Place.INDEXED, counts=True)
    code.jump("count")
    code.label("beyond")
    code.act(Action.NONE, counts=True)
    code.label("count")
    code.load(Source.INDEX)
    code.jump_unless_zero("receive")
    code.load("high")
    code.add(1)
    code.compare(_TOO_LONG + 1)
    code.jump_if_zero("receive")
    code.store("high")
    code.jump("receive")


def _check_crc(code: ByteCode) -> None:
    """Drop the frame unless its CRC is right; ``high`` and ``size`` become the length of its payload."""
    code.label("end")
    code.load(Source.INDEX)
    code.subtract(CRC_BYTES)
    code.store("size")
    code.jump_if_carry("check_crc")
    code.load("high")
    code.subtract(1)
    code.store("high")
    code.label("check_crc")
    code.load(_RESIDUE_PLACE)
    code.to_index()
    code.label("next_of_crc")
    code.load(Source.CRC)
    code.compare(Place.INDEXED_NAMED, counts=True)
    code.jump_unless_zero("frame")
    code.act(Action.CRC_TAKE)
    code.load(Source.INDEX)
    code.compare(_RESIDUE_PLACE + len(_RESIDUE))
    code.jump_unless_zero("next_of_crc")


def _check_length(code: ByteCode) -> None:
    """Drop the frame unless its payload is as long as it should be."""
    code.load("high")
    code.compare(_IN_HEADER)
    code.jump_if_zero("frame")

    code.load(Status.OK)
    code.store("status")
    code.load("command_0")
    code.jump_if_zero("empty")
    code.compare(max(Command) + 1)
    code.jump_if_carry("judge")
    code.test(_READS)
    code.jump_unless_zero("empty")
    code.call("check_largest")
    code.jump_unless_zero("judge")
    code.load("size")
    code.compare("length_0")
    code.jump_unless_zero("frame")
    code.load("high")
    code.compare("length_1")
    code.jump_unless_zero("frame")
    code.jump("judge")
    code.label("empty")
    code.load("high")
    code.add("size")
    code.jump_unless_zero("frame")


def _judge(code: ByteCode) -> None:
    """Answer HELLO, and what is out of order; go on with what is in turn or repeated."""
    code.label("judge")
    code.load("command_0")
    code.jump_unless_zero("no_hello")
    code.store("remembered")
    code.to_index()
    for byte in _HELLO:
        code.load(byte)
        code.store(Place.INDEXED, counts=True)
    code.load(len(_HELLO))
    code.store("length_0")
    code.load("sequence_0")
    code.add(1)
    code.store("expected")
    code.jump("answer")

    code.label("no_hello")
    code.load("expected")
    code.subtract("sequence_0")
    code.store("distance")
    code.load("remembered")
    code.compare("distance")
    code.jump_if_carry("remembered")
    code.load("expected")
    code.store("sequence_0")
    code.load(Status.OUT_OF_ORDER)
    code.jump("fail")


def _refuse(code: ByteCode) -> None:
    """Answer what is never done, and repeated writes; go on with the others."""
    code.label("remembered")
    code.load("address_0")
    code.test(BUS_BYTES - 1)
    code.jump_unless_zero("refuse")
    code.load("length_0")
    code.test(BUS_BYTES - 1)
    code.jump_unless_zero("refuse")
    code.load("command_0")
    code.compare(max(Command) + 1)
    code.jump_if_carry("refuse")
    code.compare(Command.READ_REGISTER)
    code.jump_if_carry("register")
    code.call("check_largest")
    code.jump_unless_zero("refuse")
    code.load("length_0")
    code.jump_unless_zero("accepted")
    code.load("length_1")
    code.jump_unless_zero("accepted")
    code.label("refuse")
    code.load(Status.REFUSED)
    code.jump("fail")
    code.label("register")
    code.load("length_0")
    code.compare(REGISTER_BYTES)
    code.jump_unless_zero("refuse")
    code.load("length_1")
    code.jump_unless_zero("refuse")
    code.load("address_1")
    code.compare(1 << ADDRESS_BITS - 8)
    code.jump_if_carry("refuse")
    for byte in _ADDRESS[2:]:
        code.load(byte)
        code.jump_unless_zero("refuse")

    code.label("accepted")
    code.load("command_0")
    code.test(_READS)
    code.jump_unless_zero("access")
    code.load("distance")
    code.jump_unless_zero("answer")


def _access(code: ByteCode) -> None:
    """Read from the bus to memory or write the other way; then it is the next request's turn."""
    code.label("access")
    code.load(0)
    code.to_index()
    code.label("beat")
    code.load("command_0")
    code.test(_READS)
    code.jump_unless_zero("address")
    code.label("shift")
    code.load(Place.INDEXED, counts=True)
    code.act(Action.SHIFT)
    code.load(Source.INDEX)
    code.test(BUS_BYTES - 1)
    code.jump_unless_zero("shift")
    code.label("address")
    code.load(_ADDRESS[0])
    code.act(Action.SHIFT)
    code.add(BUS_BYTES)
    code.store(_ADDRESS[0])
    for byte in _ADDRESS[1:]:
        code.load(byte)
        code.act(Action.SHIFT)
        code.jump_unless_carry(f"no_carry_to_{byte}")
        code.add(1)
        code.label(f"no_carry_to_{byte}")
        code.store(byte)
    code.load("command_0")
    code.act(Action.ACCESS)
    code.load(Source.RESPONSE)
    code.jump_unless_zero("error")
    code.load("command_0")
    code.test(_READS)
    code.jump_if_zero("finish")
    code.label("store")
    code.load(Source.READ)
    code.store(Place.INDEXED, counts=True)
    code.load(Source.INDEX)
    code.test(BUS_BYTES - 1)
    code.jump_unless_zero("store")
    code.label("finish")
    code.act(Action.FINISH)
    code.load(Source.INDEX)
    code.compare("length_0")
    code.jump_unless_zero("beat")
    code.load("distance")
    code.jump_unless_zero("answer")
    code.load("expected")
    code.add(1)
    code.store("expected")
    code.load("remembered")
    code.compare(REMEMBERED)
    code.jump_if_zero("answer")
    code.add(1)
    code.store("remembered")
    code.jump("answer")

    code.label("error")
    code.act(Action.FINISH)
    code.load(Status.BUS_ERROR)


def _answer(code: ByteCode) -> None:
    """Send status, sequence number, payload and CRC; of a failure, the accumulator is the status."""
    code.label("fail")
    code.store("status")
    code.label("answer")
    code.act(Action.CRC_BEGIN)
    code.load(Slip.END)
    code.act(Action.SEND)
    code.load("status")
    code.call("send")
    code.load("sequence_0")
    code.call("send")
    code.load("status")
    code.jump_unless_zero("crc")
    code.load("command_0")
    code.jump_if_zero("payload")
    code.test(_READS)
    code.jump_if_zero("crc")
    code.label("payload")
    code.load(0)
    code.to_index()
    code.label("send_payload")
    code.load(Place.INDEXED, counts=True)
    code.call("send")
    code.load(Source.INDEX)
    code.compare("length_0")
    code.jump_unless_zero("send_payload")
    code.label("crc")
    code.load(PAGE_BYTES - CRC_BYTES)
    code.to_index()
    code.label("send_crc")
    code.load(Source.CRC)
    code.act(Action.CRC_TAKE)
    code.store("byte")
    code.load(0xFF, counts=True)
    code.subtract("byte")
    code.call("send_as_it_is")
    code.load(Source.INDEX)
    code.jump_unless_zero("send_crc")
    code.load(Slip.END)
    code.act(Action.SEND)
    code.jump("frame")


def _subroutines(code: ByteCode) -> None:
    """Send the accumulator as a byte of a frame; let the zero flag tell whether a length is not too large."""
    code.label("send")
    code.act(Action.CRC_TAKE)
    code.label("send_as_it_is")
    code.compare(Slip.END)
    code.jump_if_zero("send_end")
    code.compare(Slip.ESC)
    code.jump_if_zero("send_esc")
    code.label("send_last")
    code.act(Action.SEND)
    code.returns()
    for label, escaped in (("send_end", Slip.ESC_END), ("send_esc", Slip.ESC_ESC)):
        code.label(label)
        code.load(Slip.ESC)
        code.act(Action.SEND)
        code.load(escaped)
        code.jump("send_last")

    code.label("check_largest")
    code.load("length_1")
    code.jump_if_zero("checked")
    code.compare(LARGEST_PAYLOAD >> 8)
    code.jump_unless_zero("checked")
    code.load("length_0")
    code.label("checked")
    code.returns()
