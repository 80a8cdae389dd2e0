"""Between a reader and the read master that it shares with others."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.axi import AXI_ADDRESS_BITS
from hw.bus.fault import INDEX_BITS
from hw.bus.packet import packet
from spec.axi import BURST_BEATS
from spec.config import AcceleratorConfig

__all__ = ["ReadPort", "read_burst"]


def read_burst(config: AcceleratorConfig) -> data.StructLayout:
    """Return the layout of a burst request.

    ``addr``: first byte; ``len``: beats less one; ``index``: instruction; ``last``: the transfer ends with this burst,
    with byte ``final`` of its last beat.
    """
    return data.StructLayout(
        {
            "addr": AXI_ADDRESS_BITS,
            "len": range(BURST_BEATS),
            "index": INDEX_BITS,
            "final": range(config.bus_bytes),
            "last": 1,
        }
    )


class ReadPort(wiring.Signature):
    """A reader's side: requests out, beats in. Beats come in the order of requests and are always taken."""

    def __init__(self, config: AcceleratorConfig) -> None:
        super().__init__(
            {
                "burst": Out(stream.Signature(read_burst(config))),
                "beat": In(stream.Signature(packet(config.bus_bytes), always_ready=True)),
            }
        )
