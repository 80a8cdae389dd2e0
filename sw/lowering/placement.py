"""Places of buffers in a banked memory."""

from collections.abc import Iterable, Mapping

__all__ = ["place"]


def place(
    sizes: Mapping[str, int], apart: Iterable[tuple[str, str]], *, start: int, stop: int, bank_words: int
) -> dict[str, int] | None:
    """Give each buffer a place, those that are read at the same time in different banks where possible.

    Parameters
    ----------
    sizes : mapping of name to words
    apart : pairs of names
        Buffers that should not share a bank; names that are not in ``sizes`` count as standing before ``start``.
    start, stop : int
        First free word, and the first behind the free ones.
    bank_words : int
        Words of a bank; banks are contiguous.

    Returns
    -------
    dict of name to first word, or None if the buffers do not fit
    """
    if start + sum(sizes.values()) > stop:
        return None
    partners: dict[str, set[str]] = {name: set() for name in sizes}
    for a, b in apart:
        for name, partner in ((a, b), (b, a)):
            if name in partners:
                partners[name].add(partner)
    fixed = range(start)
    placed: dict[str, range] = {}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        choices = _choices(sizes[name], [fixed, *placed.values()], stop, bank_words)
        rivals = [placed.get(p, fixed if p not in sizes else range(0)) for p in partners[name]]
        if not choices:
            return _in_order(sizes, start)
        placed[name] = min(choices, key=lambda c: (sum(_shared_words(c, r, bank_words) for r in rivals), c.start))
    return {name: where.start for name, where in placed.items()}


def _choices(size: int, taken: list[range], stop: int, bank_words: int) -> list[range]:
    """Free places that begin behind another buffer or at a bank's first word."""
    starts = {0, *(t.stop for t in taken), *range(0, stop, bank_words)}
    choices = [range(s, s + size) for s in sorted(starts) if s + size <= stop]
    return [c for c in choices if all(c.stop <= t.start or t.stop <= c.start for t in taken)]


def _shared_words(a: range, b: range, bank_words: int) -> int:
    """Words of ``a`` in banks that also hold a part of ``b``."""
    if not a or not b:
        return 0
    first, last = b.start // bank_words, (b.stop - 1) // bank_words + 1
    return len(range(max(a.start, first * bank_words), min(a.stop, last * bank_words)))


def _in_order(sizes: Mapping[str, int], start: int) -> dict[str, int]:
    places = {}
    for name, size in sizes.items():
        places[name] = start
        start += size
    return places
