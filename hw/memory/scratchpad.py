"""The banked memory of int8 operands."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.config import AcceleratorConfig
from hw.layouts import BankedRead, LoadWrite, MaskedWrite, Scrub
from hw.memory.collisions import NO_COLLISIONS
from hw.memory.scrub import scrubs

__all__ = ["Scratchpad"]


class Scratchpad(wiring.Component):
    """Words of ``rows`` bytes in contiguous banks, each with one read and one write port.

    In each bank a read of A goes before one of B, and a write of the post-processor before one of a LOAD; the other
    waits. A word that is written may be read from the next cycle on, but not in the same one.

    The banks may fill half a chip: registers stand in front of each and behind it.

    Latency: read data ``BankedRead.LATENCY`` cycles after the request. Throughput: two reads and two writes a cycle, to
    different banks.

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
        a, b, post, load = self.a_read, self.b_read, self.post_write, self.load_write

        a_place = self._locate(m, "a", a.addr)
        b_place = self._locate(m, "b", b.addr)
        post_place = self._locate(m, "post", post.addr)
        load_place = self._locate(m, "load", load.payload.addr)

        m.d.comb += [
            a.ready.eq(1),
            b.ready.eq(~(a.en & (a_place.bank == b_place.bank))),
            load.ready.eq(~(post.en & (post_place.bank == load_place.bank))),
            self.conflict.eq((b.en & ~b.ready) | (load.valid & ~load.ready)),
        ]

        words = []
        for index in range(self._banks):
            bank = m.submodules[f"bank_{index}"] = Memory(
                shape=self._word, depth=self._depth, init=[], attrs=NO_COLLISIONS
            )
            read, write = bank.read_port(), bank.write_port(granularity=1)

            reads_a = a.en & (a_place.bank == index)
            word = Signal(self._word, name=f"word_{index}", reset_less=True)
            m.d.sync += [
                read.addr.eq(Mux(reads_a, a_place.offset, b_place.offset)),
                word.eq(read.data),
                write.en.eq(0),
            ]
            words.append(word)

            addr, content = Signal.like(write.addr, reset_less=True), Signal(self._word, reset_less=True)
            m.d.comb += [write.addr.eq(addr), write.data.eq(content)]
            with m.If(scrubs(self.scrub, self._depth)):
                m.d.sync += [write.en.eq(~0), addr.eq(self.scrub.addr), content.eq(0)]
            with m.Elif(post.en & (post_place.bank == index)):
                m.d.sync += [write.en.eq(post.mask), addr.eq(post_place.offset), content.eq(post.data)]
            with m.Else():
                writes = load.valid & (load_place.bank == index)
                m.d.sync += [write.en.eq(writes.replicate(self._word.size // 8)), addr.eq(load_place.offset)]
                m.d.sync += content.eq(load.payload.data)

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

    def _locate(self, m: Module, name: str, addr: Any) -> Any:
        """Split an address into bank and offset: by its bits, or by comparison where a bank is no power of two long."""
        place = Signal(
            data.StructLayout({"offset": range(self._depth), "bank": range(self._banks)}),
            name=f"{name}_place",
        )
        m.d.comb += place.as_value().eq(addr)
        if self._depth & (self._depth - 1):
            m.d.comb += [place.offset.eq(addr), place.bank.eq(0)]
            for index in range(1, self._banks):
                start = index * self._depth
                with m.If(addr >= start):
                    m.d.comb += [place.offset.eq(addr - start), place.bank.eq(index)]
        return place
