"""``python -m sw trace`` and what it is made of."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from sim.rtl import Activity, RtlDevice
from spec.presets import PRESETS
from sw.cli import trace
from sw.cli.main import main
from sw.lowering import NetworkLowering
from sw.network.random_checkpoint import random_checkpoint
from sw.timeline import TRACKS, Label, Slice, chrome_trace, gantt, labels_of, slices
from tests.sw.tiny_model import save_tiny_model

CONFIG = PRESETS["tiny"]


@pytest.fixture(scope="module")
def recorded() -> tuple[list[Slice], list[Label], dict[str, int]]:
    checkpoint = random_checkpoint(0)
    program = NetworkLowering(checkpoint, CONFIG).lower(9)
    records: list[Activity] = []
    device = RtlDevice(CONFIG, record=records.append)
    result = device.run(program, {"rows": np.zeros(program.inputs["rows"].shape, np.int16)})
    labels = list(labels_of(program))
    return list(slices(records[0], labels)), labels, result.counters


def test_slices_of_a_track_are_in_order_and_apart(recorded: tuple[list[Slice], Any, Any]) -> None:
    for track in TRACKS:
        own = sorted((each for each in recorded[0] if each.track == track), key=lambda each: each.start)
        assert own
        assert all(a.stop <= b.start for a, b in pairwise(own))
        assert all(each.start < each.stop for each in own)


@pytest.mark.parametrize("engine", ["array", "post"])
def test_cycles_of_an_engine_are_those_of_the_counters(
    engine: str, recorded: tuple[list[Slice], Any, dict[str, int]]
) -> None:
    own = [each for each in recorded[0] if each.track == f"{engine.upper()} cycles"]
    counted = {name: value for name, value in recorded[2].items() if name.startswith(f"{engine}_")}
    sums = dict.fromkeys(counted, 0)
    for each in own:
        sums[f"{engine}_{each.name.replace(' ', '_')}"] += each.stop - each.start
    assert sums == counted
    assert sum(sums.values()) == recorded[2]["cycles"]


def test_every_product_of_every_layer_is_named(recorded: tuple[Any, list[Label], Any]) -> None:
    names = {label.name for label in recorded[1]}
    for layer in range(2):
        for operator in ("output", "ffn1", "ffn2", "input_norm", "mid_norm", "mid_norm.slots", "ffn1.slots"):
            assert f"layers.{layer}.{operator}" in names
        for head in range(2):
            parts = ("query", "key", "value", "scores", "softmax", "context")
            assert {f"layers.{layer}.attention.{head}.{part}" for part in parts} <= names
    assert {"embed.load vector", "pooler", "classifier", "halt", "pooler.load table", "pooler.load param"} <= names


def test_labels_are_those_of_the_program() -> None:
    program = NetworkLowering(random_checkpoint(0), CONFIG).lower(3)
    labels = list(labels_of(program))
    assert tuple(label.name for label in labels) == program.labels
    assert [label.instruction for label in labels] == list(program)


def test_instructions_without_labels_are_named_by_what_they_are() -> None:
    program = replace(NetworkLowering(random_checkpoint(0), CONFIG).lower(3), labels=())
    labels = list(labels_of(program))
    assert [label.instruction for label in labels] == list(program)
    names = {
        "gemm",
        "drain",
        "stream",
        "softmax",
        "layernorm",
        "moments",
        "gather",
        "load param",
        "load vector",
        "halt",
    }
    assert names <= {label.name for label in labels}


def test_chrome_trace_has_a_thread_for_each_track() -> None:
    content = chrome_trace([Slice("POST", "softmax", 5, 9, 3), Slice("ARRAY cycles", "busy", 2, 4)], model="m")
    events = content["traceEvents"]
    assert [e["args"]["name"] for e in events if e["name"] == "thread_name"] == list(TRACKS)
    assert [e for e in events if e["ph"] == "X"] == [
        {"name": "busy", "ph": "X", "pid": 0, "tid": TRACKS.index("ARRAY cycles"), "ts": 2, "dur": 2},
        {"name": "softmax", "ph": "X", "pid": 0, "tid": TRACKS.index("POST"), "ts": 5, "dur": 4}
        | {"args": {"instruction": 3}},
    ]
    assert content["otherData"]["model"] == "m"


def test_gantt_draws_what_is_in_its_window() -> None:
    svg = gantt([Slice("ARRAY", "layers.0.ffn1", 10, 60), Slice("ARRAY", "layers.1.ffn2", 200, 300)], "a < b", 0, 100)
    root = ElementTree.fromstring(svg)
    bars = [e for e in root.iter() if e.tag.endswith("rect") and e.get("height") == "24"]
    assert [(bar.get("x"), bar.get("width")) for bar in bars] == [("200", "500")]


def bars_of(svg: str) -> list[tuple[float, float, float, float]]:
    """Place and size of what is drawn."""
    root = ElementTree.fromstring(svg)
    groups = [group for group in root.iter() if group.tag.endswith("}g")]
    rects = [rect for group in groups for rect in group]
    return [tuple(float(r.get(name, "")) for name in ("x", "y", "width", "height")) for r in rects]  # type: ignore[misc]


def test_gantt_draws_shares_of_what_is_shorter_than_a_dot() -> None:
    own = []
    for start in range(0, 100000, 100):
        own.append(Slice("ARRAY cycles", "busy", start, start + 72))
        own.append(Slice("ARRAY cycles", "wait weights", start + 72, start + 97))
        own.append(Slice("ARRAY cycles", "wait instruction", start + 97, start + 100))
    svg = gantt(own, "", 0, 100000)
    assert [(x, width) for x, _, width, _ in bars_of(svg)] == [(100, 1000)] * 3
    heights = [height for *_, height in bars_of(svg)]
    assert heights == pytest.approx([0.72 * 24, 0.25 * 24, 0.03 * 24], abs=0.5)
    assert sum(heights) == 24
    for text in ("busy: ARRAY 72.0%", "wait weights: ARRAY 25.0%", "wait instruction: ARRAY 3.0%"):
        assert text in svg


def test_every_state_and_operation_has_a_color_of_its_own(recorded: tuple[list[Slice], Any, Any]) -> None:
    svg = gantt(recorded[0], "", 0, max(each.stop for each in recorded[0]))
    legend = [e for e in ElementTree.fromstring(svg).iter() if e.get("width") == "12" and e.get("fill")]
    assert len({e.get("fill") for e in legend}) == len(legend)
    names = {each.name for each in recorded[0] if each.track.endswith(" cycles")}
    assert all(f">{name}: " in svg for name in names)
    assert ">other<" not in svg


def test_command_writes_trace_and_drawing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, output, svg = save_tiny_model(tmp_path / "model"), tmp_path / "t.json", tmp_path / "t.svg"
    options = ["--preset", "tiny", "--text", "a b c", "--max-length", "8", "--layer", "0"]
    assert main(["trace", "--model", str(model), "-o", str(output), "--svg", str(svg), *options]) == 0
    events = json.loads(output.read_text())["traceEvents"]
    assert {e["ph"] for e in events} == {"M", "X"}
    assert all(e["ts"] >= 0 and e["dur"] > 0 for e in events if e["ph"] == "X")
    assert "cycles" in capsys.readouterr().out
    ElementTree.parse(svg)


def test_layer_must_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_tiny_model(tmp_path / "model")
    options = ["--max-length", "8", "--layer", "1", "--svg", str(tmp_path / "t.svg")]
    assert main(["trace", "--model", str(model), *options]) == 2
    assert "layer must be below 1, not 1" in capsys.readouterr().err


def test_layer_needs_a_drawing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = save_tiny_model(tmp_path / "model")
    assert main(["trace", "--model", str(model), "--max-length", "8", "--layer", "0"]) == 2
    assert "--layer is for a drawing and needs --svg" in capsys.readouterr().err


def test_outputs_are_checked_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "RtlDevice", lambda *_, **__: pytest.fail("too late"))
    model = save_tiny_model(tmp_path / "model")
    options = ["--model", str(model), "--max-length", "8", "--preset", "tiny", "-o"]
    assert main(["trace", *options, str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"python -m sw: {tmp_path}: Is a directory\n"
    same = str(tmp_path / "same")
    assert main(["trace", *options, same, "--svg", same]) == 2
    assert "--svg and -o must not name the same file" in capsys.readouterr().err
