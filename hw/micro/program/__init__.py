"""The microprogram of the micro core."""

from hw.micro.program.checks import write_checks
from hw.micro.program.control import write_control
from hw.micro.program.drain import write_drain
from hw.micro.program.gemm import write_gemm
from hw.micro.program.rows import write_rows
from hw.micro.program.sweep import write_sweep
from hw.micro.program.transfers import write_transfers
from hw.micro.program.writer import Writer
from spec.config import AcceleratorConfig

__all__ = ["microprogram"]


def microprogram(config: AcceleratorConfig) -> list[int]:
    """Return the words of the microprogram, which begins at address 0.

    Parameters
    ----------
    config : AcceleratorConfig
        Whose sizes it contains.
    """
    writer = Writer(config)
    for write in (
        write_control,
        write_checks,
        write_transfers,
        write_gemm,
        write_drain,
        write_sweep,
        write_rows,
    ):
        write(writer)
    return writer.words()
