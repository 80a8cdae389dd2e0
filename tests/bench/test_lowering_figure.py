"""The picture of a layer counts every instruction of it."""

from collections import Counter
from xml.etree import ElementTree

from bench.lowering_figure import layer_parts, lowering_figure
from spec.presets import PRESETS
from sw.lowering import lower_network
from sw.network.random_checkpoint import random_checkpoint

SVG = "{http://www.w3.org/2000/svg}"


def test_parts_have_all_instructions_of_a_layer() -> None:
    checkpoint = random_checkpoint(0, layers=2, heads=2)
    program = lower_network(checkpoint, PRESETS["tiny"], 5)
    parts = layer_parts(program, checkpoint.network, "layers.1.")
    own = {place for place, label in enumerate(program.labels) if label.startswith("layers.1.")}
    assert sorted(place for part in parts for place in part.places) == sorted(own)
    expected = Counter(i.opcode.name for place, i in enumerate(program) if place in own)
    assert sum((part.counts for part in parts), Counter[str]()) == expected
    names = [part.name for part in parts if part.node == "layers.1.attention"]
    assert sorted(names) == ["context", "key", "query", "scores", "softmax", "value"]
    assert all(part.heads == {0, 1} for part in parts if part.name in ("query", "scores", "context"))
    assert [part.node for part in parts] == sorted(
        (part.node for part in parts), key=[node.name for node in checkpoint.network.nodes].index
    )


def test_all_texts_stand_in_the_picture() -> None:
    root = ElementTree.fromstring(lowering_figure())
    _, _, width, height = (float(number) for number in root.attrib["viewBox"].split())
    texts = list(root.iter(f"{SVG}text"))
    contents = [text.text for text in texts]
    assert {"input_norm", "attention", "output", "mid_norm", "ffn1", "ffn2", "scores, 12 heads"} <= set(contents)
    assert all(0 < float(text.attrib["x"]) < width and 0 < float(text.attrib["y"]) < height for text in texts)
