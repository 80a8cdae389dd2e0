"""``python -m sw classify``: texts in, labels out, with what each took."""

import argparse
import dataclasses
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sw.classify import Classification
from sw.cli.json_file import write_json
from sw.cli.labels import Labels
from sw.cli.model_files import load_model, model_files
from sw.cli.options import add_configuration, add_truncation, at_least, backend, configuration, device_options
from sw.cli.overwriting import refuse_overwriting, text_folders
from sw.cli.report import Report
from sw.cli.texts import FORMATS, LabelledText, load_texts
from sw.cli.upload import Upload
from sw.cli.workers import Job, classify_all
from sw.imdb import LABELS

__all__ = ["add_parser"]

SAMPLES = Path(__file__).parents[1] / "samples.jsonl"

DEFAULT_MODEL = Path("minilm-l6-imdb")

MAX_LENGTH = 128

CLOCK_MHZ = 100.0


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("classify", help="classify texts")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", metavar="T", help="one text")
    source.add_argument("--file", type=Path, metavar="F", help="a file with one text")
    source.add_argument(
        "--data",
        type=Path,
        default=SAMPLES,
        metavar="PATH",
        help=f"texts with or without labels: {FORMATS} (default: the samples, sw/{SAMPLES.name})",
    )
    parser.add_argument(
        "--label-map",
        type=_renamed,
        nargs="+",
        action="extend",
        metavar="THEIRS=MODELS",
        help="labels of --data that are not the model's, each with the model's label or its number, as neg=LABEL_0",
    )
    parser.add_argument("--limit", type=at_least(1), metavar="N", help="classify no more texts than this")
    parser.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, metavar="M", help=f"a quantized model (default: {DEFAULT_MODEL})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results there")
    parser.add_argument(
        "--jobs",
        type=at_least(1),
        metavar="J",
        help="texts at the same time (default: one for each core; on a board always 1)",
    )
    parser.add_argument(
        "--clock",
        type=_megahertz,
        default=CLOCK_MHZ,
        metavar="MHZ",
        help=f"clock for which times are given (default: {CLOCK_MHZ:g})",
    )
    add_configuration(parser)
    add_truncation(parser, MAX_LENGTH)
    parser.set_defaults(run=_run, max_length=None)


def _run(options: argparse.Namespace) -> int:
    read = (*model_files(options.model), *text_folders(options.data), options.file, options.flash_image)
    refuse_overwriting({"--json": options.json}, read)
    checkpoint, _ = load_model(options.model)
    texts = _texts(options, checkpoint.labels)
    workers = min(_jobs(options), len(texts))
    console = Console(highlight=False, soft_wrap=True)
    with Upload(console) as upload:
        job = Job(
            model=options.model,
            config=configuration(options),
            backend=backend(options),
            options=device_options(options, upload),
            max_length=options.max_length or min(MAX_LENGTH, len(checkpoint.embedding.position)),
            truncation=options.truncation,
        )
        report = Report(
            labels=checkpoint.labels,
            clock_mhz=options.clock,
            processing_elements=job.config.macs,
            hardware=job.backend != "model",
        )
        started = time.monotonic()
        results = _classify(job, texts, report, console, workers)
    totals = report.totals(texts, results, time.monotonic() - started)
    console.print()
    console.print(report.table(totals, options.truncation))
    if options.json:
        content = {
            "configuration": dataclasses.asdict(job.config),
            "backend": job.backend,
            "model": str(options.model),
            "max_length": job.max_length,
            "truncation": job.truncation,
            "clock_mhz": options.clock,
            "totals": totals,
            "reviews": [report.review(text, result) for text, result in zip(texts, results, strict=True)],
        }
        write_json(options.json, content)
    return 0 if totals["bit_exact"] else 1


def _jobs(options: argparse.Namespace) -> int:
    if backend(options) != "board":
        return options.jobs or os.cpu_count() or 1
    if options.jobs not in (None, 1):
        raise ValueError(f"--jobs must be 1 with a board, not {options.jobs}")
    return 1


def _texts(options: argparse.Namespace, names: Sequence[str]) -> list[LabelledText]:
    if options.text is not None or options.file is not None:
        if options.label_map:
            raise ValueError("--label-map is for --data, whose texts may have labels")
        return [LabelledText.of(options.file.read_bytes() if options.text is None else options.text)]
    renamed = dict(options.label_map or ())
    if options.data == SAMPLES and None in map(Labels(names, renamed).index, LABELS):
        names = ()  # a model with other labels can still read them
    return load_texts(options.data, names, options.limit, renamed)


def _classify(
    job: Job, texts: Sequence[LabelledText], report: Report, console: Console, workers: int
) -> list[Classification]:
    """Classify all texts; print one line for each as soon as those before it are there."""
    results: list[Classification] = []
    columns = (TextColumn("classifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(texts))
        answers = classify_all(job, [text.text for text in texts], workers)
        for text, result in zip(texts, answers, strict=True):
            results.append(result)
            console.print(report.line(len(results), text, result), markup=False, emoji=False)
            progress.advance(task)
    return results


def _renamed(text: str) -> tuple[str, str]:
    theirs, equals, ours = text.partition("=")
    if not (theirs and equals and ours):
        raise ValueError(text)
    return theirs, ours


_renamed.__name__ = "THEIRS=MODELS"


def _megahertz(text: str) -> float:
    value = float(text)
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(text)
    return value


_megahertz.__name__ = "clock in MHz"
