"""``python -m sw classify``: texts in, labels out, with what each took."""

import argparse
import dataclasses
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cli.terminal import Terminal
from files.whole_file import check_outputs
from sw.apps.classify import Classification, Classifier
from sw.apps.model_files import load_limits, load_model, model_files
from sw.cli.json_file import write_json
from sw.cli.labels import Labels
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
from sw.cli.report import Report
from sw.cli.texts import FORMATS, LabelledText, load_texts
from sw.cli.upload import Upload
from sw.cli.workers import Job, answer_all
from sw.imdb import LABELS
from sw.network.checkpoint import Checkpoint

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
    parser.add_argument("--pair", metavar="T", help="a second text behind that of --text, for models that take pairs")
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
    add_jobs(parser)
    parser.add_argument(
        "--clock",
        type=_megahertz,
        metavar="MHZ",
        help=f"clock for which times are given (default: {CLOCK_MHZ:g})",
    )
    add_configuration(parser)
    add_truncation(parser, MAX_LENGTH)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    _refuse_what_has_no_effect(options)
    read = (*model_files(options.model), *text_folders(options.data), options.file, options.flash_image)
    refuse_overwriting({"--json": options.json}, read)
    checkpoint, _ = load_model(options.model)
    texts = _texts(options, checkpoint)
    max_length, kept = truncation(options, load_limits(options.model), checkpoint.network.positions, MAX_LENGTH)
    console = Terminal()
    with Upload(console) as upload:
        job = Job(
            runner=Classifier,
            model=options.model,
            config=configuration(options),
            backend=backend(options),
            options=device_options(options, upload),
            max_length=max_length,
            truncation=kept,
        )
        workers = min(jobs(options), len(texts))
        job.check(text.content for text in texts)
        check_outputs(options.json)
        report = Report(
            labels=checkpoint.labels,
            task=checkpoint.task,
            clock_mhz=options.clock or CLOCK_MHZ,
            processing_elements=job.config.macs,
            hardware=job.backend != "model",
        )
        run = _Run(job, texts, report, options.json)
        run.classify(console, workers)
    totals = run.totals()
    console.print()
    console.print(report.table(totals, kept))
    return 0 if totals["bit_exact"] else 1


class _Run:
    """Results so far, by the places of their texts, and how they are kept."""

    def __init__(
        self, job: Job[Classification], texts: Sequence[LabelledText], report: Report, path: Path | None
    ) -> None:
        self._job, self._texts, self._report, self._path = job, texts, report, path
        self._started = time.monotonic()
        self._results: dict[int, Classification] = {}

    def classify(self, console: Console, workers: int) -> None:
        """Classify all texts and write the results; if that ends early, those that there are."""
        try:
            self._classify(console, workers)
        except BaseException as end:
            self._keep(end)
            raise
        self._write(partial=False)

    def totals(self) -> dict[str, Any]:
        """What all results come to."""
        places = sorted(self._results)
        texts, results = [self._texts[i] for i in places], [self._results[i] for i in places]
        return self._report.totals(texts, results, time.monotonic() - self._started)

    def _classify(self, console: Console, workers: int) -> None:
        """Print one line for each text as soon as those before it are there."""
        columns = (
            TextColumn("classifying"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("of"),
            TimeRemainingColumn(),
        )
        printed = 0
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=len(self._texts))
            for place, result in answer_all(self._job, [text.content for text in self._texts], workers):
                self._results[place] = result
                while printed in self._results:
                    line = self._report.line(printed + 1, self._texts[printed], self._results[printed])
                    console.print(line, markup=False, emoji=False)
                    printed += 1
                progress.advance(task)

    def _keep(self, end: BaseException) -> None:
        """Write what there is, unless that is nothing and an earlier file would be lost."""
        if not self._path or (self._path.exists() and not self._results):
            return
        try:
            self._write(partial=True)
        except OSError as error:
            end.add_note(f"{error.filename}: {error.strerror}")
        else:
            end.add_note(f"{self._path} has {len(self._results):,} of {len(self._texts):,} texts")

    def _write(self, *, partial: bool) -> None:
        if not self._path:
            return
        content = {
            "partial": partial,
            "configuration": dataclasses.asdict(self._job.config),
            "backend": self._job.backend,
            "model": str(self._job.model),
            "task": self._report.task,
            "max_length": self._job.max_length,
            "truncation": self._job.truncation,
            "clock_mhz": self._report.clock_mhz,
            "totals": self.totals(),
            "reviews": [
                {"number": i + 1} | self._report.review(self._texts[i], result)
                for i, result in sorted(self._results.items())
            ],
        }
        write_json(self._path, content)


def _refuse_what_has_no_effect(options: argparse.Namespace) -> None:
    if options.limit and (options.text is not None or options.file):
        raise ValueError("--limit is for several texts, not for one of --text or --file")
    if options.pair is not None and options.text is None:
        raise ValueError("--pair is for a second text behind that of --text")
    if options.clock and backend(options) == "model":
        raise ValueError("--clock is for hardware, not for --backend model, which has none")


def _texts(options: argparse.Namespace, checkpoint: Checkpoint) -> list[LabelledText]:
    if options.text is not None or options.file is not None:
        if options.label_map:
            raise ValueError("--label-map is for --data, whose texts may have labels")
        text = options.file.read_bytes() if options.text is None else options.text
        return [LabelledText.of(text, options.pair)]
    names: Sequence[str] = checkpoint.labels
    if checkpoint.task != "single_label_classification":
        if options.label_map:
            raise ValueError(f"--label-map is for models that choose one label, not for {checkpoint.task}")
        names = ()  # one label would not say whether an answer is right
    renamed = dict(options.label_map or ())
    if names and options.data == SAMPLES and None in map(Labels(names, renamed).index, LABELS):
        names = ()  # a model with other labels can still read them
    return load_texts(options.data, names, options.limit, renamed)


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
