"""Whatever bytes a file has, its loader returns or says in one line what is wrong."""

import gzip
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from gen.boards.report import Report
from host.board import FlashImage
from host.board.flash_image import HEADER_BYTES, _header
from host.link.client import LinkClient
from host.link.frames import FrameDecoder, decode_answer, decode_hello, encode_frame
from spec.config import AcceleratorConfig
from spec.device import DeviceError
from spec.memory_map import ICEBREAKER_MAP
from spec.program import FORMAT as PROGRAM_FORMAT
from spec.program import Program
from sw.apps.classify import Classifier
from sw.cli.flash_image import _is_program
from sw.cli.texts import load_texts
from sw.families.tokenizer import Tokenizer
from sw.lowering import MatmulLowering
from sw.network.checkpoint import FORMAT as CHECKPOINT_FORMAT
from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint
from sw.training.reviews import load_reviews
from tests.fuzz.mutations import ODD_VALUES, mutate_bytes, mutate_json, mutate_tensors
from tests.sw.tiny_model import tiny_tokenizer

CASES = 3000

CONFIG = AcceleratorConfig(rows=4, cols=4, lanes=1, scratchpad_kib=16, vector_kib=16, acc_depth=64, bus_bytes=4)

SAMPLES = Path("sw/samples.jsonl")

Case = Callable[[Random], object]


def fuzz(case: Case, cases: int = CASES) -> None:
    """Run a case with many seeds; what else than a value or a refusal comes of one fails, with the seed."""
    accepted = 0
    for seed in range(cases):
        try:
            case(Random(seed))
            accepted += 1
        except (OSError, ValueError) as error:
            assert str(error), f"seed {seed}: {error!r}"
            assert str(error).isprintable(), f"seed {seed}: {error!r}"
            assert len(str(error)) < 1000, f"seed {seed}: {error!r}"
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert 0 < accepted < cases


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of files are written."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / "file"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_checkpoint(file: Path) -> None:
    random_checkpoint(0, layers=1, hidden=8, ffn=12).save(file)
    sound = file.read_bytes()
    fuzz(lambda rng: Checkpoint.load(written(file, mutate_tensors(rng, sound, CHECKPOINT_FORMAT))))


def test_checkpoint_that_loads_classifies(file: Path) -> None:
    random_checkpoint(0, layers=1, hidden=8, ffn=12).save(file)
    sound = file.read_bytes()
    tokenizer = tiny_tokenizer()

    def case(rng: Random) -> None:
        checkpoint = Checkpoint.load(written(file, mutate_tensors(rng, sound, CHECKPOINT_FORMAT)))
        result = Classifier(checkpoint, tokenizer, CONFIG, "model", max_length=2).answer("")
        assert result.bit_exact
        assert np.isfinite([*result.logits, result.probability]).all()

    fuzz(case, 600)


def test_program(file: Path) -> None:
    MatmulLowering(CONFIG, 3, 4, 5).program.save(file)
    sound = file.read_bytes()

    def case(rng: Random) -> None:
        program = Program.load(written(file, mutate_tensors(rng, sound, PROGRAM_FORMAT)))
        if program.memory_bytes < 1 << 20:
            inputs = {name: np.zeros(region.shape, region.dtype) for name, region in program.inputs.items()}
            program.read_outputs(program.memory_image(inputs))

    fuzz(case)


def test_whether_a_file_is_a_program(file: Path) -> None:
    MatmulLowering(CONFIG, 3, 4, 5).program.save(file)
    sound = file.read_bytes()
    found = {
        _is_program(written(file, mutate_tensors(Random(seed), sound, PROGRAM_FORMAT))) for seed in range(CASES // 10)
    }
    assert found == {True, False}


def test_configuration() -> None:
    sound = {name: getattr(CONFIG, name) for name in AcceleratorConfig.__dataclass_fields__}

    def case(rng: Random) -> None:
        fields = dict(sound)
        for _ in range(rng.randrange(1, 4)):
            name = rng.choice(list(fields))
            fields[name] = rng.choice([*ODD_VALUES, rng.randrange(300), 1 << rng.randrange(20), -rng.randrange(9)])
        try:
            AcceleratorConfig(**fields)
        except TypeError as error:  # as documented
            raise ValueError(str(error)) from None

    fuzz(case)


def test_flash_image(file: Path) -> None:
    program = MatmulLowering(CONFIG, 3, 4, 5).program
    sound = FlashImage.of([program], ICEBREAKER_MAP).content
    fields = (8, 12, 16, 20, 24, 28, HEADER_BYTES, HEADER_BYTES + 4)

    def case(rng: Random) -> None:
        content = bytearray(sound)
        for _ in range(rng.randrange(1, 3)):
            numbers = [0, 1, 2, 3, 4, 8, 1 << 31, (1 << 32) - 1, len(sound), len(sound) + 1, rng.getrandbits(32)]
            struct.pack_into("<I", content, rng.choice(fields), rng.choice(numbers))
        if rng.random() < 0.3:
            content = content[: rng.randrange(HEADER_BYTES, len(content))]
            struct.pack_into("<I", content, 12, len(content))
        content[:HEADER_BYTES] = _header(bytes(content))  # the digest is right
        if rng.random() < 0.3:
            content = bytearray(mutate_bytes(rng, sound))
        image = FlashImage.load(written(file, bytes(content)), ICEBREAKER_MAP)
        assert image.programs == 1
        image.place(program)

    fuzz(case)


def test_lines_of_texts(folder: Path) -> None:
    sound = SAMPLES.read_bytes()
    odd = (
        *(b"", b"\n\n", b"[" * 200_000 + b"\n", b'{"text": ' * 50_000, b"\0" * 1000, b'{"text": "\\ud800"}'),
        *(b'{"text": "a", "label": ' + label + b"}" for label in (b"9" * 6000, b"NaN", b"[]", b"1.0", b'"\\u001b"')),
        *(b"\xef\xbb\xbf" + sound, sound.decode().encode("utf-16"), b'{"text": "\xff\xfe\xfa"}'),
    )

    def case(rng: Random) -> None:
        lines = sound.splitlines(keepends=True)
        at = rng.randrange(len(lines))
        lines[at] = json.dumps(mutate_json(rng, json.loads(lines[at]))).encode() + b"\n"
        content = rng.choice([b"".join(lines), mutate_bytes(rng, sound), rng.choice(odd)])
        if zipped := rng.random() < 0.3:
            content = gzip.compress(content, 1)
            content = mutate_bytes(rng, content) if rng.random() < 0.7 else content
        path = written(folder / ("r.jsonl.gz" if zipped else "r.jsonl"), content)
        for text in load_texts(path, ("negative", "positive")):
            text.text.encode()

    fuzz(case)


def test_reviews(folder: Path) -> None:
    lines = [b'{"label": 0, "text": "a"}\n', b'{"label": 1, "text": "b<br />c"}\n']

    def case(rng: Random) -> None:
        changed = json.dumps(mutate_json(rng, json.loads(lines[1]))).encode()
        content = gzip.compress(rng.choice([lines[0] + changed, mutate_bytes(rng, b"".join(lines)), b"[" * 100_000]), 1)
        load_reviews(written(folder / "r.gz", mutate_bytes(rng, content) if rng.random() < 0.3 else content))

    fuzz(case)


def test_table_of_texts(folder: Path) -> None:
    sound = 'number,text,label\n1,"a, ""b""\nc",positive\n2,d,0\n3,é,1.0\n4,f,\n'.encode()
    odd = (
        b"",
        b"\n",
        b"text",
        b"text\n\n",
        b'text\n"a',
        b"a,b\n1,2",
        b"text,label\na",
        b"text\n" + b"a" * 200_000,
        b"\xff",
    )

    def case(rng: Random) -> None:
        content = mutate_bytes(rng, sound) if rng.random() < 0.8 else rng.choice(odd)
        for text in load_texts(written(folder / "r.csv", content), ("negative", "positive")):
            text.text.encode()

    fuzz(case)


def test_folder_of_texts(folder: Path) -> None:
    for name in ("neg", "pos"):
        (folder / name).mkdir()
    path = written(folder / "pos" / "a.txt", b"")
    for seed in range(CASES // 10):
        path.write_bytes(mutate_bytes(Random(seed), "å film<br /><br />of 1999 \U0001f600".encode()))
        (text,) = load_texts(folder, ("negative", "positive"))
        tiny_tokenizer().encode(text.text, 16)


def test_tokenizer(file: Path) -> None:
    tiny_tokenizer().replacing("<br />", " ").save(file)
    sound = file.read_bytes()

    def case(rng: Random) -> None:
        changed = mutate_json(rng, json.loads(sound))
        content = json.dumps(changed).encode() if rng.random() < 0.7 else mutate_bytes(rng, sound)
        tokenizer = Tokenizer.load(written(file, content))
        tokenizer.decode(tokenizer.encode("a b <br /> é \ud800 zebra", 16).ids)
        assert tokenizer.ids > 0

    fuzz(case)


def test_report(file: Path) -> None:
    clock = {"asked_mhz": 1.0, "fmax_mhz": 2.0}
    entry = {"board": "b", "array": "1x1", "clocks": {"c": clock}, "resources": {"LUT": {"used": 1, "available": 2}}}
    sound = entry | {"cells": {"LUT": 1}, "seed": 1, "bitstream": "b.bit"}

    def case(rng: Random) -> None:
        text = json.dumps(mutate_json(rng, sound)) if rng.random() < 0.9 else "[" * 100_000
        Path(Report.read(written(file, text.encode())).bitstream)

    fuzz(case)


class _Noise:
    """A serial port at whose end something answers at random, often nearly right."""

    in_waiting = 1

    def __init__(self, rng: Random) -> None:
        self.rng, self.last = rng, b""

    def write(self, data: bytes) -> None:
        self.last = data

    def read(self, _size: int) -> bytes:
        rng = self.rng
        if rng.random() < 0.6:
            return rng.randbytes(rng.choice([0, 0, 7]))
        request = next(iter(FrameDecoder().feed(self.last)), b"\0\0")
        payload = rng.choice([b"", struct.pack("<BH", 1, 512), struct.pack("<HB", 1, 4), bytes(4), bytes(64)])
        answer = encode_frame(bytes([rng.randrange(6), request[1]]) + payload)
        return mutate_bytes(rng, answer) if rng.random() < 0.3 else answer


def test_link() -> None:
    def case(rng: Random) -> None:
        for frame in FrameDecoder().feed(rng.randbytes(200)):
            if answer := decode_answer(frame):
                decode_hello(answer.payload)
        client = LinkClient(_Noise(rng), bus_bytes=4, tries=3)
        try:
            match rng.randrange(4):
                case 0:
                    client.hello()
                case 1:
                    assert len(client.read_memory(0, 64)) == 64
                case 2:
                    client.read_registers([0, 4, 8])
                case _:
                    client.write_memory(0, bytes(64))
        except DeviceError as error:
            raise ValueError(str(error)) from None

    fuzz(case)
