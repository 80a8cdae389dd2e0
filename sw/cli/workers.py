"""Classifies many texts, several at once."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw.config import AcceleratorConfig
from sw.classify import Classification, Classifier
from sw.cli.model_files import load_model
from sw.tokenizer import Truncation

__all__ = ["Job", "classify_all"]

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread of matrix arithmetic for each worker: more would fight for the cores."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every worker needs to make its own classifier; ``options`` are those of the device."""

    model: Path
    config: AcceleratorConfig
    backend: str
    options: Mapping[str, Any]
    max_length: int
    truncation: Truncation

    def open(self) -> Classifier:
        """Load the model and open the device.

        Raises
        ------
        OSError, ValueError
            If that is not possible.
        """
        checkpoint, tokenizer = load_model(self.model)
        return Classifier(
            checkpoint,
            tokenizer,
            self.config,
            self.backend,
            max_length=self.max_length,
            truncation=self.truncation,
            **self.options,
        )


def classify_all(job: Job, texts: Iterable[str], workers: int) -> Iterator[Classification]:
    """Yield the classification of each text, in order, as soon as it is there.

    Parameters
    ----------
    job : Job
    texts : iterable of str
    workers : int
        Processes; with 1, all happens in this one.
    """
    # Here as well with several workers: errors come before they start, and what the device builds is built once.
    classifier = job.open()
    if workers == 1:
        yield from map(classifier.classify, texts)
        return
    for name in THREAD_LIMITS:
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(job,))
    try:
        yield from pool.map(_classify, texts)
    finally:
        pool.shutdown(cancel_futures=True)


_workers: list[Classifier] = []
"""The one classifier of a worker process."""


def _start(job: Job) -> None:
    _workers.append(job.open())


def _classify(text: str) -> Classification:
    return _workers[0].classify(text)
