"""Small random models of all families, as transformers save them."""

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification

__all__ = ["float_logits", "random_model"]

SHAPE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 48,
}

DISTILBERT = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
}


def random_model(folder: Path, family: str, seed: int = 0, **changes: Any) -> Path:
    """Write a model whose activations are about as large as a trained one's, and return ``folder``.

    Parameters
    ----------
    folder : Path
    family : str
        Its model_type.
    seed : int
    **changes
        Settings by BERT's names.
    """
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    settings = SHAPE | {"num_labels": 2} | changes
    if family == "distilbert":
        settings = {DISTILBERT.get(name, name): value for name, value in settings.items()}
    model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(family, **settings))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.lower().rpartition(".")[0].endswith("norm") and name.endswith("weight"):
                parameter.uniform_(0.6, 1.4)
            elif "token_type_embeddings" in name:
                parameter.normal_(0, 0.01)
            elif name.endswith("weight") and "embeddings." not in name:
                parameter.normal_(0, 1.5 / parameter.shape[1] ** 0.5)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.2)
    model.save_pretrained(folder)
    return folder


def float_logits(folder: Path, ids: list[int], types: list[int] | None = None) -> Any:
    """What transformers say about one text, all of whose tokens count."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    given = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
    if types:
        given["token_type_ids"] = torch.tensor([types])
    with torch.no_grad():
        return model(**given).logits[0].numpy()
