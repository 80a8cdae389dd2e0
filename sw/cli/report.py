"""What ``classify`` prints and writes about its results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from files.one_line import one_line
from sw.apps.classify import Classification
from sw.cli.texts import LabelledText
from sw.network.task import Task

__all__ = ["Report"]

PREVIEW = 40
"""Characters of a text that are shown."""

KEPT = {
    "head": "only their beginning was classified",
    "tail": "only their end was classified",
    "head_tail": "only their first quarter and last three quarters of the token budget were classified",
}


NOT_UTF8 = "not UTF-8"

EMPTY = "empty"

LIKELY = 0.5
"""Probability from which on a label that does not exclude others is given."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Formats results.

    Parameters
    ----------
    labels : sequence of str
        Names of the model's labels.
    clock_mhz : float
        Clock for which times are given.
    processing_elements : int
        Multiply-accumulates per cycle at full use.
    task : Task
        What the model's results mean.
    hardware : bool
        Whether results come from hardware, be it simulated, and were compared with the integer model, too.
    """

    labels: Sequence[str]
    clock_mhz: float
    processing_elements: int
    hardware: bool
    task: Task = "single_label_classification"

    @property
    def compared_with(self) -> list[str]:
        """What every result must equal to be called exact."""
        return ["the integer model"] * self.hardware + ["the reference"]

    def seconds(self, cycles: int | None) -> float | None:
        """Time of so many cycles at the stated clock."""
        return None if cycles is None else cycles / (self.clock_mhz * 1e6)

    def line(self, number: int, text: LabelledText, result: Classification) -> str:
        """One text on one line."""
        parts = [f"{number:5}", self._answer(result), f"{result.tokens:4} tokens"]
        parts[-1] += " (cut)" if result.truncated else "      "
        if result.cycles is not None:
            milliseconds = result.cycles / (self.clock_mhz * 1e3)
            parts.append(f"{result.cycles:12,} cycles  {result.utilization:6.1%}  {milliseconds:9.3f} ms")
        exact = "bit exact" if self.hardware else "as the reference"
        parts.append(exact if result.bit_exact else f"NOT {exact.upper()}")
        if text.label is not None:
            parts.append("right" if self.labels[text.label] == result.label else "wrong")
        parts += self.notes(text, result)
        both = text.text[: 2 * PREVIEW] if text.pair is None else f"{text.text[:PREVIEW]} | {text.pair[:PREVIEW]}"
        preview = one_line(" ".join(both.split()))
        parts.append(preview if len(preview) <= PREVIEW else f"{preview[: PREVIEW - 3]}...")
        return "  ".join(parts)

    def _answer(self, result: Classification) -> str:
        """What the model says: a label, those that are more likely than not, or a number."""
        if self.task == "multi_label_classification":
            likely = [pair for pair in zip(self.labels, result.scores, strict=True) if pair[1] >= LIKELY]
            return ", ".join(f"{one_line(label)} {score:.3f}" for label, score in likely) or "none"
        if self.task == "regression":
            return f"{one_line(result.label)} {result.scores[0]:8.4f}"
        width = max(len(one_line(label)) for label in self.labels)
        return f"{one_line(result.label):{width}} {result.probability:6.3f}"

    def notes(self, text: LabelledText, result: Classification) -> list[str]:
        """What must be known about a text before its label is believed."""
        return [NOT_UTF8] * (not text.utf8) + [EMPTY] * result.empty

    def review(self, text: LabelledText, result: Classification) -> dict[str, Any]:
        """One text as JSON."""
        return {
            "label": result.label,
            "probability": result.probability,
            **self._scores(result),
            "expected": None if text.label is None else self.labels[text.label],
            "logits": list(result.logits),
            "sums": list(result.sums),
            "tokens": result.tokens,
            "truncated": result.truncated,
            "notes": self.notes(text, result),
            "macs": result.macs,
            "cycles": result.cycles,
            "utilization": result.utilization,
            "seconds_at_clock": self.seconds(result.cycles),
            "bit_exact": result.bit_exact,
            "counters": result.counters,
        }

    def _scores(self, result: Classification) -> dict[str, Any]:
        """All probabilities by label, or the number."""
        if self.task == "regression":
            return {"value": result.scores[0]}
        return {"probabilities": dict(zip(self.labels, result.scores, strict=True))}

    def totals(
        self, texts: Sequence[LabelledText], results: Sequence[Classification], wall_seconds: float
    ) -> dict[str, Any]:
        """All texts together as JSON; what is not known is None."""
        known = [
            self.labels[text.label] == result.label
            for text, result in zip(texts, results, strict=True)
            if text.label is not None
        ]
        timed = [result.cycles for result in results if result.cycles is not None]
        cycles = sum(timed) if timed else None
        return {
            "reviews": len(results),
            "labelled": len(known),
            "accuracy": sum(known) / len(known) if known else None,
            "truncated": sum(result.truncated for result in results),
            "empty": sum(result.empty for result in results),
            "not_utf8": sum(not text.utf8 for text in texts),
            "labels_by_number": sum(text.by_number for text in texts),
            "compared_with": self.compared_with,
            "bit_exact": all(result.bit_exact for result in results),
            "not_bit_exact": sum(not result.bit_exact for result in results),
            "cycles": cycles,
            "utilization": sum(r.macs for r in results) / (self.processing_elements * cycles) if cycles else None,
            "seconds_at_clock": self.seconds(cycles),
            "wall_seconds": wall_seconds,
        }

    def table(self, totals: dict[str, Any], truncation: str) -> Table:
        """The totals for the terminal."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, value in self._rows(totals, truncation):
            table.add_row(name, Text(value))  # not markup
        return table

    def _rows(self, totals: dict[str, Any], truncation: str) -> Iterator[tuple[str, str]]:
        count = totals["reviews"]
        yield "texts", f"{count:,} in {totals['wall_seconds']:.1f} s"
        if totals["labelled"]:
            yield "accuracy", f"{totals['accuracy']:.2%} of {totals['labelled']:,}"
        if totals["labels_by_number"]:
            names = ", ".join(f"{number} is {one_line(label)}" for number, label in enumerate(self.labels))
            yield "labels", f"{totals['labels_by_number']:,} by number, as the model counts: {names}"
        exact = count - totals["not_bit_exact"]
        name = "bit exact" if self.hardware else "exact"
        yield name, f"{exact:,} of {count:,} equal {' and '.join(self.compared_with)}"
        if totals["cycles"]:
            yield "cycles", f"{totals['cycles'] // count:,} a text on average"
            yield (
                "utilization",
                f"{totals['utilization']:.1%} of {self.processing_elements} multiply-accumulates a cycle",
            )
            yield "time", f"{totals['seconds_at_clock'] / count * 1e3:.3f} ms a text at {self.clock_mhz:g} MHz"
        if totals[EMPTY]:
            yield EMPTY, f"{totals[EMPTY]:,} without a word that the tokenizer knows of: their labels say nothing"
        if totals["not_utf8"]:
            yield NOT_UTF8, f"{totals['not_utf8']:,} with bytes that are no characters, read as U+FFFD"
        if totals["truncated"]:
            yield "truncated", f"{totals['truncated']:,} texts were too long: {KEPT[truncation]}"
