"""Arguments of ``python -m sw.training``."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from cli.exit_status import exit_status
from cli.parser import Parser

__all__ = ["main"]

NAME = "python -m sw.training"

STEPS = ("train", "merge", "quantize", "evaluate", "card")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps that the arguments name.

    Returns
    -------
    int
        0, or what :func:`cli.exit_status.exit_status` says.
    """
    parser = Parser(
        prog=NAME, description="Makes the default model, step by step or as a whole; needs torch and transformers."
    )
    parser.add_argument("step", nargs="?", choices=STEPS, help="one step; all in this order by default")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("SYSTOLM_DATA"),
        help="folder with imdb_train.jsonl.gz and imdb_dev.jsonl.gz (default: SYSTOLM_DATA)",
    )
    parser.add_argument("--base", help="base model, a folder or a name on the hub (default: all-MiniLM-L6-v2)")
    parser.add_argument("--merged", type=Path, default=Path("build/minilm-l6-imdb"), help="folder of the float model")
    parser.add_argument("--model", type=Path, default=Path("models/minilm-l6-imdb"), help="folder of the checkpoint")
    parser.add_argument("--limit", type=int, help="use at most this many reviews in each step, for a trial")
    options = parser.parse_args(arguments)
    return exit_status(NAME, lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    from sw.training.steps import run_step  # noqa: PLC0415  # torch takes a while, and --help does without

    for name in STEPS:
        if options.step in (None, name):
            run_step(name, options)
    return 0
