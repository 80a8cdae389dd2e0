"""ELECTRA's discriminator: embeddings of a size of their own, and a head with GELU."""

from sw.families.family import Family, HeadMatrix

__all__ = ["ELECTRA"]

ELECTRA = Family(
    model_type="electra",
    architecture="ElectraForSequenceClassification",
    encoder="electra",
    head=(
        HeadMatrix(source="classifier.dense", then="gelu"),
        HeadMatrix(source="classifier.out_proj", then="sums"),
    ),
    sizes={
        "vocab_size": 30522,
        "embedding_size": 128,
        "hidden_size": 256,
        "num_hidden_layers": 12,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    },
    projection="embeddings_project",
    unused=("discriminator_predictions.", "generator_predictions.", "generator_lm_head."),
)
