"""Every instruction says what it is a part of."""

import pytest

from spec.config import AcceleratorConfig
from spec.isa import Gemm, Halt, Load, LoadTarget, Stream, Sweep, SweepKind
from sw.lowering import NetworkLowering, lower_matmul
from sw.network.random_checkpoint import random_checkpoint

CONFIG = AcceleratorConfig(rows=4, cols=4, scratchpad_kib=16, vector_kib=16, param_words=64)


@pytest.mark.parametrize("shape", [{}, {"slots": 0, "layers": 1}, {"layers": 11, "heads": 4}])
@pytest.mark.parametrize("length", [1, 9, 32])
def test_labels_begin_with_the_name_of_an_operator(shape: dict[str, int], length: int) -> None:
    checkpoint = random_checkpoint(1, **shape)
    program = NetworkLowering(checkpoint, CONFIG).lower(length)
    names = [node.name for node in checkpoint.network.nodes if node.name != "first"]
    assert len(program.labels) == len(list(program))
    assert program.labels[-1] == "halt"
    assert isinstance(list(program)[-1], Halt)
    found = set()
    for label in program.labels[:-1]:
        (name,) = [name for name in names if label == name or label.startswith(f"{name}.")]
        found.add(name)
    assert found == set(names)


def test_operators_stand_in_their_order() -> None:
    """Products do; sweeps and loads may stand among those of others."""
    checkpoint = random_checkpoint(1)
    program = NetworkLowering(checkpoint, CONFIG).lower(9)
    products = [label for label, each in zip(program.labels, program, strict=True) if isinstance(each, Gemm)]
    operators = ["attention", "output", "ffn1", "ffn2"]
    expected = [*(f"layers.{i}.{each}" for i in range(2) for each in operators), "pooler", "classifier"]
    found = [next(name for name in expected if label == name or label.startswith(f"{name}.")) for label in products]
    assert list(dict.fromkeys(found)) == expected
    assert [found.index(name) for name in expected] == sorted(found.index(name) for name in expected)
    assert found == sorted(found, key=expected.index)


def test_labels_say_what_instructions_do() -> None:
    program = NetworkLowering(random_checkpoint(1), CONFIG).lower(9)
    for label, each in zip(program.labels, program, strict=True):
        part = label.rpartition(".")[2]
        assert isinstance(each, Stream) == (part == "weights")
        assert isinstance(each, Load) == part.startswith("load ")
        match each:
            case Load():
                assert part == f"load {LoadTarget(each.target).name.lower().replace('_', ' ')}"
            case Sweep(kind=SweepKind.SOFTMAX):
                assert part == "softmax"
            case Sweep(kind=SweepKind.GATHER):
                assert part == "slots"
            case Sweep(kind=SweepKind.LAYERNORM):
                assert part.endswith("norm")
            case Sweep(kind=SweepKind.MOMENTS):
                assert part == "moments"


def test_products_of_matrices_are_labelled() -> None:
    program = lower_matmul(CONFIG, 5, 6, 7)
    assert len(program.labels) == len(list(program))
    assert program.labels[-1] == "halt"
    assert all(program.labels)
