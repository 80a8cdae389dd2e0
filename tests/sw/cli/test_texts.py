"""Texts from files and folders, and what their labels mean."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sw.cli.texts import load_texts

LABELS = ("negative", "positive")


def movie_reviews(folder: Path, **texts: str | bytes) -> Path:
    """An aclImdb folder with one review in each of its folders."""
    for name, text in texts.items():
        (folder / "test" / name).mkdir(parents=True)
        (folder / "test" / name / "0_9.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def loaded(path: Path, content: str | bytes, labels: Sequence[str] = LABELS) -> list[tuple[str, int | None]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(text.text, text.label) for text in load_texts(path, labels)]


def test_folders_files_alternate(tmp_path: Path) -> None:
    for name in ("pos", "neg"):
        (tmp_path / "test" / name).mkdir(parents=True)
        for i in range(3 if name == "pos" else 1):
            (tmp_path / "test" / name / f"{i}_7.txt").write_text(f"{name} {i}")
    expected = [("neg 0", 0), ("pos 0", 1), ("pos 1", 1), ("pos 2", 1)]
    for folder in (tmp_path, tmp_path / "test"):
        assert [(t.text, t.label) for t in load_texts(folder, LABELS)] == expected
    assert len(load_texts(tmp_path, limit=2)) == 2
    assert len(load_texts(tmp_path, limit=10**30)) == 4
    assert {text.label for text in load_texts(tmp_path)} == {None}


def test_folders_are_names_of_labels(tmp_path: Path) -> None:
    folder = movie_reviews(tmp_path, neg="bad", pos="good")
    assert [t.label for t in load_texts(folder, ("positive", "negative"))] == [1, 0]
    with pytest.raises(ValueError, match=r"it has the labels neg, pos, the model LABEL_0, LABEL_1; .* --label-map"):
        load_texts(folder, ("LABEL_0", "LABEL_1"))
    renamed = {"neg": "LABEL_1", "pos": "LABEL_0"}
    assert [t.label for t in load_texts(folder, ("LABEL_0", "LABEL_1"), renamed=renamed)] == [1, 0]


def test_line_breaks_are_those_of_the_movie_reviews_alone(tmp_path: Path) -> None:
    folder = movie_reviews(tmp_path, neg="a<br /><br />b", pos="")
    assert load_texts(folder)[0].text == "a  b"
    assert loaded(tmp_path / "a.jsonl", '{"text": "a<br />b"}') == [("a<br />b", None)]


def test_lines_gzipped_or_not(tmp_path: Path) -> None:
    lines = (
        '{"text": "é", "label": 1}',
        "",
        '{"text": "b"}',
        '{"text": "c", "label": null}',
        '{"text": "d", "label": " "}',
    )
    content = ("\ufeff" + "\n".join(lines)).encode()
    expected = [("é", 1), ("b", None), ("c", None), ("d", None)]
    assert loaded(tmp_path / "data.jsonl", content) == expected
    assert loaded(tmp_path / "data.JSONL.GZ", gzip.compress(content)) == expected


@pytest.mark.parametrize("label", [1, "1", 1.0, "1.0", True, "positive", "Positive", "pos"])
def test_labels_may_be_spelt_in_many_ways(tmp_path: Path, label: Any) -> None:
    assert loaded(tmp_path / "data.jsonl", json.dumps({"text": "a", "label": label})) == [("a", 1)]


def test_numbers_that_are_no_names_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "a", "label": 1}\n{"text": "a", "label": "pos"}\n{"text": "a"}')
    assert [text.by_number for text in load_texts(path, LABELS)] == [True, False, False]


def test_tables(tmp_path: Path) -> None:
    content = '\ufeffid, Text ,LABEL\r\n1,"a, ""b""\r\nc",neg\r\n\r\n2,<br />,1.0\r\n3,,\r\n'
    expected = [('a, "b"\r\nc', 0), ("<br />", 1), ("", None)]
    assert loaded(tmp_path / "data.csv", content) == expected
    assert loaded(tmp_path / "data.csv.gz", gzip.compress(content.encode())) == expected
    assert loaded(tmp_path / "long.csv", f"text\n{'a' * 200_000}\n") == [("a" * 200_000, None)]


def test_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "x", "pair": "y"}\n{"text": "z", "pair": ""}\n{"text": "u", "pair": null}\n'
    )
    (tmp_path / "a.csv").write_text("pair,text\ny,x\n,z\n,u\n")
    for name in ("a.jsonl", "a.csv"):
        assert [text.content for text in load_texts(tmp_path / name)] == [("x", "y"), "z", "u"]
    (tmp_path / "b.jsonl").write_text('{"text": "x", "pair": 5}\n')
    with pytest.raises(ValueError, match="line 1 must have a pair that is a text, not 5"):
        load_texts(tmp_path / "b.jsonl")


def test_what_is_not_utf8_is_marked(tmp_path: Path) -> None:
    lines = b'{"text": "a"}\n{"text": "caf\xe9"}\n{"text": "\\ud800"}\n{"text": "\\ud83d\\ude00"}\n'
    for name, content in (("a.jsonl", lines), ("a.csv", b"text\na\ncaf\xe9\n\xed\xa0\x80\n\xf0\x9f\x98\x80\n")):
        (tmp_path / name).write_bytes(content)
        texts = load_texts(tmp_path / name)
        assert [text.utf8 for text in texts] == [True, False, False, True]
        assert (texts[1].text, texts[3].text) == ("caf\ufffd", "\U0001f600")
    texts = load_texts(movie_reviews(tmp_path, neg=b"\xff\xfe\xfa", pos="ok"))
    assert [(text.text, text.utf8) for text in texts] == [("\ufffd" * 3, False), ("ok", True)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "a.jsonl is not a file of texts: it must hold at least one text"),
        ("a.jsonl", b'{"text": "a"}\nb\n', "a.jsonl is not a file of texts: line 2 must be JSON: Expecting value"),
        pytest.param("a.jsonl", b"[" * 100_000, "line 1 is nested too deeply", id="deep"),
        ("a.jsonl", b"\xff\n", "line 1 must be JSON"),
        ("a.jsonl", b"[]\n", "line 1 must be an object with a text"),
        ("a.jsonl", b'{"text": 5}\n', "line 1 must be an object with a text"),
        ("a.jsonl", b'{"text": "a", "label": 2}\n', "it has the labels 2, the model negative, positive; say which"),
        ("a.jsonl", b'{"text": "a", "label": "x"}\n', "it has the labels x, the model negative, positive; say which"),
        ("a.jsonl", b'{"text": "a", "label": [1]}\n', "line 1 must have a label that is a name or a number, not [1]"),
        ("a.jsonl", b'{"text": "a", "label": NaN}\n', "line 1 must have a label that is a name or a number, not nan"),
        pytest.param(
            "a.jsonl",
            b'{"text": "a", "label": ' + b"[" * 900 + b"]" * 900 + b"}",
            "is not a file of texts: ",
            id="label",
        ),
        ("a.jsonl.gz", b"plain", "it is not a whole gzip file"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 9, mtime=0)[:-12], "it is not a whole gzip file"),
        ("a.csv.gz", gzip.compress(b"text\na\n", mtime=0)[:-12], "it is not a whole gzip file"),
        ("a.csv", b"", "line 1 must name a column text, and perhaps label, not nothing"),
        ("a.csv", b"review,sentiment\na,b\n", "line 1 must name a column text, and perhaps label, not review, sent"),
        ("a.csv", b"text,label\na\n", "line 2 must have 2 columns, not 1"),
        ("a.csv", b"text,label\na,b,c\n", "line 2 must have 2 columns, not 3"),
        ("a.csv", b'text\n"a\n', "line 2 must be CSV: unexpected end of data"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load_texts(tmp_path / name, LABELS)
    assert message in str(caught.value)


def test_without_a_model_labels_may_be_anything(tmp_path: Path) -> None:
    assert loaded(tmp_path / "a.jsonl", '{"text": "a", "label": [0.5]}', ()) == [("a", None)]


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a folder of texts: it must have the folders neg and pos; or name a "):
        load_texts(tmp_path)
