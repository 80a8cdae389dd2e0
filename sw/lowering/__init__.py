"""From models to programs: instructions, constants and memory map for one accelerator."""

from sw.lowering.bert import BertLowering, lower_bert

__all__ = ["BertLowering", "lower_bert"]
