"""How the bus masters report an error."""

from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hw.bus.axi import AXI_ADDRESS_BITS
from spec.isa import ErrorCode

__all__ = ["ERROR_CODE", "INDEX_BITS", "Fault"]

ERROR_CODE = range(max(ErrorCode) + 1)
"""Shape of an :class:`ErrorCode`."""

INDEX_BITS = 32
"""Width of an instruction's index."""


class Fault(wiring.Signature):
    """A burst that failed, while ``valid``: error ``code``, byte address ``addr``, ``index`` of its instruction."""

    def __init__(self) -> None:
        super().__init__(
            {"valid": Out(1), "code": Out(ERROR_CODE), "index": Out(INDEX_BITS), "addr": Out(AXI_ADDRESS_BITS)}
        )
