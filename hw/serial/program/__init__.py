"""The microprogram of the serial core."""

from hw.config import AcceleratorConfig
from hw.serial.program.checks import write_checks
from hw.serial.program.control import write_control
from hw.serial.program.drain import write_drain
from hw.serial.program.gemm import write_gemm
from hw.serial.program.rows import write_rows
from hw.serial.program.sweep import write_sweep
from hw.serial.program.transfers import write_transfers
from hw.serial.program.writer import Writer

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
