"""An FPGA with an accelerator, in Python: the protocol's model with the integer model behind its registers."""

import numpy as np
from numpy.typing import NDArray

from sim.numpy import ModelDevice
from spec.config import AcceleratorConfig
from spec.device import DeviceError
from spec.isa import INSTRUCTION_BYTES, ISA_VERSION, ErrorCode
from spec.link import Command
from spec.program import Program, Region
from spec.registers import COUNTERS, DEVICE_ID, REGISTERS, Control, Status
from tests.hw.link.fpga_model import FpgaModel

__all__ = ["CYCLES", "OFFSETS", "AcceleratorModel"]

OFFSETS = {register.name: register.offset for register in (*REGISTERS, *COUNTERS)}

CYCLES = (5 << 32) + 7
"""What its counter of cycles says."""


class AcceleratorModel(FpgaModel):
    """Programs have ended when START has been written; registers can be overridden."""

    def __init__(self, config: AcceleratorConfig, memory_bytes: int = 1 << 19) -> None:
        super().__init__(config.bus_bytes, memory_bytes)
        self.config = config
        self.power_up()

    def power_up(self) -> None:
        """Forget everything."""
        self.memory[:] = b"\xa5" * len(self.memory)
        config = self.config
        values = {"ID": DEVICE_ID, "VERSION": ISA_VERSION}
        values |= {"ROWS": config.rows, "COLS": config.cols, "LANES": config.lanes}
        self.registers = {OFFSETS[name]: value for name, value in values.items()}
        self.expected = self.remembered = 0

    @property
    def memory_writes(self) -> list[tuple[int, int]]:
        """Address and length of every write to memory."""
        frames = [frame for frame in self.executed if frame[0] == Command.WRITE_MEMORY]
        return [(int.from_bytes(f[2:6], "little"), int.from_bytes(f[6:8], "little")) for f in frames]

    def write_register(self, offset: int, value: int) -> None:
        super().write_register(offset, value)
        if offset == OFFSETS["CONTROL"] and value & Control.SOFT_RESET:
            self._set(STATUS=0, ERROR_CODE=0, ERROR_INDEX=0, ERROR_ADDR=0)
        if offset == OFFSETS["CONTROL"] and value & Control.START:
            self._run(self.registers[OFFSETS["PROGRAM_ADDR"]], self.registers[OFFSETS["PROGRAM_LENGTH"]])

    def _set(self, **values: int) -> None:
        self.registers |= {OFFSETS[name]: value for name, value in values.items()}

    def _run(self, addr: int, length: int) -> None:
        memory = np.frombuffer(bytes(self.memory), np.uint8)
        stop = addr + length * INSTRUCTION_BYTES
        parts: dict[str, NDArray[np.generic]] = {
            "below": memory[:addr].view(np.int8),
            "above": memory[stop:].view(np.int8),
        }
        program = Program(
            config=self.config,
            instructions=memory[addr:stop],
            instructions_addr=addr,
            constants=np.zeros(0, np.uint8),
            constants_addr=0,
            inputs={
                name: Region(addr=start, dtype="int8", shape=parts[name].shape)
                for name, start in (("below", 0), ("above", stop))
            },
            outputs={},
            memory_bytes=len(memory),
            macs=0,
        )
        device = ModelDevice(self.config)
        self._set(instructions=length)
        try:
            device.run(program, parts)
        except DeviceError as error:
            index = 0 if error.code == ErrorCode.DEADLOCK else error.index
            self._set(STATUS=Status.ERROR, ERROR_CODE=error.code, ERROR_INDEX=index, ERROR_ADDR=error.addr)
        else:
            self._set(STATUS=Status.DONE, cycles=CYCLES & 0xFFFFFFFF)
            self.registers[OFFSETS["cycles"] + 4] = CYCLES >> 32
        self.memory[: len(device.memory)] = device.memory.tobytes()
