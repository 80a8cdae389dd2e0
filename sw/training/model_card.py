"""The model card of the default checkpoint, with the accuracy that was measured."""

from collections.abc import Sequence
from pathlib import Path
from string import Template

from sw.training.evaluate import Evaluation

__all__ = ["model_card"]


def model_card(evaluations: Sequence[Evaluation], command: str) -> str:
    """Return the README in Markdown.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        One line of the table each.
    command : str
        What wrote them.
    """
    head = ("reviews", "tokens", "truncation", "float", "integers", "same label", "mean logit difference")
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for e in evaluations:
        cells = (
            f"{e.start:,} to {e.start + e.reviews:,}",
            str(e.max_length),
            f"`{e.truncation}`",
            *(f"{count / e.reviews:.2%}" for count in (e.float_correct, e.integer_correct, e.same_label)),
            f"{e.mean_logit_difference:.4f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    template = Template(Path(__file__).with_suffix(".md").read_text())
    return template.substitute(table="\n".join(lines), command=command)
