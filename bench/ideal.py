"""Cycles that SCALE-Sim gives for the same array and product."""

import numpy as np

from spec.config import AcceleratorConfig

__all__ = ["ideal_cycles"]


def ideal_cycles(config: AcceleratorConfig, m: int, n: int, k: int) -> int:
    """Return the cycles of a weight-stationary array without memory in SCALE-Sim's own count (PyPI ``scalesim``).

    They are the rows of its matrix of output demands: for each tile of weights, ``rows`` cycles to load it, ``m`` to
    stream and ``rows + cols - 2`` to fill and drain the array.

    Raises
    ------
    RuntimeError
        If ``scalesim`` is not installed.
    """
    try:
        from scalesim.compute.systolic_compute_ws import systolic_compute_ws  # noqa: PLC0415  # only for benchmarks
        from scalesim.scale_config import scale_config  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise RuntimeError(f"{error.name} must be installed: pip install -c constraints.txt -e '.[bench]'") from error
    settings = scale_config()
    settings.set_arr_dims(config.rows, config.cols)
    settings.valid_conf_flag = True
    array = systolic_compute_ws()
    operands = {"ifmap": (m, k), "filter": (k, n), "ofmap": (m, n)}
    array.set_params(
        config_obj=settings, **{f"{name}_op_mat": np.zeros(shape, np.int8) for name, shape in operands.items()}
    )
    array.create_ofmap_demand_mat()
    return len(array.ofmap_demand_matrix)
