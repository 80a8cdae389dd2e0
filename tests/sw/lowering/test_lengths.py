"""One program for texts of all lengths."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host.session import Session
from sim import open_device
from spec.config import AcceleratorConfig
from spec.isa import Gemm
from spec.presets import PRESETS
from spec.program import Program
from sw.lowering import NetworkLowering
from sw.lowering.lengths import for_all_lengths
from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint
from sw.network.reference import embed, forward

CONFIG = PRESETS["tiny"]
MICRO = replace(PRESETS["icebreaker"], scratchpad_kib=4, vector_kib=4, param_words=64)
DEEP = replace(CONFIG, acc_depth=32)


def assert_exact(checkpoint: Checkpoint, session: Session, *lengths: int) -> None:
    """Run texts of some lengths; what stands behind a text must not matter."""
    shape = session.program.inputs["rows"].shape
    for length in lengths:
        rng = np.random.default_rng(length)
        rows = rng.integers(-999, 999, shape).astype(np.int16)
        rows[:length] = embed(checkpoint, rng.integers(0, len(checkpoint.network.embed.word), length))
        logits = session.run({"rows": rows}, tokens=length).outputs["logits"]
        np.testing.assert_array_equal(logits, forward(checkpoint, rows[:length]), err_msg=f"length {length}")


@pytest.mark.parametrize(
    "config",
    [CONFIG, replace(DEEP, rows=3, cols=5, lanes=1), replace(DEEP, rows=8, lanes=2), PRESETS["default"], MICRO],
    ids=["tiny", "3x5", "8x4", "default", "micro"],
)
def test_every_length(config: AcceleratorConfig) -> None:
    checkpoint = random_checkpoint(1)
    longest = min(config.acc_depth, 24)
    program = NetworkLowering(checkpoint, config).lower_up_to(longest)
    assert program.variables == {"tokens": (1, longest)}
    assert_exact(checkpoint, Session(open_device("model", config), program), *range(1, longest + 1))


def test_odd_shapes() -> None:
    checkpoint = random_checkpoint(2, layers=1, hidden=15, heads=5, ffn=9, labels=3)
    program = NetworkLowering(checkpoint, CONFIG).lower_up_to(9)
    assert_exact(checkpoint, Session(open_device("model", CONFIG), program), *range(1, 10))


@pytest.mark.parametrize("config", [CONFIG, MICRO], ids=["tiny", "micro"])
def test_hardware(config: AcceleratorConfig) -> None:
    checkpoint = random_checkpoint(3, layers=1)
    program = NetworkLowering(checkpoint, config).lower_up_to(9)
    assert_exact(checkpoint, Session(open_device("rtl", config), program), 9, 1, 4, 5)


def test_one_length() -> None:
    checkpoint = random_checkpoint(4)
    program = NetworkLowering(checkpoint, CONFIG).lower_up_to(1)
    assert_exact(checkpoint, Session(open_device("model", CONFIG), program), 1)


def test_comes_back_from_a_file(tmp_path: Path) -> None:
    program = NetworkLowering(random_checkpoint(5), CONFIG).lower_up_to(7)
    program.save(tmp_path / "p.safetensors")
    again = Program.load(tmp_path / "p.safetensors")
    assert again.patches == program.patches
    assert list(again.with_variables(tokens=3)) == list(program.with_variables(tokens=3))


def test_refuses_what_does_not_fit_one_block() -> None:
    lowering = NetworkLowering(random_checkpoint(6), CONFIG)
    lowering.lower(17)
    with pytest.raises(ValueError, match=r"^17 rows must fit one block of all operators$"):
        lowering.lower_up_to(17)


@pytest.mark.parametrize("longest", [0, 33])
def test_refuses_other_lengths(longest: int) -> None:
    with pytest.raises(ValueError, match=r"^length must be from 1 to 32, not "):
        NetworkLowering(random_checkpoint(7), CONFIG).lower_up_to(longest)


def test_refuses_a_field_that_does_not_rise_evenly() -> None:
    lowering = NetworkLowering(random_checkpoint(8, layers=1), CONFIG)
    program = lowering.lower_up_to(9)
    versions = {length: program.with_variables(tokens=length) for length in (1, 2, 9)}
    assert for_all_lengths(versions).patches == program.patches
    wrong = [replace(i, m=5) if isinstance(i, Gemm) and i.m == 2 else i for i in versions[2]]
    versions[2] = replace(versions[2], instructions=np.frombuffer(b"".join(i.encode() for i in wrong), np.uint8))
    with pytest.raises(ValueError, match=r"^m of layers\.0\.attention\.0\.\w+ does not rise evenly with the length$"):
        for_all_lengths(versions)
