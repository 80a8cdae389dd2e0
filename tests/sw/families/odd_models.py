"""Settings that no one model has, for each family: BERT's names."""

from typing import Any

__all__ = ["ODD_MODELS"]

ODD_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": (
        "bert",
        {
            "hidden_size": 65,
            "num_attention_heads": 5,
            "num_hidden_layers": 3,
            "num_labels": 3,
            "max_position_embeddings": 130,
            "hidden_act": "gelu_new",
            "type_vocab_size": 3,
        },
    ),
    "distilbert": ("distilbert", {"hidden_act": "relu", "num_labels": 1}),
    "roberta": (
        "roberta",
        {
            "hidden_act": "silu",
            "num_labels": 3,
            "max_position_embeddings": 130,
            "type_vocab_size": 1,
            "pad_token_id": 4,
            "layer_norm_eps": 1e-5,
        },
    ),
    "xlm-roberta": (
        "xlm-roberta",
        {"num_labels": 5, "type_vocab_size": 1, "problem_type": "multi_label_classification"},
    ),
    "electra": ("electra", {"embedding_size": 24, "num_labels": 3, "hidden_act": "gelu_pytorch_tanh"}),
    "electra with wide embeddings": ("electra", {"embedding_size": 43, "num_hidden_layers": 1}),
    "electra without projection": ("electra", {"embedding_size": 32, "hidden_act": "tanh"}),
}
"""Name of a case to family and settings."""
