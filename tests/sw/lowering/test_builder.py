"""What the builder adds to the instructions that it is given."""

import numpy as np

from spec.config import AcceleratorConfig
from spec.isa import Drain, Gemm, Load, LoadTarget, Sweep, SweepKind
from sw.lowering.builder import LOOKAHEAD, Builder
from sw.lowering.steps import Binding, Resident, Step

CONFIG = AcceleratorConfig(rows=4, cols=4)


def test_parameters_of_a_drain_are_loaded_before_its_gemm_however_much_stands_between() -> None:
    builder = Builder(CONFIG, weights_base=0, ring_words=range(0))
    params = Resident(LoadTarget.PARAM, 0, 1)
    builder.emit(Step(Gemm(m=4, n=4, k_tiles=1, a_stride=1, clear=1, release=1)))
    for _ in range(2 * LOOKAHEAD):
        builder.emit(Step(Sweep(kind=SweepKind.MOMENTS, m=1, n=4, row_length=4)))
    builder.emit(Step(Drain(m=4, n=4, dest_addr=64, dest_stride=1), bindings={"param_addr": Binding(params)}))
    program = builder.finish(constants=np.zeros(64, np.uint8), inputs={}, outputs={}, macs=0, metadata={})
    order = [type(i) for i in program if isinstance(i, Load | Gemm | Drain)]
    assert order == [Load, Gemm, Drain]
