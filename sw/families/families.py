"""All families by their model_type."""

from sw.families.bert import BERT
from sw.families.distilbert import DISTILBERT
from sw.families.electra import ELECTRA
from sw.families.roberta import ROBERTA, XLM_ROBERTA

__all__ = ["FAMILIES"]

FAMILIES = {family.model_type: family for family in (BERT, DISTILBERT, ROBERTA, XLM_ROBERTA, ELECTRA)}
