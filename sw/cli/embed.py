"""``python -m sw embed``: texts in, vectors out."""

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from cli.terminal import Terminal
from files.whole_file import check_outputs, write_whole
from sw.apps.embed import Embedder
from sw.apps.model_files import load_limits, load_model, model_files
from sw.cli.options import (
    add_configuration,
    add_truncation,
    at_least,
    backend,
    configuration,
    device_options,
    truncation,
)
from sw.cli.overwriting import refuse_overwriting, text_folders
from sw.cli.texts import FORMATS, LabelledText, load_texts
from sw.cli.upload import Upload

__all__ = ["add_parser"]

MAX_LENGTH = 128


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("embed", help="make vectors of texts")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", metavar="T", help="one text")
    source.add_argument("--data", type=Path, metavar="PATH", help=f"texts: {FORMATS}")
    parser.add_argument("--limit", type=at_least(1), metavar="N", help="take no more texts than this")
    parser.add_argument("--model", type=Path, required=True, metavar="M", help="a quantized model for vectors")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the vectors, float32 [texts, N], as .npy"
    )
    add_configuration(parser)
    add_truncation(parser, MAX_LENGTH)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    data = text_folders(options.data) if options.data else ()
    read = (*model_files(options.model), *data, options.flash_image)
    refuse_overwriting({"-o": options.output}, read)
    if options.limit and options.text is not None:
        raise ValueError("--limit is for several texts, not for one of --text")
    checkpoint, tokenizer = load_model(options.model)
    texts = _texts(options)
    if not texts:
        raise ValueError(f"{options.data} must have texts")
    positions = checkpoint.network.positions
    longest, kept = truncation(options, load_limits(options.model), positions, MAX_LENGTH)
    config = configuration(options)
    check_outputs(options.output)
    console = Terminal()
    with Upload(console) as upload:
        embedder = Embedder(
            checkpoint,
            tokenizer,
            config,
            backend(options),
            max_length=longest,
            truncation=kept,
            **device_options(options, upload),
        )
        made = [
            embedder.embed(text.content)
            for text in track(texts, "embedding", console=console, transient=True, disable=not console.is_terminal)
        ]
    buffer = io.BytesIO()
    np.save(buffer, np.stack([each.vector for each in made]))
    write_whole(options.output, buffer.getvalue())
    exact = sum(each.bit_exact for each in made)
    console.print(f"{options.output}: {len(made):,} vectors of {len(made[0].vector)}", markup=False)
    against = "the reference" if backend(options) == "model" else "the integer model and the reference"
    console.print(f"{exact:,} of {len(made):,} bit exact against {against}")
    cycles = [each.cycles for each in made if each.cycles is not None]
    if cycles:
        console.print(f"{sum(cycles) // len(cycles):,} cycles a text on average")
    return 0 if exact == len(made) else 1


def _texts(options: argparse.Namespace) -> list[LabelledText]:
    if options.text is not None:
        return [LabelledText.of(options.text)]
    return load_texts(options.data, limit=options.limit)
