"""The banked memory of int8 operands."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core.memory.deep_memory import DeepMemory
from hw.core.memory.scrub import scrubs
from hw.layouts import BankedRead, LoadWrite, MaskedWrite, Scrub
from spec.config import AcceleratorConfig

__all__ = ["Scratchpad"]


class Scratchpad(wiring.Component):
    """Words of ``rows`` bytes in contiguous banks, each with one read and one write port.

    In each bank a read of A goes before one of B, and a write of the post-processor before one of a LOAD; the other
    waits. What is read of a word that is being written is not defined.

    The banks may fill half a chip: registers stand in front of each and behind it, and one more where the
    post-processor's words arrive.

    Latency: read data ``BankedRead.LATENCY`` cycles after the request; a word of a LOAD can be read from the next cycle
    on, one of the post-processor a cycle later. Throughput: two reads and two writes a cycle, to different banks.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``rows``, ``scratchpad_words`` and ``scratchpad_banks``.

    Members
    -------
    a_read : In(BankedRead)
        The array's streaming operand; always ready.
    b_read : In(BankedRead)
        The array's stationary operand.
    post_write : In(MaskedWrite)
        Never waits.
    load_write : In(LoadWrite(ArrayLayout(unsigned(8), rows)))
        Whole words.
    scrub : In(Scrub())
        Clears a word of every bank.
    conflict : Out(1)
        A read of B or a LOAD had to wait in this cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._banks = config.scratchpad_banks
        self._depth = config.scratchpad_words // config.scratchpad_banks
        self._word = data.ArrayLayout(unsigned(8), config.rows)
        self._place = data.StructLayout({"offset": range(self._depth), "bank": range(self._banks)})
        super().__init__(
            {
                "a_read": In(BankedRead(config)),
                "b_read": In(BankedRead(config)),
                "post_write": In(MaskedWrite(config)),
                "load_write": In(LoadWrite(self._word)),
                "scrub": In(Scrub()),
                "conflict": Out(1),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        a, b, load = self.a_read, self.b_read, self.load_write
        post = self._post(m)

        a_place = self._locate(m, "a", a.addr)
        b_place = self._locate(m, "b", b.addr)
        load_place = self._locate(m, "load", load.payload.addr)

        m.d.comb += [
            a.ready.eq(1),
            b.ready.eq(~(a.en & (a_place.bank == b_place.bank))),
            load.ready.eq(~(post.en & (post.place.bank == load_place.bank))),
            self.conflict.eq((b.en & ~b.ready) | (load.valid & ~load.ready)),
        ]

        words = []
        for index in range(self._banks):
            bank = m.submodules[f"bank_{index}"] = DeepMemory(self._word, self._depth)

            reads_a = a.en & (a_place.bank == index)
            read_addr = Signal.like(bank.read_addr, name=f"read_addr_{index}")
            word = Signal(self._word, name=f"word_{index}", reset_less=True)
            m.d.comb += bank.read_addr.eq(read_addr)
            m.d.sync += [
                read_addr.eq(Mux(reads_a, a_place.offset, b_place.offset)),
                word.eq(bank.read_data),
            ]
            words.append(word)

            enables = Signal.like(bank.write_en)
            addr, content = Signal.like(bank.write_addr, reset_less=True), Signal(self._word, reset_less=True)
            m.d.comb += [bank.write_en.eq(enables), bank.write_addr.eq(addr), bank.write_data.eq(content)]
            with m.If(post.scrub | (post.en & (post.place.bank == index))):
                m.d.sync += [enables.eq(post.mask), addr.eq(post.place.offset), content.eq(post.data)]
            with m.Else():
                writes = load.valid & (load_place.bank == index)
                m.d.sync += [
                    enables.eq(writes.replicate(len(enables))),
                    addr.eq(load_place.offset),
                    content.eq(load.payload.data),
                ]

        for port, place in ((a, a_place), (b, b_place)):
            bank_read = Signal(data.ArrayLayout(place.bank.shape(), BankedRead.LATENCY - 1), reset_less=True)
            m.d.sync += bank_read.as_value().eq(Cat(place.bank, bank_read))
            chosen = Signal(self._word, name="chosen", reset_less=True)
            m.d.comb += port.data.eq(chosen)
            with m.Switch(bank_read[-1]):
                for index, word in enumerate(words):
                    with m.Case(index):
                        m.d.sync += chosen.eq(word)
        return m

    def _post(self, m: Module) -> Any:
        """Take a write of the post-processor, or a step of the scrub, which goes to all banks, into a register."""
        port = self.post_write
        post = Signal(
            data.StructLayout(
                {"en": 1, "scrub": 1, "mask": len(port.mask), "place": self._place, "data": port.data.shape()}
            ),
            reset_less=True,
        )
        m.d.sync += [
            post.en.eq(port.en),
            post.scrub.eq(scrubs(self.scrub, self._depth)),
            post.mask.eq(port.mask),
            post.place.eq(self._locate(m, "post", port.addr)),
            post.data.eq(port.data),
        ]
        with m.If(self.scrub.en):
            m.d.sync += [post.mask.eq(~0), post.place.offset.eq(self.scrub.addr), post.data.as_value().eq(0)]
        return post

    def _locate(self, m: Module, name: str, addr: Any) -> Any:
        """Split an address into bank and offset: by its bits, or by comparison where a bank is no power of two long."""
        place = Signal(self._place, name=f"{name}_place")
        m.d.comb += place.as_value().eq(addr)
        if self._depth & (self._depth - 1):
            m.d.comb += [place.offset.eq(addr), place.bank.eq(0)]
            for index in range(1, self._banks):
                start = index * self._depth
                with m.If(addr >= start):
                    m.d.comb += [place.offset.eq(addr - start), place.bank.eq(index)]
        return place
