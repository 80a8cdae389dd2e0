"""``python -m sw quantize``: from a fine-tuned Hugging Face encoder to a checkpoint."""

import argparse
import sys
from pathlib import Path
from typing import Any

from cli.terminal import Terminal
from files.whole_file import check_outputs
from sw.apps.model_files import SETTINGS, TOKENIZER
from sw.cli.json_file import write_json
from sw.cli.options import add_truncation, at_least, truncation
from sw.cli.overwriting import refuse_overwriting, text_folders
from sw.cli.texts import load_texts
from sw.families.limits import Limits
from sw.families.tokenizer import Tokenizer

__all__ = ["add_parser"]

CALIBRATION_TEXTS = 128

UNLIMITED = 1 << 30
"""More tokens than any model has positions."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("quantize", help="quantize a fine-tuned encoder; needs torch and transformers")
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="folder of a BertForSequenceClassification, or of DistilBERT, RoBERTa, XLM-RoBERTa or ELECTRA",
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
    add_truncation(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from sw.apps.compare import compare  # noqa: PLC0415  # nothing else needs them
    from sw.families.load_tokenizer import load_tokenizer  # noqa: PLC0415
    from sw.quantizer import quantize  # noqa: PLC0415

    beside, settings = (options.output.with_name(name) for name in (TOKENIZER, SETTINGS))
    refuse_overwriting(
        {"-o": options.output} | {f"the {path.name} beside -o": path for path in (beside, settings)},
        (options.model, *text_folders(options.calibration), options.tokenizer),
    )
    _refuse_second_model(options.output, beside, settings)
    texts = [text.content for text in load_texts(options.calibration, limit=options.limit)]
    tokenizer = Tokenizer.load(options.tokenizer) if options.tokenizer else load_tokenizer(options.model)
    longest, kept = truncation(options, Limits.of_tokenizer(options.model), UNLIMITED, UNLIMITED)
    cut: dict[str, Any] = {"max_length": longest, "truncation": kept}
    console = Terminal()
    check_outputs(options.output, beside, settings)
    with console.status(f"calibrating with {len(texts)} texts", spinner="line"):
        metadata = {"source": options.model.name}
        checkpoint = quantize(options.model, texts, tokenizer, **cut, metadata=metadata)
    checkpoint.save(options.output)
    tokenizer.save(beside)
    longest = min(longest, checkpoint.network.positions)
    write_json(settings, {"labels": checkpoint.labels, "max_length": longest, "truncation": kept})
    with console.status("comparing with the float model", spinner="line"):
        comparison = compare(options.model, checkpoint, texts, tokenizer, **cut)
    console.print(comparison)
    for warning in comparison.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    console.print(f"{options.output}: {options.output.stat().st_size / 1e6:.1f} MB, calibrated with {len(texts)} texts")
    return 0


def _refuse_second_model(output: Path, *beside: Path) -> None:
    """Raise ValueError if another model lies where the new one goes: a folder has one, and what belongs to it."""
    others = [path for path in output.parent.glob("*.safetensors") if path.name != output.name]
    if others:
        raise ValueError(f"-o must be in a folder of its own, not beside {others[0]}")
    for path in beside:
        if path.exists() and not output.exists():
            raise ValueError(f"-o must be in a folder of its own, not beside {path} of something else")
