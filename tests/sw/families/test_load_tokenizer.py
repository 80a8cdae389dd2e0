"""The same tokens as transformers' AutoTokenizer, whatever the files say, or a refusal in one line."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers are not installed")

from transformers import AutoTokenizer, BertTokenizerFast

from sw.families.load_tokenizer import load_tokenizer
from sw.families.tokenizer import Tokenizer
from tests.sw.tiny_model import WORDS, tiny_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFÀÉÎàéîçß東京中文ガハ한국жщюάεא!?.,:;'()[]0123456789-_@"
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", *LETTERS, *(f"##{c}" for c in LETTERS))

TEXTS = (
    "",
    "Hello, World! It's (a) test: 3.50",
    "ÀÉÎ Ça naïve NAÏVE Straße ẞ İstanbul ﬁn",
    "e\u0301 a\u0308 A\u0300",
    "東京タワー 中文 한국 ガ ハ\u3099",
    "Привет, Ελλάδα άε שלום",
    "tab\ta\nb\r\nc\u00a0d\u200be\ufefff\x00g\ufffdh",
    "😀 a👩‍👩b",
    "[CLS] a[SEP]b [MASK] [mask] [UNK] [PAD] [unused0]",
    "a" * 150,
    "new_token NEW_TOKEN xnew_tokeny  new_token, <e1>a</e1>",
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network must not be touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What ``save_pretrained`` writes, lower-casing."""
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    made = tmp_path / "model"
    BertTokenizerFast(str(tmp_path / "words" / "vocab.txt")).save_pretrained(made)
    (made / "config.json").write_text('{"model_type": "bert"}')
    return made


def settings(folder: Path, **entries: Any) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def backend(folder: Path, **entries: Any) -> None:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def check_same(folder: Path, tmp_path: Path) -> None:
    """Tokens are AutoTokenizer's, also after the way through a file."""
    load_tokenizer(folder).save(tmp_path / "saved.json")
    ours, theirs = Tokenizer.load(tmp_path / "saved.json"), AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        assert ours.encode(text, 1000).ids == theirs(text)["input_ids"], text


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("accents", [None, True, False])
@pytest.mark.parametrize("chinese", [True, False])
def test_settings_beside_the_tokenizer_count(
    folder: Path, tmp_path: Path, lower: bool, accents: bool | None, chinese: bool
) -> None:
    settings(folder, do_lower_case=lower, strip_accents=accents, tokenize_chinese_chars=chinese)
    check_same(folder, tmp_path)


def test_cased_settings_beside_a_lower_casing_tokenizer_change_tokens(folder: Path) -> None:
    before = load_tokenizer(folder).encode("AB", 9)
    settings(folder, do_lower_case=False)
    assert load_tokenizer(folder).encode("AB", 9) != before


@pytest.mark.parametrize(
    "name", ["BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "ElectraTokenizer", None]
)
def test_class_decides_which_settings_count(folder: Path, tmp_path: Path, name: str | None) -> None:
    settings(folder, tokenizer_class=name, do_lower_case=False)
    check_same(folder, tmp_path)


def test_added_tokens_count_wherever_they_stand(folder: Path, tmp_path: Path) -> None:
    made = AutoTokenizer.from_pretrained(folder)
    made.add_tokens(["new_token"])
    made.add_special_tokens({"additional_special_tokens": ["<e1>", "</e1>"]})
    made.save_pretrained(folder)
    check_same(folder, tmp_path)
    assert load_tokenizer(folder).ids == len(VOCABULARY) + 3
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()  # added_tokens.json and special_tokens_map.json are left
    (folder / "added_tokens.json").write_text(json.dumps({"new_token": len(VOCABULARY)}))
    check_same(folder, tmp_path)


@pytest.mark.parametrize(
    "entries", [{}, {"do_lower_case": False}, {"do_basic_tokenize": False}, {"strip_accents": False}]
)
def test_older_folders_have_a_vocabulary_alone(folder: Path, tmp_path: Path, entries: dict[str, Any]) -> None:
    (folder / "tokenizer.json").unlink()
    settings(folder, **entries)
    check_same(folder, tmp_path)
    (folder / "tokenizer_config.json").write_text(json.dumps(entries))
    check_same(folder, tmp_path)
    (folder / "tokenizer_config.json").unlink()
    check_same(folder, tmp_path)


def test_truncation_padding_and_length_of_the_files_are_not_ours(folder: Path, tmp_path: Path) -> None:
    settings(folder, model_max_length=4, padding_side="left", truncation_side="left")
    made = json.loads((folder / "tokenizer.json").read_text())
    made["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    (folder / "tokenizer.json").write_text(json.dumps(made))
    check_same(folder, tmp_path)


def test_other_normalizers_are_kept(folder: Path, tmp_path: Path) -> None:
    backend(folder, normalizer={"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]})
    check_same(folder, tmp_path)


def refused(folder: Path) -> str:
    with pytest.raises((OSError, ValueError)) as caught:
        load_tokenizer(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    assert str(folder) in message
    return message


@pytest.mark.parametrize(
    "entries",
    [
        {"tokenizer_class": "BertJapaneseTokenizer"},
        {"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "mecab"},
        {"tokenizer_class": "BertJapaneseTokenizer", "subword_tokenizer_type": "character"},
    ],
)
def test_class_without_a_file_of_its_own_is_refused_by_name(folder: Path, entries: dict[str, Any]) -> None:
    for settled in (True, False):
        if not settled:
            (folder / "tokenizer.json").unlink()
        settings(folder, **entries)
        assert "BertJapaneseTokenizer" in refused(folder)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"tokenizer_class": "NoSuchTokenizer"}, "NoSuchTokenizer"),
        ({"tokenizer_class": 5}, "is not a folder from which AutoTokenizer loads"),
        ({"split_special_tokens": True}, "must not have split_special_tokens"),
        ({"auto_map": {"AutoTokenizer": ["a.B", None]}}, "must not have auto_map: code of its own is not run"),
    ],
)
def test_settings_that_cannot_be_kept_are_refused_by_name(folder: Path, entries: dict[str, Any], message: str) -> None:
    settings(folder, **entries)
    assert message in refused(folder)


def test_special_tokens_are_the_file_s_own(folder: Path, tmp_path: Path) -> None:
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text.replace("[CLS]", "<s>").replace("[SEP]", "</s>"))
    settings(folder, cls_token="<s>", sep_token="</s>", added_tokens_decoder={})
    (folder / "special_tokens_map.json").unlink()
    check_same(folder, tmp_path)


def test_tokenizer_that_adds_no_special_tokens_is_refused(folder: Path) -> None:
    backend(folder, post_processor=None)
    settings(folder, tokenizer_class="PreTrainedTokenizerFast")
    message = "the same special tokens around every text, but for '' AutoTokenizer gives none, not [CLS] [SEP]"
    assert message in refused(folder)


def test_tokenizer_with_another_first_token_has_it(folder: Path, tmp_path: Path) -> None:
    made = json.loads((folder / "tokenizer.json").read_text())
    made["post_processor"]["special_tokens"]["[CLS]"] |= {"ids": [0], "tokens": ["[PAD]"]}
    backend(folder, post_processor=made["post_processor"])
    check_same(folder, tmp_path)
    assert load_tokenizer(folder).encode("", 9).ids == [0, 3]


def test_tokenizer_that_takes_texts_in_another_order_is_refused(folder: Path) -> None:
    made = json.loads((folder / "tokenizer.json").read_text())
    made["post_processor"]["pair"] = made["post_processor"]["pair"][::-1]
    backend(folder, post_processor=made["post_processor"])
    settings(folder, tokenizer_class="PreTrainedTokenizerFast")
    assert "is not a folder with a tokenizer of its model: it must keep the order of 2 texts" in refused(folder)


def test_tokenizer_that_autotokenizer_cannot_load_is_refused(folder: Path) -> None:
    tiny_tokenizer().save(folder / "tokenizer.json")
    (folder / "tokenizer_config.json").unlink()
    assert "is not a folder from which AutoTokenizer loads a tokenizer" in refused(folder)
    assert tiny_tokenizer().ids == len(WORDS)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"])
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
        b'{"model": ' * 5000,
    ],
)
def test_damaged_files_are_refused_in_one_line(folder: Path, name: str, content: bytes) -> None:
    if name == "vocab.txt":
        (folder / "tokenizer.json").unlink()
    (folder / name).write_bytes(content)
    refused(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.txt"])
def test_something_else_is_refused_in_one_line(folder: Path, name: str) -> None:
    if name == "vocab.txt":
        (folder / "tokenizer.json").unlink()
    content = {"version": "1.0", "model": {"type": "WordPiece", "vocab": 7}, "x": "y" * 9000}
    (folder / name).write_text(json.dumps(content))
    refused(folder)


def test_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"has no tokenizer.json and no vocab.txt, .*; name one with --tokenizer"
    ):
        load_tokenizer(folder)


@pytest.mark.parametrize("name", ["nowhere", "bert-base-uncased", "a/b/c/d", "-", "x" * 90, "my..model"])
def test_absent_folder_is_an_absent_folder(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"^there is no folder {name}$"):
        load_tokenizer(name)
