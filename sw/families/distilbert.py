"""DistilBERT: BERT's layers under other names, without token types, and with a head of its own."""

from sw.families.family import Family, HeadMatrix, LayerNames

__all__ = ["DISTILBERT"]

DISTILBERT = Family(
    model_type="distilbert",
    architecture="DistilBertForSequenceClassification",
    encoder="distilbert",
    layers="transformer.layer",
    names=LayerNames(
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        output="attention.out_lin",
        mid_norm="sa_layer_norm",
        ffn1="ffn.lin1",
        ffn2="ffn.lin2",
        last_norm="output_layer_norm",
    ),
    head=(HeadMatrix(source="pre_classifier", then="relu"), HeadMatrix(source="classifier", then="sums")),
    sizes={
        "vocab_size": 30522,
        "hidden_size": 768,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "max_position_embeddings": 512,
    },
    renamed={
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
    },
    epsilon=None,
    unused=("vocab_transform.", "vocab_layer_norm.", "vocab_projector."),
)
