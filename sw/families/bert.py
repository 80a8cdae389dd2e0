"""BERT, and what has its layout, such as MiniLM."""

from sw.families.family import Family, HeadMatrix

__all__ = ["BERT"]

BERT = Family(
    model_type="bert",
    architecture="BertForSequenceClassification",
    encoder="bert",
    head=(HeadMatrix(source="bert.pooler.dense", then="tanh"), HeadMatrix(source="classifier", then="sums")),
    sizes={
        "vocab_size": 30522,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    },
    unused=("cls.",),
)
