"""Programs: their checks, their memory image and their files."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from spec.config import AcceleratorConfig
from spec.isa import INSTRUCTION_BYTES, Halt, Sweep, SweepKind
from spec.program import FORMAT, Program, Region

CONFIG = AcceleratorConfig(rows=4, cols=2)
HALT = np.frombuffer(Halt().encode(), np.uint8)


def make(**fields):
    return Program(
        **{
            "config": CONFIG,
            "instructions": HALT,
            "instructions_addr": 0,
            "constants": np.arange(48, dtype=np.uint8),
            "constants_addr": 32,
            "inputs": {"x": Region(addr=80, dtype="int16", shape=(2, 3))},
            "outputs": {"y": Region(addr=96, dtype="int32", shape=(4,))},
            "memory_bytes": 112,
            "macs": 7,
            "metadata": {"length": "3"},
        }
        | fields
    )


def fields_of(program):
    """Return what two equal programs have in common."""
    values = {f.name: getattr(program, f.name) for f in dataclasses.fields(program)}
    return values | {name: values[name].tobytes() for name in ("instructions", "constants")}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"instructions": HALT.astype(np.int8)}, r"instructions must be a vector of uint8, not int8 \(32,\)"),
        ({"constants": np.zeros((2, 2), np.uint8)}, r"constants must be a vector of uint8, not uint8 \(2, 2\)"),
        ({"instructions": HALT[:31]}, "instructions must be a multiple of 32 bytes long, not 31"),
        ({"instructions": HALT[:0]}, "instructions must be a multiple of 32 bytes long, not 0"),
        ({"labels": ("halt", "halt")}, "labels must be one for each of 1 instructions, not 2"),
        ({"macs": -1}, "macs must be a count, not -1"),
        ({"memory_bytes": (1 << 32) + 1}, "memory_bytes must be from 0 to 4294967296, not 4294967297"),
        ({"memory_bytes": 111}, "output y must end within 111 bytes of memory, not at 112"),
        ({"instructions_addr": 8}, "instructions must be at a multiple of 16, not at 8"),
        ({"constants_addr": -16}, "constants must be at a multiple of 16, not at -16"),
        ({"constants_addr": 16}, "constants must not overlap the instructions"),
        ({"constants_addr": 64}, "constants must end within 111 bytes|input x must not overlap the constants"),
        ({"instructions_addr": 80}, "input x must not overlap the instructions"),
    ],
)
def test_unsound_programs_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        make(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dtype": "float32"}, "dtype of a region must be one of int8, int16, int32, not 'float32'"),
        ({"shape": (2, -1)}, r"shape of a region must be sizes, not \(2, -1\)"),
        ({"shape": (2.0,)}, r"shape of a region must be sizes, not \(2.0,\)"),
    ],
)
def test_unsound_regions_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Region(**{"addr": 0, "dtype": "int8", "shape": (1,)} | fields)


def test_regions_may_be_empty_or_scalar():
    assert Region(addr=0, dtype="int16", shape=(0, 3)).nbytes == 0
    assert Region(addr=0, dtype="int32", shape=()).nbytes == 4


def test_memory_image_and_outputs():
    program = make()
    x = np.array([[1, -2, 3], [-4, 5, -6]], np.int16)
    memory = program.memory_image({"x": x})
    np.testing.assert_array_equal(memory[:32], HALT)
    np.testing.assert_array_equal(memory[32:80], np.arange(48))
    np.testing.assert_array_equal(memory[80:92].view("<i2"), x.reshape(-1))
    assert not memory[92:].any()
    memory[96:112] = np.array([-1, 0, 1, 1 << 30], "<i4").view(np.uint8)
    y = program.read_outputs(memory)["y"]
    memory[:] = 0
    np.testing.assert_array_equal(y, [-1, 0, 1, 1 << 30])


def test_instructions_are_yielded_in_order():
    moments = Sweep(kind=SweepKind.MOMENTS, m=1, n=4, row_length=4)
    code = np.frombuffer(moments.encode() + Halt().encode(), np.uint8)
    program = make(instructions=code, instructions_addr=128, memory_bytes=192)
    assert list(program) == [moments, Halt()]
    assert list(program) == [moments, Halt()]


def test_an_input_may_be_a_view_in_any_order():
    program = make()
    x = np.arange(6, dtype=np.int16).reshape(3, 2).T
    np.testing.assert_array_equal(program.memory_image({"x": x})[80:92].view("<i2"), [0, 2, 4, 1, 3, 5])


@st.composite
def programs(draw):
    """Return programs whose parts follow one another in any order."""
    config = AcceleratorConfig(
        rows=draw(st.integers(1, 16)), cols=draw(st.integers(1, 16)), bus_bytes=draw(st.sampled_from([4, 16, 64]))
    )
    regions = {
        name: (draw(st.sampled_from(["int8", "int16", "int32"])), tuple(draw(st.lists(st.integers(0, 5), max_size=3))))
        for name in draw(st.sets(st.text(max_size=5), max_size=4))
    }
    sizes = {
        "instructions": INSTRUCTION_BYTES * draw(st.integers(1, 4)),
        "constants": draw(st.integers(0, 100)),
    } | {("region", name): 512 for name in regions}
    addrs, end = {}, 0
    for part in draw(st.permutations(list(sizes))):
        addrs[part] = end
        end += -(-sizes[part] // 64) * 64
    made = {n: Region(addr=addrs["region", n], dtype=t, shape=s) for n, (t, s) in regions.items()}
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    count = draw(st.sampled_from([0, sizes["instructions"] // INSTRUCTION_BYTES]))
    return Program(
        config=config,
        instructions=rng.integers(0, 256, sizes["instructions"]).astype(np.uint8),
        instructions_addr=addrs["instructions"],
        constants=rng.integers(0, 256, sizes["constants"]).astype(np.uint8),
        constants_addr=addrs["constants"],
        inputs=made,
        outputs=dict(list(made.items())[:2]),
        memory_bytes=end,
        macs=draw(st.integers(0, 1 << 40)),
        metadata=draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)),
        labels=tuple(draw(st.lists(st.sampled_from(["a.load", "b", ""]), min_size=count, max_size=count))),
    )


shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@shared_folder
@given(program=programs())
def test_what_is_saved_is_loaded(tmp_path, program):
    path = tmp_path / "program.safetensors"
    program.save(path)
    assert fields_of(Program.load(path)) == fields_of(program)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@shared_folder
@given(data=st.data())
def test_a_damaged_file_is_refused_in_one_line_or_loaded(tmp_path, data):
    path = tmp_path / "program.safetensors"
    make().save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        Program.load(path)
    except ValueError as error:
        assert str(error).startswith(f"{path} is not a SystoLM program: ")
        assert "\n" not in str(error)


def header(**changes):
    """Return a sound header with changes; None takes an entry out."""
    program = make()
    entries = {
        "isa_version": 1,
        "config": dataclasses.asdict(CONFIG),
        "instructions_addr": 0,
        "constants_addr": 32,
        "inputs": {},
        "outputs": {},
        "memory_bytes": program.memory_bytes,
        "macs": 7,
        "metadata": {},
        "labels": ["halt"],
        "state": {},
        "variables": {},
        "patches": [],
    } | changes
    return {FORMAT: json.dumps({name: value for name, value in entries.items() if value is not None})}


TENSORS = {"instructions": HALT, "constants": np.zeros(0, np.uint8), "labels": np.zeros(1, np.uint32)}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Error"),
        (b"not a tensor file at all", "Error"),
        (save(TENSORS), "'systolm-program-2' is missing"),
        (save(TENSORS, {"systolm-program": "{}"}), "it is of an older format; compile it again"),
        (save(TENSORS, {FORMAT: "{"}), "Expecting property name"),
        (save(TENSORS, {FORMAT: "[]"}), "list indices must be integers"),
        (save(TENSORS, header(isa_version=2)), "isa_version must be 1, not 2"),
        (save(TENSORS, header(macs=None)), "'macs' is missing"),
        (save(TENSORS, header(config={"rows": 0})), "rows must be from 1 to 64, not 0"),
        (save(TENSORS, header(config={"serial": 1})), "a configuration has no serial; this one is of another version"),
        (save(TENSORS, header(config={"core": 1})), "core must be a string, not 1"),
        (save(TENSORS, header(config=[])), "a configuration must be an object, not []"),
        (save(TENSORS, header(inputs={"x": {"addr": 0}})), "'shape' is missing"),
        (save(TENSORS, header(inputs=[])), "has no attribute 'items'"),
        (save(TENSORS, header(instructions_addr="0")), "instructions must be at a multiple of 16, not at '0'"),
        (save({"instructions": HALT}, header()), "constants"),
        (save({name: TENSORS[name] for name in ("instructions", "constants")}, header()), "labels"),
        (save(TENSORS, header(labels=None)), "'labels' is missing"),
        (save(TENSORS, header(labels="halt")), "labels must be a list of names"),
        (save(TENSORS, header(labels={"0": "halt"})), "labels must be a list of names"),
        (save(TENSORS, header(labels=[5])), "labels must be a list of names"),
        (save(TENSORS, header(labels=[])), "labels must be numbered below 0, not 0"),
        (save(TENSORS | {"labels": np.ones(1, np.uint32)}, header()), "labels must be numbered below 1, not 1"),
        (save(TENSORS | {"labels": np.zeros(2, np.uint32)}, header()), "one for each of 1 instructions, not 2"),
        (save(TENSORS | {"labels": np.zeros(1, np.int8)}, header()), "by a vector of uint32, not int8 (1,)"),
        (save(TENSORS | {"labels": np.zeros((1, 1), np.uint32)}, header()), "by a vector of uint32, not uint32 (1, 1)"),
        (save(TENSORS | {"instructions": HALT.astype(np.int16)}, header()), "instructions must be a vector of uint8"),
    ],
)
def test_reasons_for_refusing_a_file(tmp_path, content, reason):
    path = tmp_path / "program.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a SystoLM program: ") as caught:
        Program.load(path)
    assert reason in str(caught.value)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Program.load(tmp_path / "nowhere")


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        make().save(tmp_path / "nowhere" / "program")


def test_saving_replaces_a_file(tmp_path):
    path = tmp_path / "program"
    path.write_bytes(b"before")
    make().save(path)
    assert Program.load(path).macs == 7


def test_a_failed_save_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    path = tmp_path / "program"
    path.write_bytes(b"before")
    monkeypatch.setattr("spec.program.Path.replace", _fail)
    with pytest.raises(OSError, match="disk full"):
        make().save(path)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["program"]


def _fail(*_):
    raise OSError("disk full")
