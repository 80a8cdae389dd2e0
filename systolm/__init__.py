"""SystoLM from Python: Verilog of an accelerator, products and models on it."""

from gen.emit.chip import verilog
from spec.config import AcceleratorConfig
from spec.presets import PRESETS
from sw.apps.matmul import matmul
from sw.apps.model import Model, load_model

__all__ = ["PRESETS", "AcceleratorConfig", "Model", "load_model", "matmul", "verilog"]
