"""RoBERTa, and XLM-RoBERTa, which has its layout: positions behind the padding's, and no pooler."""

from dataclasses import replace

from sw.families.family import Family, HeadMatrix

__all__ = ["ROBERTA", "XLM_ROBERTA"]

ROBERTA = Family(
    model_type="roberta",
    architecture="RobertaForSequenceClassification",
    encoder="roberta",
    head=(
        HeadMatrix(source="classifier.dense", then="tanh"),
        HeadMatrix(source="classifier.out_proj", then="sums"),
    ),
    sizes={
        "vocab_size": 50265,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    },
    padding=1,
    positions_after_padding=True,
    unused=("lm_head.", "roberta.pooler."),
)

XLM_ROBERTA = replace(
    ROBERTA,
    model_type="xlm-roberta",
    architecture="XLMRobertaForSequenceClassification",
    sizes={**ROBERTA.sizes, "vocab_size": 30522},
)
