"""Command line of the generator."""

import argparse
import dataclasses
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from gen.boards import BOARDS
from gen.boards.command import run_board
from gen.manifest import emit_manifest
from gen.module_name import check_module_name
from gen.rtlil import emit_rtlil
from gen.verilog import emit_verilog
from hw.config import AcceleratorConfig
from hw.presets import PRESETS

__all__ = ["main"]

_BAD_INPUT = 2
_STDOUT = "-"


def main(arguments: Sequence[str]) -> int:
    """Write the Verilog of an accelerator, and its manifest beside it; or build a board's bitstream.

    Parameters
    ----------
    arguments : sequence of str
        Command line without the program's name.

    Returns
    -------
    int
        Exit status: 0, or 2 if the input is wrong, a file cannot be written or a bitstream cannot be made. Then there
        is one line on standard error, and no Verilog or manifest has been touched.
    """
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
        if options.board:
            directory = Path(options.output) if options.output else None
            run_board(options.board, directory, build=options.build, program=options.program)
            return 0
        if options.build or options.program:
            raise ValueError(f"--{'build' if options.build else 'program'} needs --board")
        config = _config(options)
        check_module_name(options.name)
        output, manifest = _paths(options, config)
        rtlil = emit_rtlil(config, options.name)
        verilog = emit_verilog(rtlil)
        files = {} if output is None else {output: verilog}
        if manifest is not None:
            files[manifest] = emit_manifest(config, rtlil)
        _write(files)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return _BAD_INPUT
    if output is None:
        sys.stdout.write(verilog)
    return 0


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line as one line."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> argparse.ArgumentParser:
    """Return a parser with one option for each field of the configuration."""
    parser = _Parser(
        prog="python -m gen",
        description="Write the Verilog of an accelerator, and a manifest of its interface; or make a bitstream.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="Verilog file (systolm_<rows>x<cols>.v), or - for standard output without a manifest; of a board: folder "
        "(build/boards/<board>)",
    )
    parser.add_argument("--manifest", metavar="FILE", help="manifest (beside the Verilog, ending in .json)")
    parser.add_argument(
        "--name", default="systolm", help="name of the top module, with which those of all others begin (%(default)s)"
    )
    parser.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        default="default",
        help="configuration that the options below change (%(default)s)",
    )
    group = parser.add_argument_group("boards")
    group.add_argument("--board", choices=sorted(BOARDS), help="board, with the configuration of the same name")
    group.add_argument("--build", action="store_true", help="make its bitstream")
    group.add_argument("--program", action="store_true", help="load its bitstream into it, with openFPGALoader")
    group = parser.add_argument_group("configuration")
    help_texts, default = _field_help(), PRESETS["default"]
    for field in dataclasses.fields(AcceleratorConfig):
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=int,
            metavar="N",
            help=f"{help_texts[field.name]} ({getattr(default, field.name)})",
        )
    return parser


def _field_help() -> dict[str, str]:
    """Return the descriptions of the configuration's fields from its docstring."""
    section = (AcceleratorConfig.__doc__ or "").split("----------\n", 1)[1].split("\n\n", 1)[0]
    entries = re.split(r"^    (\w+) : .*\n", section, flags=re.MULTILINE)[1:]
    return {
        name: " ".join(text.replace("``", "").split()).rstrip(".").replace("%", "%%")
        for name, text in zip(entries[::2], entries[1::2], strict=True)
    }


def _config(options: argparse.Namespace) -> AcceleratorConfig:
    """Return the preset with the options' changes; a new shape gets new lanes unless they are given too."""
    names = (field.name for field in dataclasses.fields(AcceleratorConfig))
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    if given.keys() & {"rows", "cols"}:
        given.setdefault("lanes", None)
    return dataclasses.replace(PRESETS[options.preset], **given)


def _paths(options: argparse.Namespace, config: AcceleratorConfig) -> tuple[Path | None, Path | None]:
    """Return where Verilog (None: standard output) and manifest (None: not wanted) go."""
    manifest = _file(options.manifest) if options.manifest else None
    if options.output == _STDOUT:
        return None, manifest
    output = _file(options.output or f"systolm_{config.rows}x{config.cols}.v")
    manifest = manifest or _file(str(output.with_suffix(".json")))
    if manifest == output:
        raise ValueError(f"output and manifest must be two files, not both {str(output)!r}")
    return output, manifest


def _file(name: str) -> Path:
    """Return the path of a file that can be there."""
    path = Path(name)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"output must be a file in an existing folder, not {name!r}")
    return path


def _write(files: dict[Path, str]) -> None:
    """Write all files or none: each to a neighbour first, then all are renamed."""
    neighbours: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            neighbours[path] = Path(name)
            with os.fdopen(handle, "w") as file:
                file.write(text)
            neighbours[path].chmod(0o666 & ~_umask())
        for path, neighbour in neighbours.items():
            neighbour.replace(path)
    finally:
        for neighbour in neighbours.values():
            neighbour.unlink(missing_ok=True)


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
