"""Many texts on a device, several at once."""

import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from cli.workers import end_with_parent, no_interrupts
from spec.config import AcceleratorConfig
from sw.apps.model_files import load_model
from sw.apps.text_runner import Answer, TextRunner, check_length
from sw.families.tokenizer import Text, Truncation
from sw.lowering import NetworkLowering

__all__ = ["Job", "answer_all"]

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread of matrix arithmetic for each worker: more would fight for the cores."""

SILENT_TRACKER = "ignore:resource_tracker"
"""Python's keeper of semaphores would complain of a command that was told to stop and had to be ended amid its work."""


@dataclass(frozen=True, kw_only=True)
class Job(Generic[Answer]):
    """What every worker needs to make its own ``runner``; ``options`` are those of the device."""

    runner: type[TextRunner[Answer]]
    model: Path
    config: AcceleratorConfig
    backend: str
    options: Mapping[str, Any]
    max_length: int
    truncation: Truncation

    def check(self, texts: Iterable[Text]) -> None:
        """Find out, before a device is opened or built, whether the model and the texts fit the accelerator.

        Raises
        ------
        OSError, ValueError
            If the model cannot be read or is of another kind, or a text is too long for the accelerator.
        """
        checkpoint, tokenizer = load_model(self.model)
        self.runner.refuse_other_kinds(checkpoint)
        check_length(checkpoint, self.max_length)
        longest = 0
        for text in texts:
            longest = max(longest, len(tokenizer.encode(text, self.max_length, self.truncation).ids))
            if longest == self.max_length:
                break
        NetworkLowering(checkpoint, self.config).lower(longest)

    def open(self) -> TextRunner[Answer]:
        """Load the model and open the device.

        Raises
        ------
        OSError, ValueError
            If that is not possible.
        """
        checkpoint, tokenizer = load_model(self.model)
        return self.runner(
            checkpoint,
            tokenizer,
            self.config,
            self.backend,
            max_length=self.max_length,
            truncation=self.truncation,
            **self.options,
        )


def answer_all(job: Job[Answer], texts: Sequence[Text], workers: int) -> Iterator[tuple[int, Answer]]:
    """Yield the place in ``texts`` and the answer to each, as soon as it is there.

    Parameters
    ----------
    job : Job
    texts : sequence of str or pair of str
    workers : int
        Processes; with 1, all happens in this one.
    """
    # Here as well with several workers: errors come before they start, and what the device builds is built once.
    runner = job.open()
    if workers == 1:
        yield from enumerate(map(runner.answer, texts))
        return
    for name in THREAD_LIMITS:
        os.environ.setdefault(name, "1")
    if SILENT_TRACKER not in sys.warnoptions:
        sys.warnoptions.append(SILENT_TRACKER)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(job,))
    try:
        with no_interrupts():
            places = {pool.submit(_answer, text): place for place, text in enumerate(texts)}
        for done in as_completed(places):
            yield places[done], done.result()
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_workers: list[TextRunner[Any]] = []
"""The one runner of a worker process."""


def _start(job: Job[Any]) -> None:
    end_with_parent()
    _workers.append(job.open())


def _answer(text: Text) -> Any:
    return _workers[0].answer(text)
