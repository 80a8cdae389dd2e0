"""Fine-tune adapters on labelled reviews."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from cli.terminal import Terminal
from sw.families.tokenizer import Tokenizer, Truncation
from sw.training.lora import add_adapters, save_adapter
from sw.training.merge import load_base
from sw.training.reviews import Review

__all__ = ["STAGES", "Stage", "train"]

BATCH = 24
WEIGHT_DECAY = 0.01
WARM_UP = 0.06
TRUNCATIONS: tuple[Truncation, ...] = ("head", "head_tail")
BATCHES_SORTED = 20
"""Reviews of this many batches are sorted by length together, so that little padding is computed."""

Example = tuple[list[int], int]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Reviews (all, if None), their length in tokens, the greatest learning rate and how often they are seen."""

    reviews: int | None
    max_length: int
    learning_rate: float
    passes: int = 1


STAGES = (
    Stage(reviews=8000, max_length=128, learning_rate=6e-4),
    Stage(reviews=8700, max_length=256, learning_rate=4e-4),
    Stage(reviews=None, max_length=256, learning_rate=5e-4, passes=2),
)
"""Short texts first: they are cheap, and most of what is to be learnt is in them."""


def train(
    base: str, reviews: Sequence[Review], tokenizer: Tokenizer, target: Path, stages: Sequence[Stage] = STAGES
) -> None:
    """Fine-tune the base model on reviews and write the adapter to the folder ``target``."""
    torch.manual_seed(0)
    choice = random.Random(0)
    model = load_base(base)
    add_adapters(model)
    for name, module in model.named_modules():
        if name.endswith("attention.self"):
            module.dropout.p = 0.0
    model.train()
    for number, stage in enumerate(stages, 1):
        batches = [batch for _ in range(stage.passes) for batch in _batches(reviews, tokenizer, stage, choice)]
        optimizer = torch.optim.AdamW(
            [p for p in model.parameters() if p.requires_grad], lr=stage.learning_rate, weight_decay=WEIGHT_DECAY
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_up_and_decay(len(batches)))
        for batch in track(batches, f"Stage {number} of {len(stages)}", console=Terminal()):
            _step(model, batch)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    save_adapter(model, target)


def _batches(
    reviews: Sequence[Review], tokenizer: Tokenizer, stage: Stage, choice: random.Random
) -> Iterator[list[Example]]:
    """Yield batches of one pass; those of similar length lie together, in random order."""
    chosen = choice.sample(reviews, min(stage.reviews or len(reviews), len(reviews)))
    examples = [(tokenizer.encode(r.text, stage.max_length, choice.choice(TRUNCATIONS)).ids, r.label) for r in chosen]
    pool = BATCH * BATCHES_SORTED
    for start in range(0, len(examples), pool):
        nearby = sorted(examples[start : start + pool], key=lambda example: len(example[0]))
        batches = [nearby[i : i + BATCH] for i in range(0, len(nearby), BATCH)]
        choice.shuffle(batches)
        yield from batches


def _step(model: Any, batch: list[Example]) -> None:
    """Add up the gradients of one batch."""
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids, _ in batch], batch_first=True)
    lengths = torch.tensor([len(ids) for ids, _ in batch])
    mask = torch.arange(ids.shape[1]) < lengths[:, None]
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(input_ids=ids, attention_mask=mask, labels=torch.tensor([label for _, label in batch])).loss
    loss.backward()


def _warm_up_and_decay(steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step: up in a straight line, then down to zero."""
    rising = max(1, round(WARM_UP * steps))
    return lambda step: min((step + 1) / rising, (steps - step) / max(1, steps - rising))
