"""A post-processor of a few hundred logic cells."""

from typing import Any

from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import AcceleratorConfig
from hw.isa import Drain
from hw.layouts import (
    INSTRUCTION,
    AccumulatorRead,
    LoadWrite,
    MaskedWrite,
    Scrub,
    instruction_layout,
    param_record,
)
from hw.memory.scrub import pass_scrub
from hw.post.bank_queue import BankQueue
from hw.post.serial.machine import Machine
from hw.post.serial.memory import PostMemory

__all__ = ["SerialPostEngine"]


class SerialPostEngine(wiring.Component):
    """Execute DRAIN and SWEEP one value after the other, by a microprogram on one adder and one memory.

    Stands in the place of :class:`hw.post.engine.PostEngine`, whose members it has, and leaves the same behind, bit for
    bit. An instruction stays at ``i`` until it is done.

    Throughput: about 60 cycles for a value of a DRAIN, more with a second multiplication or statistics.

    Parameters
    ----------
    config : AcceleratorConfig
        With ``lanes`` = 1.
    """

    i: stream.Interface
    done: Signal
    filled: Signal
    freed: Signal
    acc_read: Any
    post_write: Any
    load_vector: stream.Interface
    load_param: stream.Interface
    load_table: stream.Interface
    o_memory: stream.Interface
    write_done: Signal
    scrub: Any
    busy: Signal
    wait_bank: Signal
    wait_row: Signal
    wait_memory: Signal
    wait_instruction: Signal

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self.memory = PostMemory(config)
        super().__init__(
            {
                "i": In(stream.Signature(INSTRUCTION)),
                "done": Out(1),
                "filled": In(1),
                "freed": Out(1),
                "acc_read": Out(AccumulatorRead(config)),
                "post_write": Out(MaskedWrite(config)),
                "load_vector": In(LoadWrite(data.ArrayLayout(signed(16), 1))),
                "load_param": In(LoadWrite(data.ArrayLayout(param_record, 1))),
                "load_table": In(LoadWrite(data.ArrayLayout(unsigned(8), 8))),
                "o_memory": Out(
                    stream.Signature(
                        data.StructLayout({"data": data.ArrayLayout(signed(32), 1), "addr": unsigned(32), "last": 1})
                    )
                ),
                "write_done": In(1),
                "scrub": In(Scrub()),
                "busy": Out(1),
                "wait_bank": Out(1),
                "wait_row": Out(1),
                "wait_memory": Out(1),
                "wait_instruction": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        config = self._config
        m.submodules.banks = banks = BankQueue(config)
        m.submodules.machine = machine = Machine(config)
        m.submodules.memory = memory = self.memory
        wiring.connect(m, wiring.flipped(self.load_vector), memory.load_vector)
        wiring.connect(m, wiring.flipped(self.load_param), memory.load_param)
        wiring.connect(m, wiring.flipped(self.load_table), memory.load_table)
        pass_scrub(m, self.scrub, (memory,))

        written = Signal()
        m.d.sync += written.eq((written | self.write_done) & ~machine.done)
        byte_bits = (config.rows - 1).bit_length()
        m.d.comb += [
            machine.instruction.eq(self.i.payload),
            machine.available.eq(self.i.valid),
            self.i.ready.eq(machine.done),
            memory.en.eq(machine.memory_en),
            memory.write_en.eq(machine.memory_write),
            memory.addr.eq(machine.memory_addr),
            memory.i.eq(machine.memory_o),
            machine.memory_i.eq(memory.o),
            banks.filled.eq(self.filled),
            machine.bank_full.eq(banks.bank.valid),
            banks.bank.ready.eq(machine.bank_free),
            self.freed.eq(banks.freed),
            self.acc_read.en.eq(machine.acc_en),
            self.acc_read.bank.eq(banks.bank.payload),
            self.acc_read.row.eq(machine.acc_row),
            self.acc_read.chunk.eq(machine.acc_chunk),
            machine.acc_data.eq(self.acc_read.data[0]),
            self.post_write.en.eq(machine.store),
            self.post_write.addr.eq(machine.store_addr >> byte_bits),
            self.post_write.mask.eq(1 << machine.store_addr[:byte_bits]),
            self.post_write.data.as_value().eq(machine.store_data.replicate(config.rows)),
            self.o_memory.valid.eq(machine.push),
            self.o_memory.payload.data[0].eq(machine.push_data),
            self.o_memory.payload.addr.eq(instruction_layout(Drain)(self.i.payload).dest_addr),
            self.o_memory.payload.last.eq(machine.push_last),
            machine.accepted.eq(self.o_memory.ready),
            machine.written.eq(written),
            self.wait_instruction.eq(machine.waits_instruction),
            self.wait_bank.eq(machine.waits_bank),
            self.wait_memory.eq(machine.waits_memory),
            self.busy.eq(~(self.wait_instruction | self.wait_bank | self.wait_memory)),
        ]
        # Who gave the instruction may take two cycles to note that it is under way.
        left = Signal()
        m.d.sync += [left.eq(machine.done), self.done.eq(left)]
        return m
