"""What the kinds of encoders call their settings and weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sw.families.real import Then

__all__ = ["Family", "HeadMatrix", "LayerNames"]


@dataclass(frozen=True, kw_only=True)
class LayerNames:
    """Names of a layer's weights, behind the layer's own; by default BERT's."""

    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    output: str = "attention.output.dense"
    mid_norm: str = "attention.output.LayerNorm"
    ffn1: str = "intermediate.dense"
    ffn2: str = "output.dense"
    last_norm: str = "output.LayerNorm"


@dataclass(frozen=True, kw_only=True)
class HeadMatrix:
    """A matrix behind the encoder: the name of its weights, and what becomes of its results."""

    source: str
    then: Then


@dataclass(frozen=True, kw_only=True)
class Family:
    """A ``model_type`` of transformers, as far as it differs from others; what is not said is as BERT has it.

    Parameters
    ----------
    model_type : str
        In ``config.json``.
    architecture : str
        The class with a head that is taken.
    encoder : str
        First part of the names of the encoder's weights.
    layers : str
        Second part of those of the layers.
    names : LayerNames
    head : tuple of HeadMatrix
        They multiply the first row, one behind the other.
    sizes : mapping of str to int
        Settings that are whole numbers, by BERT's names, and what they are where a ``config.json`` does not say.
    renamed : mapping of str to str
        Names of settings other than BERT's.
    epsilon : str, optional
        Setting of the norms; without, they have the usual one.
    padding : int
        Token that pads, where a ``config.json`` does not say.
    positions_after_padding : bool
        The first token has the position behind the padding token's id.
    projection : str, optional
        Weights, in the encoder, of a matrix between embeddings and layers, which is there if the embeddings have a size
        of their own.
    unused : tuple of str
        How names begin of weights that may be there without a use.
    """

    model_type: str
    architecture: str
    encoder: str
    layers: str = "encoder.layer"
    names: LayerNames = field(default_factory=LayerNames)
    head: tuple[HeadMatrix, ...]
    sizes: Mapping[str, int]
    renamed: Mapping[str, str] = field(default_factory=dict)
    epsilon: str | None = "layer_norm_eps"
    padding: int = 0
    positions_after_padding: bool = False
    projection: str | None = None
    unused: tuple[str, ...]

    def setting(self, name: str) -> str:
        """Return what the family calls a setting of BERT's."""
        return self.renamed.get(name, name)
