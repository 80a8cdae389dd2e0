"""How the default model was made: fine-tune adapters, merge them, quantize, evaluate; needs torch."""
