"""``python -m sw embed``: texts in, vectors out."""

import argparse
import io
from collections.abc import Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from cli.terminal import Terminal
from files.whole_file import check_outputs, write_whole
from sw.apps.embed import Embedder, Embedding
from sw.apps.model_files import load_limits, load_model, model_files
from sw.cli.options import (
    add_configuration,
    add_jobs,
    add_truncation,
    at_least,
    backend,
    configuration,
    device_options,
    jobs,
    truncation,
)
from sw.cli.overwriting import refuse_overwriting, text_folders
from sw.cli.texts import FORMATS, LabelledText, load_texts
from sw.cli.upload import Upload
from sw.cli.workers import Job, answer_all
from sw.families.tokenizer import Text

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
    add_jobs(parser)
    add_configuration(parser)
    add_truncation(parser, MAX_LENGTH)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    data = text_folders(options.data) if options.data else ()
    refuse_overwriting({"-o": options.output}, (*model_files(options.model), *data, options.flash_image))
    if options.limit and options.text is not None:
        raise ValueError("--limit is for several texts, not for one of --text")
    checkpoint, _ = load_model(options.model)
    texts = _texts(options)
    longest, kept = truncation(options, load_limits(options.model), checkpoint.network.positions, MAX_LENGTH)
    console = Terminal()
    with Upload(console) as upload:
        job = Job(
            runner=Embedder,
            model=options.model,
            config=configuration(options),
            backend=backend(options),
            options=device_options(options, upload),
            max_length=longest,
            truncation=kept,
        )
        job.check(texts)
        check_outputs(options.output)
        made = _made(job, texts, min(jobs(options), len(texts)), options.output, console)
    _write(options.output, made)
    exact = sum(each.bit_exact for each in made)
    console.print(f"{options.output}: {len(made):,} vectors of {len(made[0].vector)}", markup=False)
    against = "the reference" if job.backend == "model" else "the integer model and the reference"
    console.print(f"{exact:,} of {len(made):,} bit exact against {against}")
    cycles = [each.cycles for each in made if each.cycles is not None]
    if cycles:
        console.print(f"{sum(cycles) // len(cycles):,} cycles a text on average")
    return 0 if exact == len(made) else 1


def _made(job: Job[Embedding], texts: Sequence[Text], workers: int, path: Path, console: Terminal) -> list[Embedding]:
    """Return the answers to all texts; if that ends early, write the vectors of the first ones that there are."""
    found: dict[int, Embedding] = {}
    answers = answer_all(job, texts, workers)
    try:
        for place, answer in track(
            answers, "embedding", len(texts), console=console, transient=True, disable=not console.is_terminal
        ):
            found[place] = answer
    except BaseException as end:
        first = [found[place] for place in takewhile(found.__contains__, count())]
        if first:
            _write(path, first)
            end.add_note(f"{path} has the first {len(first):,} of {len(texts):,} texts")
        raise
    return [found[place] for place in range(len(texts))]


def _write(path: Path, made: Sequence[Embedding]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.stack([each.vector for each in made]))
    write_whole(path, buffer.getvalue())


def _texts(options: argparse.Namespace) -> list[Text]:
    if options.text is not None:
        return [LabelledText.of(options.text).content]
    texts = [text.content for text in load_texts(options.data, limit=options.limit)]
    if not texts:
        raise ValueError(f"{options.data} must have texts")
    return texts
