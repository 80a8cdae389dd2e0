"""What a run leaves in a program's state is there in the next, and variables change the fields that they should."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from host.board import BoardDevice
from host.link.client import LinkClient
from host.session import Session
from sim import open_device
from spec.config import AcceleratorConfig
from spec.isa import Destination, Drain, Gemm, Load, LoadTarget, ParamMode
from spec.program import Patch, Program
from tests.conformance.assembler import Assembler
from tests.conformance.configs import CONFIGS
from tests.host.board.fpga import AcceleratorModel
from tests.host.link.ports import ModelPort

CONFIG = CONFIGS["4x4 micro"]
PLACES = 3


def counting_program() -> Program:
    """Return a program that adds one to four small numbers and also writes them to the place that a variable says."""
    asm = Assembler(CONFIG)
    count, written = asm.input("count", "int32", (4,)), asm.output("written", "int32", (PLACES, 4))
    asm.load_broadcast(0, bias=1)
    asm.load(LoadTarget.SCRATCHPAD, 8, np.array([1, 0, 0, 0], np.int8), 1)
    asm.add(Load(target=LoadTarget.SCRATCHPAD, count=4, mem_addr=count))
    for addr in (count, written):
        asm.add(Gemm(m=1, n=4, k_tiles=1, a_addr=8, a_stride=1, b_scratchpad=1, b_stride=1, clear=1, release=1))
        asm.add(Drain(m=1, n=4, dest=Destination.MEMORY, dest_addr=addr, param_mode=ParamMode.FIXED))
    made = asm.program()
    last = made.instructions.size // 32 - 2
    return replace(
        made,
        inputs={},
        state=made.inputs,
        variables={"place": (0, PLACES - 1)},
        patches=(Patch(index=last, field="dest_addr", variable="place", scale=16),),
    )


@pytest.mark.parametrize("device", ["model", "rtl"])
def test_state_stays_and_variables_count(device: str) -> None:
    session = Session(open_device(device, CONFIG), counting_program())
    for run in range(1, PLACES + 1):
        result = session.run({}, place=run - 1)
        expected = np.zeros((PLACES, 4), np.int32)
        expected[run - 1] = run
        np.testing.assert_array_equal(result.outputs["written"], expected)
        np.testing.assert_array_equal(result.state["count"], [run] * 4)


def test_state_stays_on_a_board_whose_memory_holds_anything() -> None:
    client = LinkClient(ModelPort(AcceleratorModel(CONFIG), 0), bus_bytes=CONFIG.bus_bytes)
    session = Session(BoardDevice(client, CONFIG), counting_program())
    for run in range(1, PLACES + 1):
        result = session.run({}, place=run - 1)
        np.testing.assert_array_equal(result.outputs["written"][run - 1], [run] * 4)
        np.testing.assert_array_equal(result.state["count"], [run] * 4)


def test_sessions_have_states_of_their_own() -> None:
    device, program = open_device("model", CONFIG), counting_program()
    first, second = Session(device, program), Session(device, program)
    assert [s.run({}, place=0).state["count"][0] for s in (first, first, second, first)] == [1, 2, 1, 3]


def test_another_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="the program must be made for AcceleratorConfig"):
        Session(open_device("model", AcceleratorConfig(rows=4, cols=4)), counting_program())


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, r"variables must be \['place'\], not \[\]"),
        ({"place": 0, "other": 1}, r"variables must be \['place'\], not \['other', 'place'\]"),
        ({"place": 3}, "place must be from 0 to 2, not 3"),
        ({"place": -1}, "place must be from 0 to 2, not -1"),
        ({"place": True}, "place must be from 0 to 2, not True"),
    ],
)
def test_wrong_variables_are_refused(variables: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        counting_program().with_variables(**variables)


def test_a_device_runs_no_program_with_open_variables() -> None:
    with pytest.raises(ValueError, match=r"^the program must be given its variables place$"):
        open_device("model", CONFIG).run(counting_program(), {})


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (Patch(index=99, field="m", variable="place"), "a patch must be of one of the instructions, not of number 99"),
        (Patch(index=1, field="m", variable="place"), "instruction 1 must have the field of its patch, 'm'"),
        (
            Patch(index=1, field="count", variable="size"),
            r"a patch must be of a variable, one of \['place'\], not 'size'",
        ),
        (Patch(index=1, field="count", variable="place", scale=-1), "count"),
        (Patch(index=1, field="target", variable="place", scale=100), "target"),
    ],
)
def test_wrong_patches_are_refused(patch: Patch, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(counting_program(), patches=(patch,))


def test_patches_go_by_steps() -> None:
    program = replace(
        counting_program(),
        variables={"place": (0, 9)},
        patches=(Patch(index=1, field="count", variable="place", scale=2, per=4, plus=1),),
    )
    counts = [list(program.with_variables(place=place))[1].count for place in (0, 2, 3, 6, 7, 9)]
    assert counts == [1, 1, 3, 3, 5, 5]


@pytest.mark.parametrize("wrong", [{"per": 0}, {"plus": -1}, {"scale": 0.5}, {"index": -1}], ids=str)
def test_patches_have_whole_numbers(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"of a patch must be"):
        Patch(**{"index": 0, "field": "m", "variable": "place"} | wrong)


def test_file_keeps_all(tmp_path_factory: pytest.TempPathFactory) -> None:
    path, made = tmp_path_factory.mktemp("program") / "p.safetensors", counting_program()
    made.save(path)
    read = Program.load(path)
    assert (read.state, read.variables, read.patches) == (made.state, made.variables, made.patches)
