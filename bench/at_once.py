"""Work for all processor cores."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bench.cores import CORES

__all__ = ["at_once"]

Case = TypeVar("Case")
Result = TypeVar("Result")


def at_once(function: Callable[[Case], Result], cases: Iterable[Case]) -> Iterator[Result]:
    """Yield the results of a function in order, from as many threads as there are cores; wait for none if stopped."""
    pool = ThreadPoolExecutor(CORES)
    try:
        yield from pool.map(function, cases)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
