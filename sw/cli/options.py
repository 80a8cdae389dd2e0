"""Options that several commands share."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from host.board import FlashImage
from spec.config import AcceleratorConfig
from spec.link import BAUD
from spec.memory_map import ICEBREAKER_MAP
from spec.presets import PRESETS
from sw.families.limits import Limits
from sw.families.tokenizer import Truncation

__all__ = [
    "add_configuration",
    "add_jobs",
    "add_truncation",
    "at_least",
    "backend",
    "configuration",
    "device_options",
    "jobs",
    "truncation",
]

PRESET = "default"

USUAL_TRUNCATION: Truncation = "head_tail"

BOARD_PRESET = "ulx3s_85f"
"""The one for a board that has room for the default model at the default length."""


def add_configuration(parser: argparse.ArgumentParser, *, choice: bool = True) -> None:
    """Add ``--rows``, ``--cols`` and ``--preset``, and those that choose a backend unless there is no choice."""
    parser.set_defaults(backend=None, device=None, baud=None, flash_image=None)
    if choice:
        parser.add_argument(
            "--backend",
            choices=("rtl", "model", "board"),
            help="the simulated hardware, the integer model, which has no clock, or a board (default: rtl)",
        )
        parser.add_argument(
            "--device", metavar="PORT", help="serial port of a board, which --backend then need not name"
        )
        parser.add_argument(
            "--baud", type=at_least(1), metavar="B", help=f"bits in a second of that port (default: {BAUD})"
        )
        parser.add_argument(
            "--flash-image",
            type=Path,
            metavar="FILE",
            help="what the flash of that board, an iCEBreaker, holds; as flash-image has written it",
        )
    parser.add_argument(
        "--preset", choices=sorted(PRESETS), help=f"configuration (default: {PRESET}; on a board {BOARD_PRESET})"
    )
    parser.add_argument("--rows", type=at_least(1), metavar="R", help="rows of the array instead of the preset's")
    parser.add_argument("--cols", type=at_least(1), metavar="C", help="columns of the array instead of the preset's")


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``."""
    parser.add_argument(
        "--jobs",
        type=at_least(1),
        metavar="J",
        help="texts at the same time (default: one for each core; on a board always 1)",
    )


def jobs(options: argparse.Namespace) -> int:
    """Return how many texts run at the same time.

    Raises
    ------
    ValueError
        If it is more than a board can do.
    """
    if backend(options) != "board":
        return options.jobs or os.cpu_count() or 1
    if options.jobs not in (None, 1):
        raise ValueError(f"--jobs must be 1 with a board, not {options.jobs}")
    return 1


def add_truncation(parser: argparse.ArgumentParser, max_length: int | None = None) -> None:
    """Add ``--max-length`` and ``--truncation``; both are the model's own, where it says so, or the usual."""
    usual = "as many as it has positions" if max_length is None else max_length
    parser.add_argument(
        "--max-length",
        type=at_least(2),
        metavar="L",
        help=f"most tokens of a text, with special tokens (default: what the model says, or {usual})",
    )
    parser.add_argument(
        "--truncation",
        choices=("head", "tail", "head_tail"),
        help="what stays of a longer text: its head, its tail, or a quarter of head before the tail (default: what the "
        f"model says, or {USUAL_TRUNCATION})",
    )


def truncation(options: argparse.Namespace, limits: Limits, positions: int, usual: int) -> tuple[int, Truncation]:
    """Return most tokens of a text and what stays of a longer one.

    Parameters
    ----------
    options : Namespace
        With those of :func:`add_truncation`, which count.
    limits : Limits
        What the model says, which counts otherwise.
    positions : int
        Most tokens that the model can take.
    usual : int
        If neither says how many.
    """
    longest = options.max_length or min(limits.max_length or usual, positions)
    return longest, options.truncation or limits.truncation or USUAL_TRUNCATION


def backend(options: argparse.Namespace) -> str:
    """Return the name of the backend that the options of :func:`add_configuration` choose.

    Raises
    ------
    ValueError
        If they contradict each other.
    """
    name: str = options.backend or ("rtl" if options.device is None else "board")
    if name == "board" and not options.device:
        raise ValueError("--backend board needs --device with its serial port")
    for option in ("device", "baud", "flash-image"):
        if name != "board" and getattr(options, option.replace("-", "_")) is not None:
            raise ValueError(f"--{option} is for a board, not for --backend {name}")
    return name


def configuration(options: argparse.Namespace) -> AcceleratorConfig:
    """Return the configuration that the options of :func:`add_configuration` name."""
    config = PRESETS[options.preset or (BOARD_PRESET if backend(options) == "board" else PRESET)]
    if options.rows is None and options.cols is None:
        return config
    fields = asdict(config) | {"rows": options.rows or config.rows, "cols": options.cols or config.cols}
    del fields["lanes"]  # they follow from the shape of the array
    return AcceleratorConfig(**fields)


def device_options(options: argparse.Namespace, upload: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Return what :func:`sw.apps.open_device.open_device` gets besides backend and configuration.

    The simulated hardware says when it has to be built first; a board tells ``upload`` how far its memory is written.
    """
    match backend(options):
        case "rtl":
            return {"tell": _say}
        case "board":
            image = options.flash_image
            flash = FlashImage.load(image, ICEBREAKER_MAP) if image else None
            return {"port": options.device, "baud": options.baud or BAUD, "progress": upload, "flash": flash}
    return {}


def _say(stage: str) -> None:
    print(f"building the simulator, once for each configuration: {stage}", file=sys.stderr)


def at_least(low: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number with a lower bound."""

    def parse(text: str) -> int:
        value = int(text)
        if value < low:
            raise ValueError(text)
        return value

    parse.__name__ = f"whole number from {low} on"  # what argparse calls a wrong one
    return parse
