"""Options that several commands share."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from hw.config import AcceleratorConfig
from hw.presets import PRESETS

__all__ = ["add_configuration", "add_truncation", "at_least", "configuration", "device_options"]


def add_configuration(parser: argparse.ArgumentParser, *, backend: bool = True) -> None:
    """Add ``--rows``, ``--cols`` and ``--preset``, and ``--backend`` unless there is no choice."""
    if backend:
        parser.add_argument(
            "--backend",
            choices=("rtl", "model"),
            default="rtl",
            help="the simulated hardware, or the integer model, which has no clock (default: rtl)",
        )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="default", help="configuration (default: default)")
    parser.add_argument("--rows", type=at_least(1), metavar="R", help="rows of the array instead of the preset's")
    parser.add_argument("--cols", type=at_least(1), metavar="C", help="columns of the array instead of the preset's")


def add_truncation(parser: argparse.ArgumentParser, max_length: int) -> None:
    """Add ``--max-length`` and ``--truncation``."""
    parser.add_argument(
        "--max-length",
        type=at_least(2),
        default=max_length,
        metavar="L",
        help=f"most tokens of a text, with [CLS] and [SEP] (default: {max_length})",
    )
    parser.add_argument(
        "--truncation",
        choices=("head", "tail", "head_tail"),
        default="head_tail",
        help="what stays of a longer text: its head, its tail, or a quarter of head before the tail (default)",
    )


def configuration(options: argparse.Namespace) -> AcceleratorConfig:
    """Return the configuration that the options of :func:`add_configuration` name."""
    config = PRESETS[options.preset]
    if options.rows is None and options.cols is None:
        return config
    fields = asdict(config) | {"rows": options.rows or config.rows, "cols": options.cols or config.cols}
    del fields["lanes"]  # they follow from the shape of the array
    return AcceleratorConfig(**fields)


def device_options(backend: str) -> dict[str, Any]:
    """Return what a device's constructor gets: the simulated hardware says when it has to be built first."""
    return {"report": _say} if backend == "rtl" else {}


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
