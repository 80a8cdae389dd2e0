"""From a fine-tuned Hugging Face BERT to a :class:`sw.checkpoint.Checkpoint`; only this package needs torch."""

from sw.quantizer.compare import compare
from sw.quantizer.load_tokenizer import load_tokenizer
from sw.quantizer.quantize import quantize

__all__ = ["compare", "load_tokenizer", "quantize"]
