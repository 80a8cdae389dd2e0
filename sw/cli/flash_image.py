"""``python -m sw flash-image``: what a board's flash holds for a program."""

import argparse
from pathlib import Path
from typing import Any

from safetensors import safe_open

from files.whole_file import check_outputs, write_whole
from host.board import FlashImage
from spec.isa import INSTRUCTION_BYTES
from spec.memory_map import ICEBREAKER_MAP
from spec.program import FORMAT, Program
from sw.apps.model_files import load_limits, load_model, model_files
from sw.apps.text_runner import SHORTEST
from sw.cli.options import add_configuration, at_least, configuration
from sw.cli.overwriting import refuse_overwriting
from sw.lowering import NetworkLowering

__all__ = ["add_parser"]

LENGTH = 128

_OF_MODELS = ("length", "preset", "rows", "cols")
"""Options that say how a model is compiled."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("flash-image", help="write weights and programs for the flash of an iCEBreaker")
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
        type=at_least(SHORTEST),
        metavar="L",
        help=f"most tokens of the texts that a model is compiled for, with [CLS] and [SEP] (default: what "
        f"it says, or {LENGTH})",
    )
    add_configuration(parser, choice=False)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    read = [options.model] if _is_program(options.model) else model_files(options.model)
    refuse_overwriting({"-o": options.output}, read)
    check_outputs(options.output)
    programs, where = _programs(options), ICEBREAKER_MAP
    image = FlashImage.of(programs, where)
    ram_end = max(image.place(program).memory_bytes for program in programs)
    write_whole(options.output, image.content)
    instructions = sum(program.instructions.size for program in programs) // INSTRUCTION_BYTES
    print(
        f"{options.output}: {len(image.content):,} bytes for address {where.data_addr:#x} of the flash, programs: "
        f"{len(programs)}, of {instructions:,} instructions; {max(0, ram_end - where.ram_addr):,} bytes of RAM from "
        f"{where.ram_addr:#x} on"
    )
    return 0


def _programs(options: argparse.Namespace) -> list[Program]:
    """Read the program, or compile the model for every length."""
    if not _is_program(options.model):
        checkpoint, _ = load_model(options.model)
        lowering = NetworkLowering(checkpoint, configuration(options))
        usual = load_limits(options.model).max_length or LENGTH
        longest = options.length or min(usual, checkpoint.network.positions)
        # The longest first: if one does not fit, it does not.
        return [lowering.lower(length) for length in range(longest, SHORTEST - 1, -1)]
    if any(getattr(options, name) is not None for name in _OF_MODELS):
        raise ValueError("--length, --preset, --rows and --cols must not be given for a program, which has its own")
    return [Program.load(options.model)]


def _is_program(path: Path) -> bool:
    """Whether a file says that it is a program; a damaged one may."""
    if not path.is_file():
        return False
    try:
        with safe_open(path, "numpy") as file:
            return FORMAT in (file.metadata() or {})
    except Exception:  # what it is not, its loader says
        return False
