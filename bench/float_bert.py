"""A BERT of any shape as an ONNX graph, with random weights: what ONNX Runtime quantizes and runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BertShape", "write_onnx_bert"]

_OPSET = 20  # the first with Gelu


@dataclass(frozen=True, kw_only=True)
class BertShape:
    """Sizes of a BERT with a pooler and a classifier."""

    layers: int
    hidden: int
    heads: int
    ffn: int
    labels: int


def write_onnx_bert(shape: BertShape, path: Path, seed: int = 0) -> None:
    """Write the encoder from the sums of embeddings ``rows`` [batch, length, hidden] to ``logits`` [batch, labels].

    It has the nodes that an export of Hugging Face's model has after constant folding, GELU and LayerNorm whole.

    Raises
    ------
    RuntimeError
        If ``onnx`` is not installed.
    """
    try:
        import onnx  # noqa: PLC0415  # only for benchmarks
    except ModuleNotFoundError as error:
        raise RuntimeError(f"{error.name} must be installed: pip install -c constraints.txt -e '.[bench]'") from error
    graph = _Graph(np.random.default_rng(seed))
    width = shape.hidden // shape.heads
    x = graph.norm("rows", shape.hidden)
    for _ in range(shape.layers):
        query, key, value = (
            graph.node(
                "Transpose",
                [
                    graph.node(
                        "Reshape",
                        [graph.linear(x, shape.hidden, shape.hidden), graph.ints(0, 0, shape.heads, width)],
                    )
                ],
                perm=order,
            )
            for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
        )
        scores = graph.node("Mul", [graph.node("MatMul", [query, key]), graph.floats(np.float32(width**-0.5))])
        context = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), value])
        joined = graph.node(
            "Reshape", [graph.node("Transpose", [context], perm=[0, 2, 1, 3]), graph.ints(0, 0, shape.hidden)]
        )
        x = graph.norm(graph.node("Add", [x, graph.linear(joined, shape.hidden, shape.hidden)]), shape.hidden)
        middle = graph.node("Gelu", [graph.linear(x, shape.hidden, shape.ffn)])
        x = graph.norm(graph.node("Add", [x, graph.linear(middle, shape.ffn, shape.hidden)]), shape.hidden)
    first = graph.node("Gather", [x, graph.scalar(0)], axis=1)
    pooled = graph.node("Tanh", [graph.linear(first, shape.hidden, shape.hidden)])
    graph.node("Identity", [graph.linear(pooled, shape.hidden, shape.labels)], output="logits")

    number = onnx.TensorProto.FLOAT
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node(kind, inputs, [out], **attributes) for kind, inputs, out, attributes in graph.nodes],
            "bert",
            [onnx.helper.make_tensor_value_info("rows", number, ["batch", "length", shape.hidden])],
            [onnx.helper.make_tensor_value_info("logits", number, ["batch", shape.labels])],
            [onnx.numpy_helper.from_array(values, name) for name, values in graph.constants.items()],
        ),
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
    )
    onnx.save(model, str(path))


@dataclass
class _Graph:
    rng: np.random.Generator
    nodes: list[tuple[str, Sequence[str], str, dict[str, Any]]] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)

    def node(self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any) -> str:
        output = output or f"t{len(self.nodes)}"
        self.nodes.append((kind, inputs, output, attributes))
        return output

    def linear(self, x: str, size_in: int, size_out: int) -> str:
        weight = self.rng.normal(0, 0.04, (size_in, size_out)).astype(np.float32)
        bias = self.rng.normal(0, 0.04, size_out).astype(np.float32)
        return self.node("Add", [self.node("MatMul", [x, self.floats(weight)]), self.floats(bias)])

    def norm(self, x: str, size: int) -> str:
        ones, zeros = self.floats(np.ones(size, np.float32)), self.floats(np.zeros(size, np.float32))
        return self.node("LayerNormalization", [x, ones, zeros], axis=-1, epsilon=1e-12)

    def floats(self, values: Any) -> str:
        return self._constant(np.asarray(values, np.float32))

    def ints(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def scalar(self, value: int) -> str:
        return self._constant(np.array(value, np.int64))

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = values
        return name
