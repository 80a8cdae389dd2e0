"""What ``classify`` prints and writes about its results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from sw.classify import Classification
from sw.cli.texts import LabelledText

__all__ = ["Report"]

PREVIEW = 40
"""Characters of a text that are shown."""

KEPT = {
    "head": "only their beginning was classified",
    "tail": "only their end was classified",
    "head_tail": "only their first quarter and last three quarters of the token budget were classified",
}


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
    """

    labels: Sequence[str]
    clock_mhz: float
    processing_elements: int

    def seconds(self, cycles: int | None) -> float | None:
        """Time of so many cycles at the stated clock."""
        return None if cycles is None else cycles / (self.clock_mhz * 1e6)

    def line(self, number: int, text: LabelledText, result: Classification) -> str:
        """One text on one line."""
        width = max(len(label) for label in self.labels)
        parts = [f"{number:5}", f"{result.label:{width}} {result.probability:6.3f}", f"{result.tokens:4} tokens"]
        parts[-1] += " (cut)" if result.truncated else "      "
        if result.cycles is not None:
            milliseconds = result.cycles / (self.clock_mhz * 1e3)
            parts.append(f"{result.cycles:12,} cycles  {result.utilization:6.1%}  {milliseconds:9.3f} ms")
        parts.append("bit exact" if result.bit_exact else "NOT BIT EXACT")
        if text.label is not None:
            parts.append("right" if self.labels[text.label] == result.label else "wrong")
        preview = " ".join(text.text[: 2 * PREVIEW].split())
        parts.append(preview if len(preview) <= PREVIEW else f"{preview[: PREVIEW - 1]}…")
        return "  ".join(parts)

    def review(self, text: LabelledText, result: Classification) -> dict[str, Any]:
        """One text as JSON."""
        return {
            "label": result.label,
            "probability": result.probability,
            "expected": None if text.label is None else self.labels[text.label],
            "logits": list(result.logits),
            "sums": list(result.sums),
            "tokens": result.tokens,
            "truncated": result.truncated,
            "macs": result.macs,
            "cycles": result.cycles,
            "utilization": result.utilization,
            "seconds_at_clock": self.seconds(result.cycles),
            "bit_exact": result.bit_exact,
            "counters": result.counters,
        }

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
            table.add_row(name, value)
        return table

    def _rows(self, totals: dict[str, Any], truncation: str) -> Iterator[tuple[str, str]]:
        count = totals["reviews"]
        yield "texts", f"{count:,} in {totals['wall_seconds']:.1f} s"
        if totals["labelled"]:
            yield "accuracy", f"{totals['accuracy']:.2%} of {totals['labelled']:,}"
        exact = count - totals["not_bit_exact"]
        yield "bit exact", f"{exact:,} of {count:,} equal the integer model"
        if totals["cycles"]:
            yield "cycles", f"{totals['cycles'] // count:,} a text on average"
            yield (
                "utilization",
                f"{totals['utilization']:.1%} of {self.processing_elements} multiply-accumulates a cycle",
            )
            yield "time", f"{totals['seconds_at_clock'] / count * 1e3:.3f} ms a text at {self.clock_mhz:g} MHz"
        if totals["truncated"]:
            yield "truncated", f"{totals['truncated']:,} texts were too long: {KEPT[truncation]}"
