"""A tiny Hugging Face BERT with random weights, on disk."""

from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification

__all__ = ["tiny_bert"]


def tiny_bert(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """Write a model whose activations are about as large as a trained one's, and return ``folder``.

    Parameters
    ----------
    folder : Path
    seed : int
    **changes
        Entries of ``BertConfig``.
    """
    torch.manual_seed(seed)
    shape = {
        "vocab_size": 60,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 48,
    }
    model = BertForSequenceClassification(BertConfig(**(shape | {"num_labels": 2} | changes)))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("LayerNorm.weight"):
                parameter.uniform_(0.6, 1.4)
            elif name.endswith("weight") and "embeddings" not in name:
                parameter.normal_(0, 1.5 / parameter.shape[1] ** 0.5)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.2)
    model.save_pretrained(folder)
    return folder
