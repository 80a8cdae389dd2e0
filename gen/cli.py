"""Command line of the generator."""

import argparse
import dataclasses
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from cli.exit_status import exit_status
from cli.steps import Steps
from files.whole_file import check_outputs, write_together
from gen.boards.command import run_board
from gen.emit.manifest import emit_manifest
from gen.emit.module_name import check_module_name
from gen.emit.rtlil import emit_rtlil
from gen.emit.verilog import emit_verilog
from spec.boards import BOARDS
from spec.config import CORES, AcceleratorConfig
from spec.presets import PRESETS

__all__ = ["main"]

_NAME = "python -m gen"
_STDOUT = "-"
_TOP, _PRESET = "systolm", "default"
_OF_BOARDS = ("board", "output", "build", "program")
"""Options that say something of a board."""


def main(arguments: Sequence[str]) -> int:
    """Write the Verilog of an accelerator, and its manifest beside it; or build a board's bitstream.

    What it is doing and what it has written stands on standard error.

    Parameters
    ----------
    arguments : sequence of str
        Command line without the program's name.

    Returns
    -------
    int
        0; else what :func:`cli.exit_status.exit_status` says, and then no Verilog or manifest has been touched.
    """
    return exit_status(_NAME, lambda: _run(_parser().parse_args(arguments)), error="error: ")


def _run(options: argparse.Namespace) -> int:
    if options.board:
        _refuse_all_but(options, _OF_BOARDS)
        directory = Path(options.output) if options.output else None
        run_board(options.board, directory, build=options.build, program=options.program)
        return 0
    if options.build or options.program:
        raise ValueError(f"--{'build' if options.build else 'program'} needs --board")
    config = _config(options)
    name = _TOP if options.name is None else options.name
    check_module_name(name)
    output, manifest = _paths(options, config)
    check_outputs(output, manifest)
    with Steps(f"{name}, {config.rows}x{config.cols}") as steps:
        steps("elaborating")
        rtlil = emit_rtlil(config, name)
        steps("turning it into Verilog")
        verilog = emit_verilog(rtlil)
        files = {} if output is None else {output: verilog.encode()}
        if manifest is not None:
            files[manifest] = emit_manifest(config, rtlil).encode()
        if output is None:
            sys.stdout.write(verilog)
            sys.stdout.flush()
        write_together(files)
        written = " and ".join(map(str, files or ["Verilog"]))
        steps.done(f"wrote {written}, {len(verilog) / 1e6:.1f} MB of Verilog,")
    return 0


def _refuse_all_but(options: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuse what a board would not heed: its configuration is its own."""
    given = [name for name, value in vars(options).items() if name not in names and value is not None]
    if given:
        raise ValueError(f"--{given[0].replace('_', '-')} must not be given for a board, which has its own")
    if options.output == _STDOUT:
        raise ValueError("the output of a board must be a folder, not standard output")


class _Parser(argparse.ArgumentParser):
    """A parser that reports a wrong command line as one line."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> argparse.ArgumentParser:
    """Return a parser with one option for each field of the configuration."""
    parser = _Parser(
        prog=_NAME,
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
    parser.add_argument("--name", help=f"name of the top module, with which those of all others begin ({_TOP})")
    parser.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        help=f"configuration that the options below change ({_PRESET})",
    )
    group = parser.add_argument_group("boards")
    group.add_argument("--board", choices=sorted(BOARDS), help="board, with the configuration of the same name")
    group.add_argument("--build", action="store_true", help="make its bitstream")
    group.add_argument("--program", action="store_true", help="load its bitstream into it, with openFPGALoader")
    group = parser.add_argument_group("configuration")
    help_texts, default = _field_help(), PRESETS["default"]
    for field in dataclasses.fields(AcceleratorConfig):
        kind: dict[str, Any] = {"choices": CORES} if field.name == "core" else {"type": int, "metavar": "N"}
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            help=f"{help_texts[field.name]} ({getattr(default, field.name)})",
            **kind,
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
    return dataclasses.replace(PRESETS[options.preset or _PRESET], **given)


def _paths(options: argparse.Namespace, config: AcceleratorConfig) -> tuple[Path | None, Path | None]:
    """Return where Verilog (None: standard output) and manifest (None: not wanted) go."""
    manifest = _file(options.manifest) if options.manifest else None
    if options.output == _STDOUT:
        return None, manifest
    output = _file(options.output or f"systolm_{config.rows}x{config.cols}.v")
    if output.exists() and not output.is_file():
        return output, manifest  # what is written to a pipe has nothing beside it
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
