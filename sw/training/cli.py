"""Arguments and steps of ``python -m sw.training``."""

import argparse
import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.exit_status import exit_status
from cli.parser import Parser
from cli.terminal import Terminal
from files.loading import loading
from files.whole_file import write_whole
from sw.apps.compare import compare
from sw.cli.json_file import write_json
from sw.cli.options import at_least
from sw.families.model_folder import load_packages
from sw.families.tokenizer import Tokenizer, Truncation
from sw.imdb import LABELS, LINE_BREAK
from sw.network.checkpoint import Checkpoint
from sw.quantizer import quantize
from sw.training.base import check_base, default_base
from sw.training.evaluate import Evaluation, evaluate
from sw.training.model_card import model_card
from sw.training.reviews import Review, load_reviews

__all__ = ["main"]

NAME = "python -m sw.training"
COMMAND = "python -m sw.training evaluate"
CALIBRATION_REVIEWS = 128
COMPARED_REVIEWS = 16
MAX_LENGTH = 256
TRUNCATION: Truncation = "head_tail"

EVALUATIONS = ((0, 2000, 256), (0, 2000, 128), (2000, 3000, 256))
"""First review, number of reviews and tokens."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps that the arguments name.

    Returns
    -------
    int
        0, or what :func:`cli.exit_status.exit_status` says.
    """
    parser = Parser(prog=NAME, description="Makes the default model, step by step or as a whole.")
    parser.add_argument("step", nargs="?", choices=list(STEPS), help="one step; all in this order by default")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("SYSTOLM_DATA"),
        help="folder with imdb_train.jsonl.gz and imdb_dev.jsonl.gz (default: SYSTOLM_DATA)",
    )
    parser.add_argument("--base", default=default_base(), help="base model, a folder or a name on the hub")
    parser.add_argument("--merged", type=Path, default=Path("build/minilm-l6-imdb"), help="folder of the float model")
    parser.add_argument("--model", type=Path, default=Path("models/minilm-l6-imdb"), help="folder of the checkpoint")
    parser.add_argument("--limit", type=at_least(1), help="use at most this many reviews in each step, for a trial")
    options = parser.parse_args(arguments)
    return exit_status(NAME, lambda: _run(options))


def _run(arguments: argparse.Namespace) -> int:
    _check_folders(arguments)
    if arguments.step != "card":
        load_packages("training")
    for name, step in STEPS.items():
        if arguments.step in (None, name):
            step(arguments)
    return 0


def _check_folders(arguments: argparse.Namespace) -> None:
    """Make sure that no step writes over what another reads."""
    folders: dict[Path, str] = {}
    for name in ("base", "merged", "model"):
        folder = Path(getattr(arguments, name)).resolve()
        if folder in folders:
            raise ValueError(f"--{folders[folder]} and --{name} must be different folders, not both {folder}")
        folders[folder] = name


def _train(arguments: argparse.Namespace) -> None:
    from transformers import AutoTokenizer  # noqa: PLC0415  # optional and slow

    from sw.training.train import STAGES, train  # noqa: PLC0415  # needs torch

    reviews = _reviews(arguments, "train")
    check_base(arguments.base)
    tokenizer = Tokenizer(AutoTokenizer.from_pretrained(arguments.base).backend_tokenizer)
    stages = [dataclasses.replace(s, reviews=_least(s.reviews, arguments.limit)) for s in STAGES]
    train(arguments.base, reviews, tokenizer, arguments.model / "adapter", stages)


def _merge(arguments: argparse.Namespace) -> None:
    from sw.training.merge import merge  # noqa: PLC0415  # needs torch

    check_base(arguments.base)
    merge(arguments.base, arguments.model / "adapter", arguments.merged)


def _quantize(arguments: argparse.Namespace) -> None:
    count = _least(CALIBRATION_REVIEWS, arguments.limit)
    texts = [review.text for review in _reviews(arguments, "train", count)]
    tokenizer = Tokenizer.load(arguments.merged / "tokenizer.json").replacing(LINE_BREAK, " ")
    metadata = {
        "license": "Apache-2.0",
        "base_model": "sentence-transformers/all-MiniLM-L6-v2",
        "data": "Large Movie Review Dataset (Maas et al., 2011), training split",
    }
    checkpoint = quantize(
        arguments.merged, texts, tokenizer, max_length=MAX_LENGTH, truncation=TRUNCATION, metadata=metadata
    )
    Terminal().print(compare(arguments.merged, checkpoint, texts[:COMPARED_REVIEWS], tokenizer, max_length=MAX_LENGTH))
    arguments.model.mkdir(parents=True, exist_ok=True)
    checkpoint.save(arguments.model / "checkpoint.safetensors")
    tokenizer.save(arguments.model / "tokenizer.json")
    config = {"labels": LABELS, "max_length": MAX_LENGTH, "truncation": TRUNCATION}
    write_json(arguments.model / "config.json", config)


def _evaluate(arguments: argparse.Namespace) -> None:
    checkpoint = Checkpoint.load(arguments.model / "checkpoint.safetensors")
    tokenizer = Tokenizer.load(arguments.model / "tokenizer.json")
    found = []
    for start, count, max_length in EVALUATIONS:
        reviews = _reviews(arguments, "dev", _least(count, arguments.limit), start)
        found.append(evaluate(arguments.merged, checkpoint, tokenizer, reviews, start=start, max_length=max_length))
        Terminal().print(found[-1])
    results = {"command": COMMAND, "evaluations": [dataclasses.asdict(e) for e in found]}
    write_json(arguments.model / "evaluation.json", results)


def _card(arguments: argparse.Namespace) -> None:
    path = arguments.model / "evaluation.json"
    with loading(path, "an evaluation"):
        results = json.loads(path.read_text(encoding="utf-8"))
        card = model_card([Evaluation(**e) for e in results["evaluations"]], results["command"])
    write_whole(arguments.model / "README.md", card.encode())


STEPS: dict[str, Callable[[argparse.Namespace], None]] = {
    "train": _train,
    "merge": _merge,
    "quantize": _quantize,
    "evaluate": _evaluate,
    "card": _card,
}


def _reviews(arguments: argparse.Namespace, split: str, count: int | None = None, start: int = 0) -> list[Review]:
    if arguments.data is None:
        raise ValueError("name the folder of the reviews with --data or SYSTOLM_DATA")
    return load_reviews(Path(arguments.data) / f"imdb_{split}.jsonl.gz", count, start)


def _least(count: int | None, limit: int | None) -> int | None:
    return min((n for n in (count, limit) if n is not None), default=None)
