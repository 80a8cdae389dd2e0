"""``python -m sw flash-image``: what a board's flash holds for a program."""

import argparse
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from hw.flash.memory_map import ICEBREAKER_MAP
from hw.isa import INSTRUCTION_BYTES
from hw.program import FORMAT, Program
from sw.cli.model_files import load_model
from sw.cli.options import add_configuration, at_least, configuration
from sw.cli.whole_file import write_whole
from sw.lowering import BertLowering, relocate

__all__ = ["add_parser"]

LENGTH = 128

_OF_MODELS = ("length", "preset", "rows", "cols")
"""Options that say how a model is compiled."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("flash-image", help="write instructions and constants for the flash of an iCEBreaker")
    parser.add_argument("model", type=Path, metavar="PROGRAM_OR_MODEL", help="a program's file, or a quantized model")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"the bytes from address {ICEBREAKER_MAP.data_addr:#x} of the flash on",
    )
    parser.add_argument(
        "--length",
        type=at_least(1),
        metavar="L",
        help=f"tokens of the texts that a model is compiled for, with [CLS] and [SEP] (default: {LENGTH})",
    )
    add_configuration(parser, choice=False)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    program, where = _program(options), ICEBREAKER_MAP
    gap = bytes(-program.constants.size % program.config.bus_bytes)
    image_bytes = program.constants.size + len(gap) + program.instructions.size
    regions = [*program.inputs.values(), *program.outputs.values()]
    ram_end = max((region.addr + region.nbytes for region in regions), default=0)
    ram_bytes = ram_end - min((region.addr for region in regions), default=0)
    room = where.flash_bytes - where.data_addr
    if image_bytes > room:
        raise ValueError(f"instructions and constants must fit {room} bytes, not take {image_bytes}")
    if ram_bytes > where.ram_bytes:
        raise ValueError(f"inputs and outputs must fit {where.ram_bytes} bytes, not take {ram_bytes}")
    placed = relocate(program, read_only=where.data_addr, writable=where.ram_addr)
    write_whole(options.output, placed.constants.tobytes() + gap + placed.instructions.tobytes())
    print(
        f"{options.output}: {image_bytes:,} bytes for address {where.data_addr:#x} of the flash, "
        f"{program.instructions.size // INSTRUCTION_BYTES:,} instructions from {placed.instructions_addr:#x} on; "
        f"{ram_bytes:,} bytes of RAM from {where.ram_addr:#x} on"
    )
    return 0


def _program(options: argparse.Namespace) -> Program:
    """Read the program, or compile the model."""
    if not _is_program(options.model):
        checkpoint, _ = load_model(options.model)
        return BertLowering(checkpoint, configuration(options)).lower(options.length or LENGTH)
    if any(getattr(options, name) is not None for name in _OF_MODELS):
        raise ValueError("--length, --preset, --rows and --cols must not be given for a program, which has its own")
    return Program.load(options.model)


def _is_program(path: Path) -> bool:
    """Whether a file says that it is a program; a damaged one may."""
    if not path.is_file():
        return False
    try:
        with safe_open(path, "numpy") as file:
            return FORMAT in (file.metadata() or {})
    except SafetensorError:
        return False
