"""A quantized model in integers, straight from the checkpoint: what every program must equal bit for bit."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw.network.arrays import Array, Flow, Observer
from sw.network.checkpoint import Checkpoint

__all__ = ["embed", "forward"]


def embed(checkpoint: Checkpoint, token_ids: ArrayLike, token_types: ArrayLike = ()) -> NDArray[np.int16]:
    """Return the rows int16 [S, N] that enter the device; see :meth:`sw.network.embed.Embed.rows`."""
    return checkpoint.network.embed.rows(token_ids, token_types)


def forward(checkpoint: Checkpoint, rows: NDArray[np.int16], observe: Observer | None = None) -> NDArray[np.int32]:
    """Classify one text.

    Parameters
    ----------
    checkpoint : Checkpoint
    rows : int16 [S, N]
        Rows as :func:`embed` makes them.
    observe : callable, optional
        Called with a name and the integers of each step, for reports and for finding where a program goes wrong.

    Returns
    -------
    logits : int32 [labels]
        In units of ``checkpoint.logit_scale``.
    """
    see = observe or _ignore
    network = checkpoint.network
    flow = Flow(rows=rows)
    for node, kept in zip(network.nodes, network.kept(len(rows)), strict=True):
        flow = node.run(flow, kept, see)
    logits: NDArray[np.int32] = flow.operand[0].astype(np.int32)
    return logits


def _ignore(name: str, values: Array) -> None:
    """Observe nothing."""
    del name, values
