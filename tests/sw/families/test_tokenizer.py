"""Token ids of BERT, and what stays of texts that are too long."""

from itertools import product
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers.models import WordLevel, WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import RobertaProcessing, TemplateProcessing

from sw.apps.model_files import MODELS, TOKENIZER
from sw.families.tokenizer import Tokenizer, Truncation

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghij")
CLS, SEP, A = 2, 3, 4


def backend(words: tuple[str, ...] = WORDS) -> Backend:
    made = Backend(WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    return made


def lower_case() -> Backend:
    made = backend()
    made.normalizer = BertNormalizer()
    return made


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer(backend())


def test_adds_special_tokens(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("a b zebra", 8)
    assert encoding.ids == [CLS, A, A + 1, 1, SEP]
    assert not encoding.truncated
    assert tokenizer.decode(encoding.ids) == ["[CLS]", "a", "b", "[UNK]", "[SEP]"]


def test_pairs_have_types(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode(("a b", "c"), 8)
    assert encoding.ids == [CLS, A, A + 1, SEP, A + 2, SEP]
    assert encoding.types == [0, 0, 0, 0, 1, 1]
    assert not encoding.truncated
    assert tokenizer.encode("a b", 8).types == [0, 0, 0, 0]


def test_texts_without_tokens_are_empty(tokenizer: Tokenizer) -> None:
    assert [tokenizer.encode(text, 8).empty for text in ("", "a", ("", ""), ("", "a"))] == [True, False, True, False]


@pytest.mark.parametrize(("side", "truncation"), [("right", "head"), ("left", "tail")])
def test_pairs_are_cut_as_tokenizers_do(side: str, truncation: Truncation) -> None:
    theirs = backend()
    theirs.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    ours = Tokenizer(Backend.from_str(theirs.to_str()))
    for budget in range(4, 14):
        theirs.enable_truncation(budget, direction=side)
        for first, second in product(range(8), range(8)):
            pair = " ".join("abcdefgh"[:first]), " ".join("jihgfedc"[:second])
            expected, found = theirs.encode(*pair), ours.encode(pair, budget, truncation)
            assert (found.ids, found.types) == (expected.ids, expected.type_ids)
            assert found.truncated == (first + second > budget - 4)


def test_pair_keeps_head_and_tail_of_both(tokenizer: Tokenizer) -> None:
    found = tokenizer.encode(("a b c d e f g", "j i h g f e d"), 11)
    assert tokenizer.decode(found.ids) == ["[CLS]", "a", "e", "f", "g", "[SEP]", "j", "f", "e", "d", "[SEP]"]
    with pytest.raises(ValueError, match="max_length must be at least 3, not 2"):
        tokenizer.encode(("a", "b"), 2)


def test_special_tokens_are_those_of_the_file() -> None:
    made = backend(("<s>", "</s>", "[UNK]", "a", "b"))
    made.post_processor = RobertaProcessing(("</s>", 1), ("<s>", 0))
    tokenizer = Tokenizer(made)
    assert tokenizer.encode("a", 8).ids == [0, 3, 1]
    pair = tokenizer.encode(("a", "b"), 8)
    assert (pair.ids, pair.types) == ([0, 3, 1, 1, 4, 1], [0] * 6)


def test_empty_text_is_two_tokens(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("", 8).ids == [CLS, SEP]


def test_text_that_just_fits_is_whole(tokenizer: Tokenizer) -> None:
    assert not tokenizer.encode("a b c d e f", 8).truncated
    assert tokenizer.encode("a b c d e f g", 8).truncated


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [
        ("head", [CLS, A, A + 1, A + 2, A + 3, A + 4, A + 5, SEP]),
        ("tail", [CLS, A + 4, A + 5, A + 6, A + 7, A + 8, A + 9, SEP]),
        ("head_tail", [CLS, A, A + 5, A + 6, A + 7, A + 8, A + 9, SEP]),
    ],
)
def test_truncation_keeps(tokenizer: Tokenizer, truncation: Truncation, kept: list[int]) -> None:
    encoding = tokenizer.encode("a b c d e f g h i j", 8, truncation)
    assert encoding.ids == kept
    assert encoding.truncated


@pytest.mark.parametrize("truncation", ["head", "tail", "head_tail"])
@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_least_budgets_keep_the_special_tokens(tokenizer: Tokenizer, truncation: Truncation, length: int) -> None:
    ids = tokenizer.encode("a b c d e f", length, truncation).ids
    assert (len(ids), ids[0], ids[-1]) == (length, CLS, SEP)


def test_texts_are_changed_by_rules_of_the_file_alone(tokenizer: Tokenizer, tmp_path: Path) -> None:
    assert tokenizer.encode("a<br />b", 9).ids == [CLS, A, 1, 1, 1, A + 1, SEP]  # < br />, none of them a word here
    for rules in (tokenizer, Tokenizer(lower_case())):
        replacing = rules.replacing("<br />", " ")
        replacing.save(tmp_path / "tokenizer.json")
        assert Tokenizer.load(tmp_path / "tokenizer.json").encode("a<br /><br />b", 8).ids == [CLS, A, A + 1, SEP]
    assert replacing.encode("A<br />b", 8).ids == [CLS, A, A + 1, SEP]


def test_default_model_has_the_rule_that_it_was_trained_with() -> None:
    rules = Tokenizer.load(MODELS / "minilm-l6-imdb" / TOKENIZER)
    assert rules.encode("Good.<br /><br />Bad.", 16) == rules.encode("Good.  Bad.", 16)
    assert rules.encode("Good.<br/>Bad.", 16) != rules.encode("Good. Bad.", 16)


def test_lone_surrogates_count_as_the_replacement_character(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("a \ud800 b", 8).ids == tokenizer.encode("a \ufffd b", 8).ids


def test_a_text_without_tokens_is_refused() -> None:
    words = tuple(word for word in WORDS if word != "[UNK]")
    with pytest.raises(ValueError, match=r"^the tokenizer cannot read a text: .*\[UNK\]"):
        Tokenizer(backend(words)).encode("zebra", 8)


def test_ids_are_counted_with_those_that_are_not_used(tokenizer: Tokenizer) -> None:
    assert tokenizer.ids == len(WORDS)
    made = Backend(WordPiece({"[UNK]": 0, "[CLS]": 5, "[SEP]": 99}, unk_token="[UNK]"))
    assert Tokenizer(made).ids == 100


def test_own_truncation_and_padding_of_the_file_are_off(tmp_path: Path) -> None:
    made = backend()
    made.enable_truncation(4)
    made.enable_padding(length=6)
    made.save(str(tmp_path / "tokenizer.json"))
    assert len(Tokenizer.load(tmp_path / "tokenizer.json").encode("a b c d e f", 16).ids) == 8
    assert len(Tokenizer.load(tmp_path / "tokenizer.json").encode("a", 16).ids) == 3


def test_save_and_load(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    assert Tokenizer.load(tmp_path / "tokenizer.json").encode("c a", 8).ids == [CLS, A + 2, A, SEP]


def test_wrong_arguments(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="max_length must be at least 2, not 1"):
        tokenizer.encode("a", 1)
    with pytest.raises(ValueError, match="truncation must be one of head, tail, head_tail, not 'middle'"):
        tokenizer.encode("a", 8, "middle")  # type: ignore[arg-type]


def test_wrong_files(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(FileNotFoundError):
        Tokenizer.load(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer.json is not a BERT tokenizer: .+"):
        Tokenizer.load(path)
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match=r"tokenizer.json is not a BERT tokenizer: .+ can't decode byte 0xff"):
        Tokenizer.load(path)
    Backend(WordLevel({"[CLS]": 0}, unk_token="[CLS]")).save(str(path))
    with pytest.raises(ValueError, match=r"is not a BERT tokenizer: it must have the token \[SEP\]"):
        Tokenizer.load(path)
