"""``python -m sw quantize``: from a fine-tuned Hugging Face BERT to a checkpoint."""

import argparse
from pathlib import Path
from typing import Any

from cli.terminal import Terminal
from cli.whole_file import check_outputs
from sw.cli.model_files import TOKENIZER
from sw.cli.options import add_truncation, at_least
from sw.cli.texts import load_texts
from sw.tokenizer import Tokenizer

__all__ = ["add_parser"]

CALIBRATION_TEXTS = 128

MAX_LENGTH = 256


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("quantize", help="quantize a fine-tuned BERT; needs torch and transformers")
    parser.add_argument(
        "model", metavar="MODEL", help="folder of a BertForSequenceClassification, or its name on the hub"
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        required=True,
        metavar="PATH",
        help="texts like those that will be classified: an aclImdb folder, or a .jsonl or .jsonl.gz file",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the checkpoint")
    parser.add_argument("--tokenizer", type=Path, metavar="FILE", help="tokenizer.json to use instead of MODEL's own")
    parser.add_argument(
        "--limit",
        type=at_least(1),
        default=CALIBRATION_TEXTS,
        metavar="N",
        help=f"calibrate with no more texts than this (default: {CALIBRATION_TEXTS})",
    )
    add_truncation(parser, MAX_LENGTH)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from sw.quantizer import compare, load_tokenizer, quantize  # noqa: PLC0415  # nothing else needs them

    texts = [text.text for text in load_texts(options.calibration, limit=options.limit)]
    tokenizer = Tokenizer.load(options.tokenizer) if options.tokenizer else load_tokenizer(options.model)
    cut = {"max_length": options.max_length, "truncation": options.truncation}
    console = Terminal()
    check_outputs(options.output, options.output.with_name(TOKENIZER))
    with console.status(f"calibrating with {len(texts)} texts", spinner="line"):
        metadata = {"source": Path(options.model).name}
        checkpoint = quantize(options.model, texts, tokenizer, **cut, metadata=metadata)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(options.output)
    tokenizer.save(options.output.with_name(TOKENIZER))
    with console.status("comparing with the float model", spinner="line"):
        console.print(compare(options.model, checkpoint, texts, tokenizer, **cut))
    console.print(f"{options.output}: {options.output.stat().st_size / 1e6:.1f} MB, calibrated with {len(texts)} texts")
    return 0
