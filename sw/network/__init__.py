"""Quantized models: integers, and what they mean."""
