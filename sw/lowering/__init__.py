"""From models to programs: instructions, constants and memory map for one accelerator."""

from sw.lowering.bert import BertLowering, lower_bert
from sw.lowering.matmul import MatmulLowering, lower_matmul

__all__ = ["BertLowering", "MatmulLowering", "lower_bert", "lower_matmul"]
