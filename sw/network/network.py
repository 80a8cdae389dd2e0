"""A quantized model as a list of operators."""

from collections.abc import Iterator
from dataclasses import dataclass

from sw.network.arrays import Widths
from sw.network.attention import Attention
from sw.network.embed import Embed
from sw.network.linear import Linear
from sw.network.norm import Norm
from sw.network.pool import Pool
from sw.network.select import Select

__all__ = ["Network", "Node"]

Node = Embed | Norm | Attention | Linear | Select | Pool


@dataclass(frozen=True)
class Network:
    """Operators in their order, the first an :class:`Embed`, each with a name of its own.

    What one leaves, a :class:`sw.network.arrays.Flow`, is what the next one takes.
    """

    nodes: tuple[Node, ...]

    @property
    def embed(self) -> Embed:
        """The first operator."""
        node = self.nodes[0]
        assert isinstance(node, Embed), "a network's shapes have been checked"
        return node

    @property
    def last(self) -> Node:
        """The operator whose results leave the device."""
        return self.nodes[-1]

    @property
    def positions(self) -> int:
        """Most tokens of a text."""
        return len(self.embed.position)

    @property
    def hidden(self) -> int:
        """Columns of the rows."""
        return int(self.embed.word.shape[1])

    def walk(self) -> Iterator[tuple[Node, Widths]]:
        """Yield each operator with the columns of what it takes."""
        widths = Widths(rows=0)
        for node in self.nodes:
            yield node, widths
            widths = node.widths(widths)

    def kept(self, length: int) -> list[range]:
        """Return, for a text of some tokens, the rows of each operator's results that somebody needs.

        All of them; if there is a :class:`Select`, its row alone from the last :class:`Attention` on.
        """
        everything = range(length)
        selects = [node for node in self.nodes if isinstance(node, Select)]
        needed, kept = range(selects[-1].row, selects[-1].row + 1) if selects else everything, []
        for node in reversed(self.nodes):
            kept.append(needed)
            if isinstance(node, Attention):
                needed = everything
        return kept[::-1]

    def macs(self, length: int) -> int:
        """Return the multiply-accumulates of the model: no padding, no slots, no rows that nobody needs."""
        kept = self.kept(length)
        rows = [range(length), *kept]
        return sum(
            node.macs(before, len(came), len(goes))
            for (node, before), came, goes in zip(self.walk(), rows, kept, strict=False)
        )
