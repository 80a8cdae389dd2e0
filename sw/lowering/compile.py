"""Lowering of a whole network: rows in, results out."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from spec.config import AcceleratorConfig
from spec.program import Program
from sw.lowering.attention import AttentionConstants, lower_attention, place_attention
from sw.lowering.blocks import Needs, Plan
from sw.lowering.builder import NoRoomError
from sw.lowering.constants import Constants
from sw.lowering.embed import lower_embed
from sw.lowering.linear import (
    lower_feed_forward,
    lower_residual,
    lower_sums,
    lower_table,
    place_linear,
)
from sw.lowering.norm import place_norm
from sw.lowering.workbench import Workbench
from sw.network.attention import Attention
from sw.network.checkpoint import Checkpoint
from sw.network.embed import Embed
from sw.network.linear import Linear, Residual, Sums, Table
from sw.network.network import Network, Node
from sw.network.norm import Norm
from sw.network.select import Select

__all__ = ["NetworkLowering", "lower_network"]


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
        If the parameter memory is too small for the checkpoint, or its operators stand in another order than a BERT's.
    """

    def __init__(self, checkpoint: Checkpoint, config: AcceleratorConfig) -> None:
        self._network = checkpoint.network
        self._groups = _groups(self._network.nodes)
        _check_order(self._groups)
        self._constants = Constants(config)
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
        ``logits`` is int32 [labels]. Both have zeros or nothing of use behind them, up to whole vector words.

        Raises
        ------
        ValueError
            If the length is not from 1 to the checkpoint's positions, or does not fit the accelerator; then with the
            field to enlarge.
        """
        positions = self._network.positions
        if not 1 <= length <= positions:
            raise ValueError(f"length must be from 1 to {positions}, not {length!r}")
        plan = Plan.fit(self._constants.config, self._needs, length)
        try:
            return self._write(plan, eager=False)
        except NoRoomError:
            return self._write(plan, eager=True)

    def _write(self, plan: Plan, *, eager: bool) -> Program:
        network, config = self._network, self._constants.config
        kept = {node.name: len(rows) for node, rows in zip(network.nodes, network.kept(plan.length), strict=True)}
        bench = Workbench(self._constants, plan, kept, eager=eager, whole_values=self._whole_values)
        results = _results(network)
        bench.outputs["logits"] = bench.region("int32", (results + -results % config.lanes,))
        bench.inputs["rows"] = bench.region("int16", (plan.length, plan.rows.stride * config.lanes))
        for group in self._groups:
            self._lower(bench, group)
        return bench.builder.finish(
            constants=self._data,
            inputs=bench.inputs,
            outputs=bench.outputs,
            macs=network.macs(plan.length),
            metadata={
                "kind": "bert",
                "length": str(plan.length),
                "array_cycles": str(bench.schedule.array_cycles),
            },
        )

    def _lower(self, bench: Workbench, group: Sequence[Node]) -> None:
        """Write operators that share their blocks of rows."""
        places = [self._places[node.name] for node in group]
        match group:
            case [Embed() as embed, Norm() as norm]:
                lower_embed(bench, embed, norm, places[1])
            case [Attention() as attention]:
                lower_attention(bench, attention, places[0])
            case [Linear(then=Residual()) as linear, Norm() as norm]:
                lower_residual(bench, linear, places[0], norm, places[1])
            case [Linear(then=Table()) as first, Linear(then=Residual()) as second, Norm() as norm]:
                lower_feed_forward(bench, (first, places[0]), (second, places[1]), norm, places[2])
            case [Linear(then=Table(unsigned=False)) as linear]:
                lower_table(bench, linear, places[0])
            case [Linear(then=Sums()) as linear]:
                lower_sums(bench, linear, places[0])
            case _:
                raise ValueError(f"there is no lowering for {' and '.join(node.name for node in group)} in this order")


def _place(constants: Constants, network: Network) -> Iterator[tuple[str, Any]]:
    """Put the constants of all operators into memory, in their order; yield names and addresses."""
    pieces: tuple[int, ...] = ()  # of the codes in front of an operator: those that begin with a whole word
    for node, before in network.walk():
        after = node.widths(before)
        match node:
            case Norm():
                yield node.name, place_norm(constants, node)
                pieces = (after.codes,)
            case Attention():
                yield node.name, place_attention(constants, node)
                pieces = (after.channels // node.heads,) * node.heads
            case Linear():
                yield node.name, place_linear(constants, node, pieces)
                pieces = (after.channels, after.slots) if after.slots else (after.channels,)
            case _:
                yield node.name, None


def _needs(constants: Constants, network: Network, places: Mapping[str, Any]) -> Needs:
    """Return the sizes of the operands: the greatest, if operators differ."""
    norms = [node for node in network.nodes if isinstance(node, Norm)]
    attentions = [node for node in network.nodes if isinstance(node, Attention)]
    widths = [node.value.bias.size // node.heads for node in attentions]
    heads = [head for node in attentions for head in places[node.name].heads]
    middles = [
        places[second.name].matrix.k_tiles
        for first, second in pairwise(network.nodes)
        if isinstance(first, Linear) and isinstance(second, Linear) and isinstance(second.then, Residual)
    ]
    return Needs(
        hidden=network.hidden,
        code_words=max(constants.words(network.hidden + node.slot_channel.size) for node in norms),
        heads=max(node.heads for node in attentions),
        head_words=max(map(constants.words, widths)),
        width=max(widths),
        value_weights=max(panel.rows for head in heads for panel in head.value)
        * max(head.query.k_tiles for head in heads),
        middle_words=max(middles),
    )


def _groups(nodes: Sequence[Node]) -> list[list[Node]]:
    """Put operators together that go through their rows block by block: each with the norm behind it."""
    groups: list[list[Node]] = []
    for node in nodes:
        if isinstance(node, Select):
            continue
        before = groups[-1][-1] if groups else None
        contracts = isinstance(node, Linear) and isinstance(node.then, Residual) and isinstance(before, Linear)
        if groups and (isinstance(node, Norm) or contracts):
            groups[-1].append(node)
        else:
            groups.append([node])
    return groups


def _check_order(groups: Sequence[Sequence[Node]]) -> None:
    """Make sure that each group finds its codes where it takes them from: those of a norm, or what stands as contexts.

    There must be one attention and one feed-forward network or more, for the plan's buffers.
    """
    contexts = False
    for before, group in pairwise([[], *groups]):
        if (isinstance(group[0], Linear) and not isinstance(group[0].then, Table)) is not contexts:
            raise ValueError(f"there is no lowering for {group[0].name} behind {before[-1].name}")
        contexts = not isinstance(group[-1], Norm)
    if not any(isinstance(group[0], Attention) for group in groups):
        raise ValueError("there is no lowering for a network without an Attention")
    if not any(len(group) > 2 for group in groups):
        raise ValueError("there is no lowering for a network without a feed-forward network")


def _results(network: Network) -> int:
    """Sums that leave the device."""
    last = network.last
    assert isinstance(last, Linear), "a checkpoint has been checked"
    return last.bias.size
