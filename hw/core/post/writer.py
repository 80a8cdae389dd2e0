"""Results to scratchpad and vector memory."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.core.post.layouts import Sink, chunk_layout
from hw.layouts import MaskedWrite
from spec.config import AcceleratorConfig

__all__ = ["Writer"]


class Writer(wiring.Component):
    """A writer that places the values of a chunk in their words.

    Latency: 1 cycle. Throughput: one chunk per cycle to each.

    Parameters
    ----------
    config : AcceleratorConfig

    Members
    -------
    i : In(chunk_layout(config)), values : In(ArrayLayout(signed(16), lanes))
        Results, zero in lanes that are not in the chunk's mask.
    normalized_chunk : In(chunk_layout(config)), normalized : In(ArrayLayout(signed(16), lanes))
        Rows of LAYERNORM, which go back to where they were read; never at the same time as results for the vector
        memory.
    post_write : Out(MaskedWrite(config))
    vector_en : Out(1), vector_mask : Out(lanes)
    vector_addr : Out(range(vector_words)), vector_data : Out(ArrayLayout(signed(16), lanes))
    """

    i: Any
    values: Any
    normalized_chunk: Any
    normalized: Any
    post_write: Any
    vector_en: Signal
    vector_mask: Signal
    vector_addr: Signal
    vector_data: Any

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        chunk, values = chunk_layout(config), data.ArrayLayout(signed(16), config.lanes)
        super().__init__(
            {
                "i": In(chunk),
                "values": In(values),
                "normalized_chunk": In(chunk),
                "normalized": In(values),
                "post_write": Out(MaskedWrite(config)),
                "vector_en": Out(1),
                "vector_mask": Out(config.lanes),
                "vector_addr": Out(range(config.vector_words)),
                "vector_data": Out(values),
            }
        )

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        config = self._config

        mask = Mux(self.i.recipe.padded, (1 << config.lanes) - 1, self.i.mask)
        m.d.sync += [
            self.post_write.en.eq(self.i.valid & (self.i.recipe.sink == Sink.SCRATCHPAD)),
            self.post_write.addr.eq(self.i.dest_addr),
            self.post_write.mask.eq(mask << self.i.byte),
        ]
        # Every group of lanes of the word gets the same bytes; the mask chooses one.
        m.d.sync += [self.post_write.data[byte].eq(self.values[byte % config.lanes]) for byte in range(config.rows)]

        normalizes = self.normalized_chunk.valid & self.normalized_chunk.recipe.normalized
        m.d.sync += self.vector_en.eq(normalizes | (self.i.valid & (self.i.recipe.sink == Sink.VECTOR)))
        with m.If(normalizes):
            m.d.sync += [
                self.vector_mask.eq(self.normalized_chunk.mask),
                self.vector_addr.eq(self.normalized_chunk.vector_addr),
                self.vector_data.eq(self.normalized),
            ]
        with m.Else():
            m.d.sync += [
                self.vector_mask.eq(self.i.mask),
                self.vector_addr.eq(self.i.dest_addr),
                self.vector_data.eq(self.values),
            ]
        return m
