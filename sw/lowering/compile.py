"""Lowering of a whole network: rows in, results out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from spec.config import AcceleratorConfig
from spec.program import Program
from sw.lowering.attention import AttentionConstants, lower_attention, place_attention
from sw.lowering.blocks import Needs, Plan
from sw.lowering.builder import NoRoomError
from sw.lowering.constants import Constants, Pieces
from sw.lowering.embed import lower_embed, lower_projected_embed
from sw.lowering.lengths import for_all_lengths, telling_lengths
from sw.lowering.linear import (
    lower_feed_forward,
    lower_residual,
    lower_sums,
    lower_table,
    place_linear,
)
from sw.lowering.norm import place_norm
from sw.lowering.pool import lower_pool, place_pool
from sw.lowering.workbench import Workbench
from sw.network.attention import Attention
from sw.network.checkpoint import Checkpoint
from sw.network.embed import Embed
from sw.network.linear import Linear, Residual, Rows, Sums, Table
from sw.network.network import Network, Node
from sw.network.norm import Norm
from sw.network.pool import Pool
from sw.network.select import Select

__all__ = ["NetworkLowering", "lower_network"]

PLACE: dict[type, Callable[[Constants, Any, Pieces], tuple[Any, Pieces]]] = {
    Attention: place_attention,
    Linear: place_linear,
    Norm: place_norm,
    Pool: place_pool,
}
"""How an operator's constants are put into memory; those that have none are not here.

A function takes the pieces of the codes that come, and returns the constants and the pieces of those that it leaves.
"""

LOWER: dict[tuple[type, ...], Callable[..., None]] = {
    (Attention,): lower_attention,
    (Embed, Norm): lower_embed,
    (Embed, Norm, Rows): lower_projected_embed,
    (Pool,): lower_pool,
    (Residual, Norm): lower_residual,
    (Sums,): lower_sums,
    (Table,): lower_table,
    (Table, Residual, Norm): lower_feed_forward,
}
"""How operators are written that go through their rows together; a matrix goes by what becomes of its results.

A function takes the workbench, then each operator, and behind it its constants if it has any.
"""


def lower_network(checkpoint: Checkpoint, config: AcceleratorConfig, length: int) -> Program:
    """Compile a checkpoint for texts of one length; for several lengths, :class:`NetworkLowering` saves work.

    Parameters
    ----------
    checkpoint : Checkpoint
    config : AcceleratorConfig
    length : int
        Tokens, with [CLS] and [SEP]; there is no padding.

    Raises
    ------
    ValueError
        As :class:`NetworkLowering` and :meth:`NetworkLowering.lower`.
    """
    return NetworkLowering(checkpoint, config).lower(length)


class NetworkLowering:
    """Compiles one checkpoint for one accelerator; programs of all lengths share their constants.

    Parameters
    ----------
    checkpoint : Checkpoint
    config : AcceleratorConfig

    Raises
    ------
    ValueError
        If the parameter memory is too small for the checkpoint, or operators stand in an order that is not in LOWER.
    """

    def __init__(self, checkpoint: Checkpoint, config: AcceleratorConfig) -> None:
        self._network = checkpoint.network
        self._groups = _groups(self._network.nodes)
        self._constants = Constants(config, self._network.positions)
        self._places = dict(_place(self._constants, self._network))
        self._data = self._constants.to_array()
        self._needs = _needs(self._constants, self._network, self._places)
        self._whole_values = all(
            len(head.value) == 1
            for places in self._places.values()
            if isinstance(places, AttentionConstants)
            for head in places.heads
        )

    def lower(self, length: int) -> Program:
        """Return the program for texts of ``length`` tokens.

        Its input ``rows`` is int16 [length, hidden], as :func:`sw.network.reference.embed` makes it; its output
        ``logits`` is int32 [labels].

        Raises
        ------
        ValueError
            If the length is not from 1 to the checkpoint's positions, or does not fit the accelerator; then with the
            field to enlarge.
        """
        plan = self._plan(length)
        try:
            return self._write(plan, eager=False)
        except NoRoomError:
            return self._write(plan, eager=True)

    def lower_up_to(self, longest: int) -> Program:
        """Return one program for all texts of up to ``longest`` tokens, the variable ``tokens``.

        Its input ``rows`` is int16 [longest, hidden], of which the first ``tokens`` count. All rows stand in one block
        and work overlaps less than in :meth:`lower`'s programs: docs/performance.md says what that costs. ``macs`` are
        those of the longest.

        Raises
        ------
        ValueError
            As :meth:`lower`; or if so many rows do not fit one block, or an operator needs other instructions for
            another length, as a mean over all rows does.
        """
        plan = self._plan(longest).in_one_block()
        whole = self._write(plan, eager=True)
        lengths = telling_lengths(whole, longest)
        return for_all_lengths({n: self._write(plan.shortened(n), eager=True) for n in lengths})

    def _plan(self, length: int) -> Plan:
        positions = self._network.positions
        if not 1 <= length <= positions:
            raise ValueError(f"length must be from 1 to {positions}, not {length!r}")
        return Plan.fit(self._constants.config, self._needs, length)

    def _write(self, plan: Plan, *, eager: bool) -> Program:
        network, config = self._network, self._constants.config
        kept = {node.name: len(rows) for node, rows in zip(network.nodes, network.kept(plan.length), strict=True)}
        bench = Workbench(self._constants, plan, kept, eager=eager, whole_values=self._whole_values)
        results, whole = _results(network, config)
        bench.outputs["logits"] = bench.region("int32", (results,), (whole,))
        padded = plan.longest, plan.rows.stride * config.lanes
        bench.inputs["rows"] = bench.region("int16", (plan.longest, network.hidden), padded)
        for group in self._groups:
            lower = LOWER[tuple(map(_kind, group))]
            lower(bench, *(part for node in group for part in (node, self._places.get(node.name)) if part is not None))
        return bench.builder.finish(
            constants=self._data,
            inputs=bench.inputs,
            outputs=bench.outputs,
            macs=network.macs(plan.length),
            metadata={
                "kind": "network",
                "length": str(plan.length),
                "array_cycles": str(bench.schedule.array_cycles),
            },
        )


def _place(constants: Constants, network: Network) -> Iterator[tuple[str, Any]]:
    """Put the constants of all operators into memory, in their order; yield names and addresses."""
    pieces: Pieces = ()
    for node in network.nodes:
        if type(node) in PLACE:
            places, pieces = PLACE[type(node)](constants, node, pieces)
            yield node.name, places


def _needs(constants: Constants, network: Network, places: Mapping[str, Any]) -> Needs:
    """Return the sizes of the operands: the greatest, if operators differ."""
    attentions = [node for node in network.nodes if isinstance(node, Attention)]
    widths = [node.value.bias.size // node.heads for node in attentions]
    heads = [head for node in attentions for head in places[node.name].heads]
    middles, codes = [], []
    for (first, _), (second, between) in pairwise(network.walk()):
        if isinstance(second, Linear) and isinstance(second.then, Residual | Rows) and not isinstance(first, Attention):
            middles.append(places[second.name].matrix.k_tiles)
        elif _kind(first) in (Norm, Rows):
            codes.append(constants.words(between.codes))
    return Needs(
        hidden=max(before.rows for _, before in network.walk()),
        code_words=max(codes),
        heads=max(node.heads for node in attentions),
        head_words=max(map(constants.words, widths)),
        width=max(widths),
        value_weights=max(panel.rows for head in heads for panel in head.value)
        * max(head.query.k_tiles for head in heads),
        middle_words=max(middles),
    )


def _groups(nodes: Sequence[Node]) -> list[list[Node]]:
    """Put operators together that go through their rows block by block: as many as :data:`LOWER` knows."""
    groups: list[list[Node]] = []
    left: list[Node] = [node for node in nodes if not isinstance(node, Select)]
    while left:
        kinds = tuple(map(_kind, left))
        known = [len(key) for key in LOWER if kinds[: len(key)] == key]
        if not known:
            before = groups[-1][-1].name if groups else "nothing"
            raise ValueError(f"there is no lowering for {left[0].name} behind {before}")
        groups.append(left[: max(known)])
        del left[: max(known)]
    made = {tuple(map(_kind, group)) for group in groups}
    # The plan has buffers for both.
    if (Attention,) not in made:
        raise ValueError("there is no lowering for a network without an Attention")
    if (Table, Residual, Norm) not in made:
        raise ValueError("there is no lowering for a network without a feed-forward network")
    return groups


def _kind(node: Node) -> type:
    return type(node.then) if isinstance(node, Linear) else type(node)


def _results(network: Network, config: AcceleratorConfig) -> tuple[int, int]:
    """Return how many sums leave the device, and how many the last DRAIN fills memory with."""
    *_, (last, before) = network.walk()
    if isinstance(last, Pool):
        return before.codes, before.codes + -before.codes % config.rows
    count = last.widths(before).channels
    return count, count + -count % config.lanes
