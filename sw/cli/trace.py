"""``python -m sw trace``: a timeline of one inference on the RTL."""

import argparse
from pathlib import Path
from typing import Any

from cli.terminal import Terminal
from files.whole_file import check_outputs, write_whole
from sim.rtl import Activity, RtlDevice
from sw.apps.model_files import load_limits, load_model, model_files
from sw.cli.json_file import write_json
from sw.cli.options import add_configuration, add_truncation, at_least, configuration, device_options, truncation
from sw.cli.overwriting import refuse_overwriting
from sw.lowering.compile import NetworkLowering
from sw.network.attention import Attention
from sw.network.reference import embed
from sw.timeline import Slice, chrome_trace, gantt, labels_of, slices

__all__ = ["add_parser"]

DEFAULT_MODEL = Path("minilm-l6-imdb")

DEFAULT_TEXT = "A slow start, but what an ending."

MAX_LENGTH = 128

LAYER = 1


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("trace", help="record a timeline of one inference")
    parser.add_argument("--text", default=DEFAULT_TEXT, metavar="T", help="what to classify")
    parser.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, metavar="M", help=f"a quantized model (default: {DEFAULT_MODEL})"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("trace.json"),
        metavar="FILE",
        help="trace for https://ui.perfetto.dev or chrome://tracing (default: trace.json)",
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="also draw one layer there")
    parser.add_argument("--layer", type=at_least(0), metavar="N", help=f"layer that is drawn (default: {LAYER})")
    add_configuration(parser, choice=False)
    add_truncation(parser, MAX_LENGTH)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    refuse_overwriting({"-o": options.output, "--svg": options.svg}, model_files(options.model))
    checkpoint, tokenizer = load_model(options.model)
    config = configuration(options)
    if options.layer is not None and not options.svg:
        raise ValueError("--layer is for a drawing and needs --svg")
    layers = sum(isinstance(node, Attention) for node in checkpoint.network.nodes)
    layer = min(LAYER, layers - 1) if options.layer is None else options.layer
    if options.svg and layer >= layers:
        raise ValueError(f"layer must be below {layers}, not {layer!r}")
    max_length, kept = truncation(options, load_limits(options.model), checkpoint.network.positions, MAX_LENGTH)
    ids = tokenizer.encode(options.text, max_length, kept).ids
    rows = embed(checkpoint, ids)
    program = NetworkLowering(checkpoint, config).lower(len(ids))
    check_outputs(options.output, options.svg)
    records: list[Activity] = []
    device = RtlDevice(config, record=records.append, **device_options(options))
    result = device.run(program, {"rows": rows})
    recorded = list(slices(records[0], list(labels_of(program))))
    about = {"model": str(options.model), "tokens": str(len(ids)), "array": f"{config.rows}x{config.cols}"}
    write_json(options.output, chrome_trace(recorded, **about), indent=None)
    console = Terminal()
    console.print(f"{result.cycles:,} cycles, {len(recorded):,} slices in {options.output}", markup=False)
    if options.svg:
        start, stop = _layer(recorded, layer)
        title = f"Layer {layer} of {options.model.name}, {len(ids)} tokens, {config.rows}x{config.cols}: cycles"
        write_whole(options.svg, gantt(recorded, title, start, stop).encode())
        console.print(f"layer {layer} drawn in {options.svg}", markup=False)
    return 0


def _layer(recorded: list[Slice], layer: int) -> tuple[int, int]:
    """First cycle, and first cycle behind, of the array's work on a layer."""
    own = [each for each in recorded if each.track == "ARRAY" and each.name.startswith(f"layers.{layer}.")]
    return min(each.start for each in own), max(each.stop for each in own)
