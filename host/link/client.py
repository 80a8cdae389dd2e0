"""Access to the memory and registers of an FPGA over a serial line."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from host.link.frames import Answer, FrameDecoder, decode_answer, decode_hello, encode_request
from spec.device import DeviceError
from spec.link import (
    FIFO_BYTES,
    LARGEST_PAYLOAD,
    REGISTER_BYTES,
    REMEMBERED,
    SEQUENCES,
    VERSION,
    WRITES,
    Command,
    Status,
)

__all__ = ["LinkClient", "Port"]

_NOISE_BYTES = 1 << 16
"""Bytes without an answer among them that count as a time-out: far more than any window is answered with."""


class Port(Protocol):
    """What a client needs of a serial port; pyserial's ``Serial`` with a time-out is one."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to ``size`` bytes, fewer only after the time-out."""
        ...

    def write(self, data: bytes, /) -> int | None:
        """Send ``data``."""
        ...


@dataclass(frozen=True)
class _Request:
    command: Command
    address: int = 0
    length: int = 0
    payload: bytes = b""

    @property
    def answer_length(self) -> int:
        """Bytes of the payload of its answer."""
        return 0 if self.command in WRITES else self.length


class LinkClient:
    """The host's end of the link; it greets the FPGA before the first request and after every failure.

    Requests go out in windows, without waiting; those not answered are repeated, oldest first. A time-out is one of the
    port's ``read``. If the port has ``in_waiting``, as pyserial's have, bytes are read as many at a time as have come.

    Parameters
    ----------
    port : Port
        An open port.
    bus_bytes : int
        Width of the chip's memory bus in bytes.
    window : int
        Most requests without an answer. Whatever it is, two or more reads are never longer than the FPGA's FIFO.
    tries : int
        Times that a request is sent before the client gives up.
    sequence : int, optional
        Number of the first request; by default any, since answers to another client may still be on their way.

    Raises
    ------
    ValueError
        If ``window`` or ``tries`` is out of range.
    """

    def __init__(
        self, port: Port, *, bus_bytes: int, window: int = 8, tries: int = 10, sequence: int | None = None
    ) -> None:
        if not 1 <= window <= REMEMBERED:
            raise ValueError(f"window must be from 1 to {REMEMBERED}, not {window!r}")
        if tries < 1:
            raise ValueError(f"tries must be at least 1, not {tries!r}")
        if not 1 <= bus_bytes <= LARGEST_PAYLOAD:
            raise ValueError(f"bus_bytes must be from 1 to {LARGEST_PAYLOAD}, not {bus_bytes!r}")
        self._port, self._bus_bytes, self._window, self._tries = port, bus_bytes, window, tries
        self._decoder = FrameDecoder()
        self._sequence = secrets.randbelow(SEQUENCES) if sequence is None else sequence % SEQUENCES
        self._greeted = False

    def hello(self) -> tuple[int, int]:
        """Begin anew; return the FPGA's protocol version and largest payload in bytes.

        Raises
        ------
        ConnectionError
            If the FPGA does not answer, speaks another version, or the port is gone.
        """
        self._greeted = False
        # Far from any number in use, whose answers may still be on their way.
        self._sequence = (self._sequence + SEQUENCES // 2) % SEQUENCES
        frame = encode_request(Command.HELLO, self._sequence)
        for _ in range(self._tries):
            self._write(frame)
            noise = 0
            while noise < _NOISE_BYTES and (data := self._read()):
                noise += len(data)
                for answer in self._answers(data):
                    hello = decode_hello(answer.payload)
                    if answer.status == Status.OK and answer.sequence == self._sequence and hello:
                        return self._accept(*hello)
        raise ConnectionError(f"no answer from the FPGA after {self._tries} tries; is it connected and configured?")

    def read_memory(self, address: int, length: int) -> bytes:
        """Return ``length`` bytes of memory from ``address`` on.

        Raises
        ------
        ValueError
            If address or length is not a multiple of the bus width or leaves the 32-bit address space.
        ConnectionError
            If the FPGA does not answer or the port is gone.
        DeviceError
            If the bus answers with an error.
        """
        return b"".join(self._exchange([_Request(Command.READ_MEMORY, *part) for part in self._parts(address, length)]))

    def write_memory(self, address: int, data: bytes) -> None:
        """Write ``data`` to memory from ``address`` on; return when all of it has been acknowledged.

        Raises
        ------
        ValueError
            If address or length is not a multiple of the bus width or leaves the 32-bit address space.
        ConnectionError
            If the FPGA does not answer or the port is gone; part of the data may have been written.
        DeviceError
            If the bus answers with an error; part of the data may have been written.
        """
        data = bytes(data)
        requests = [
            _Request(Command.WRITE_MEMORY, start, size, data[start - address : start - address + size])
            for start, size in self._parts(address, len(data))
        ]
        self._exchange(requests)

    def read_registers(self, offsets: Sequence[int]) -> list[int]:
        """Return the registers at byte ``offsets``; they are asked for together, not one after the other.

        Raises
        ------
        ValueError
            If there can be no register at an offset.
        ConnectionError
            If the FPGA does not answer or the port is gone.
        DeviceError
            If the bus answers with an error.
        """
        requests = [_Request(Command.READ_REGISTER, offset, REGISTER_BYTES) for offset in offsets]
        return [int.from_bytes(data, "little") for data in self._exchange(requests)]

    def write_registers(self, values: Mapping[int, int]) -> None:
        """Write registers, by byte offset, in order.

        Raises
        ------
        ValueError
            If there can be no register at an offset or a value is not of 32 bits.
        ConnectionError
            If the FPGA does not answer or the port is gone; values may have been written.
        DeviceError
            If the bus answers with an error; those before it have been written.
        """
        for value in values.values():
            if not 0 <= value < 1 << 8 * REGISTER_BYTES:
                raise ValueError(f"value must be an unsigned 32-bit number, not {value!r}")
        self._exchange(
            [
                _Request(Command.WRITE_REGISTER, offset, REGISTER_BYTES, value.to_bytes(REGISTER_BYTES, "little"))
                for offset, value in values.items()
            ]
        )

    def read_register(self, offset: int) -> int:
        """Return the register at byte ``offset``; see :meth:`read_registers`."""
        return self.read_registers([offset])[0]

    def write_register(self, offset: int, value: int) -> None:
        """Write the register at byte ``offset``; see :meth:`write_registers`."""
        self.write_registers({offset: value})

    def _accept(self, version: int, largest_payload: int) -> tuple[int, int]:
        """Check and return what the FPGA says of itself."""
        if version != VERSION:
            raise ConnectionError(f"the FPGA speaks version {version} of the protocol, not {VERSION}")
        self._greeted = True
        return version, largest_payload

    def _parts(self, address: int, length: int) -> list[tuple[int, int]]:
        """Return start and length of the pieces that requests can carry."""
        if address % self._bus_bytes or length % self._bus_bytes:
            raise ValueError(
                f"address and length must be multiples of the bus width of {self._bus_bytes} bytes, "
                f"not {address!r} and {length!r}"
            )
        if address < 0 or length < 0 or address + length > 1 << 32:
            raise ValueError(f"{length!r} bytes from {address!r} on leave the 32-bit address space")
        step = LARGEST_PAYLOAD - LARGEST_PAYLOAD % self._bus_bytes
        end = address + length
        return [(start, min(step, end - start)) for start in range(address, end, step)]

    def _exchange(self, requests: list[_Request]) -> list[bytes]:
        """Have all requests done, in order; return the payloads of their answers."""
        if not self._greeted:
            self.hello()
        # Until all is answered the FPGA may be anywhere in the sequence.
        self._greeted = False
        base = self._sequence + 1
        payloads: list[bytes | None] = [None] * len(requests)
        frames: dict[int, bytes] = {}
        oldest, following, failures, noise, repeated = 0, 0, 0, 0, False
        while oldest < len(requests):
            while following < min(len(requests), oldest + self._window):
                if following not in frames:
                    r = requests[following]
                    number = (base + following) % SEQUENCES
                    frames[following] = encode_request(r.command, number, r.address, r.length, r.payload)
                # Writes are answered in less time than they take; while a read is answered requests pile up.
                waiting = sum(len(frames[i]) for i in range(oldest, following))
                writes = requests[following].command in WRITES
                if not writes and waiting and waiting + len(frames[following]) > FIFO_BYTES:
                    break
                self._write(frames[following])
                following += 1

            data = self._read()
            noise += len(data)
            if not data or noise > _NOISE_BYTES:
                failures += 1
                if failures == self._tries:
                    raise ConnectionError(f"no answer from the FPGA after {self._tries} tries; is it still connected?")
                following, noise, repeated = oldest, 0, False
            for answer in self._answers(data):
                place = (answer.sequence - base) % SEQUENCES
                if answer.status == Status.OUT_OF_ORDER:
                    if self._unwrapped(place, oldest) > oldest + self._window:
                        raise ConnectionError("the FPGA has lost its place among the requests; was it reset?")
                    # One loss makes all later requests of the window out of order; they are repeated once.
                    if not repeated:
                        following, repeated = oldest, True
                elif oldest <= self._unwrapped(place, oldest) < following:
                    place = self._unwrapped(place, oldest)
                    self._raise_if_failed(answer, requests[place])
                    if payloads[place] is None and len(answer.payload) == requests[place].answer_length:
                        payloads[place] = answer.payload
                        noise = 0
            while oldest < len(requests) and payloads[oldest] is not None:
                frames.pop(oldest)
                oldest += 1
                following = max(following, oldest)
                failures, repeated = 0, False
                self._sequence = (self._sequence + 1) % SEQUENCES
        self._greeted = True
        return [payload for payload in payloads if payload is not None]

    @staticmethod
    def _unwrapped(place: int, oldest: int) -> int:
        """Return the first number from ``oldest`` on that is ``place`` modulo the sequence numbers."""
        return oldest + (place - oldest) % SEQUENCES

    @staticmethod
    def _raise_if_failed(answer: Answer, request: _Request) -> None:
        """Raise what the status of ``answer`` means."""
        what = f"{request.command.name} of {request.length} bytes at {request.address:#x}"
        if answer.status == Status.BUS_ERROR:
            raise DeviceError(f"{what}: the bus answered with an error", addr=request.address)
        if answer.status != Status.OK:
            raise ValueError(f"{what}: the FPGA refused it; is its bus as wide as the client was told?")

    def _answers(self, data: bytes) -> list[Answer]:
        """Return the undamaged answers that end in ``data``."""
        frames = (decode_answer(frame) for frame in self._decoder.feed(data))
        return [answer for answer in frames if answer is not None]

    def _read(self) -> bytes:
        """Return the bytes that have come, at least one unless the port's time-out passed."""
        try:
            return self._port.read(max(1, getattr(self._port, "in_waiting", 0)))
        except OSError as error:
            raise self._gone(error) from None

    def _write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:
            raise self._gone(error) from None

    @staticmethod
    def _gone(error: OSError) -> ConnectionError:
        """Return one line for what the port says."""
        return ConnectionError(f"the serial port failed, unplugged?: {' '.join(str(error).split())}")
