"""Lowering of a whole BERT: embedding sums in, logits out."""

from spec.config import AcceleratorConfig
from spec.program import Program
from sw.lowering.bert_constants import BertConstants
from sw.lowering.bert_plan import BertPlan
from sw.lowering.bert_writer import BertWriter
from sw.lowering.builder import NoRoomError
from sw.network.checkpoint import Checkpoint

__all__ = ["BertLowering", "lower_bert"]


def lower_bert(checkpoint: Checkpoint, config: AcceleratorConfig, length: int) -> Program:
    """Compile a checkpoint for texts of one length; for several lengths, :class:`BertLowering` saves work.

    Parameters
    ----------
    checkpoint : Checkpoint
    config : AcceleratorConfig
    length : int
        Tokens, with [CLS] and [SEP]; there is no padding.

    Raises
    ------
    ValueError
        As :class:`BertLowering` and :meth:`BertLowering.lower`.
    """
    return BertLowering(checkpoint, config).lower(length)


class BertLowering:
    """Compiles one checkpoint for one accelerator; programs of all lengths share their constants.

    Parameters
    ----------
    checkpoint : Checkpoint
    config : AcceleratorConfig

    Raises
    ------
    ValueError
        If the parameter memory is too small for the checkpoint.
    """

    def __init__(self, checkpoint: Checkpoint, config: AcceleratorConfig) -> None:
        self._checkpoint = checkpoint
        self._constants = BertConstants(checkpoint, config)

    def lower(self, length: int) -> Program:
        """Return the program for texts of ``length`` tokens.

        Its input ``rows`` is int16 [length, hidden], as :func:`sw.network.reference.embed` makes it; its output
        ``logits`` is int32 [labels]. Both have zeros or nothing of use behind them, up to whole vector words.

        Raises
        ------
        ValueError
            If the length is not from 1 to the checkpoint's positions, or does not fit the accelerator; then with the
            field to enlarge.
        """
        positions = len(self._checkpoint.embedding.position)
        if not 1 <= length <= positions:
            raise ValueError(f"length must be from 1 to {positions}, not {length!r}")
        plan = BertPlan.fit(self._constants, length)
        try:
            return BertWriter(self._checkpoint, self._constants, plan).write()
        except NoRoomError:
            return BertWriter(self._checkpoint, self._constants, plan, eager=True).write()
