"""Labels of files and of models: by name, and by number where there is no name."""

import pytest

from sw.cli.labels import Labels


@pytest.mark.parametrize(
    ("names", "label", "index"),
    [
        (("negative", "positive"), "positive", 1),
        (("positive", "negative"), "pos", 0),
        (("positive", "negative"), "neg", 1),
        (("POSITIVE", "NEGATIVE"), " neg ", 1),
        (("Neg", "Pos"), "negative", 0),
        (("a", "A"), "A", 1),
        (("b", "B"), " b", None),  # it could be either
        (("negative", "positive"), "1", 1),
        (("negative", "positive"), "1.0", 1),
        (("negative", "positive"), "0.", 0),
        (("negative", "positive"), "2", None),
        (("negative", "positive"), "-1", None),
        (("negative", "positive"), "0.5", None),
        (("negative", "positive"), "\u0661", None),  # a digit elsewhere
        (("negative", "positive"), "9" * 5000, None),
        (("1", "0"), "1", 0),  # a name before a number
        (("LABEL_0", "LABEL_1"), "neg", None),
        (("negative", "positive"), "", None),
    ],
)
def test_a_label_is_found(names: tuple[str, ...], label: str, index: int | None) -> None:
    assert Labels(names).index(label) == index


def test_only_numbers_that_are_no_names_are_by_number() -> None:
    labels = Labels(("0", "zero"), {"1": "zero"})
    assert [labels.by_number(label) for label in ("0", "1", "zero", "2")] == [False, False, False, False]
    assert Labels(("negative", "positive")).by_number("1")


def test_labels_can_be_renamed() -> None:
    labels = Labels(("LABEL_0", "LABEL_1"), {"neg": "label_1", "0": "LABEL_1", "good": "0"})
    assert [labels.index(label) for label in ("neg", "0", "good", "1")] == [1, 1, 0, 1]
    with pytest.raises(ValueError, match=r"^neg cannot be 'bad': the model has the labels LABEL_0, LABEL_1$"):
        Labels(("LABEL_0", "LABEL_1"), {"neg": "bad"})


def test_a_refusal_has_the_names_on_both_sides() -> None:
    refusal = Labels(("LABEL_0", "\x1b")).refusal(["neg", "pos"])
    assert refusal.startswith(
        "it has the labels neg, pos, the model LABEL_0, \\x1b; say which is which with --label-map"
    )
    refusal = Labels(("a", "b")).refusal(["x" * 50, *map(str, range(20))])
    assert f"labels {'x' * 40}..., 0, 1, 2, 3, 4, 5, 6, 7, 8 and 11 others, the model a, b" in refusal
