"""From a fine-tuned Hugging Face BERT to a :class:`sw.network.checkpoint.Checkpoint`."""

from sw.quantizer.quantize import quantize

__all__ = ["quantize"]
