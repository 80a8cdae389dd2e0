"""Area and clock on an ECP5: the array alone, whole chips, and what each of their parts takes."""

import hashlib
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.boards import load_boards
from bench.figure import Figure
from bench.units import UNITS, ports_of
from gen.flow.ecp5 import ECP5, Area, Device
from gen.flow.harness import Harness
from gen.flow.nextpnr import Timing
from gen.flow.synthesis import synthesize
from spec.config import AcceleratorConfig
from spec.presets import PRESETS

__all__ = ["COMMAND", "measure_area", "measure_unit"]

COMMAND = "make bench BENCH=area"

SEEDS = (1, 2, 3)

BUILD = Path("build/area")

_45F, _85F = Device(size="45k", speed=8), Device(size="85k", speed=6)

_45F_MULTIPLIERS = 72

_SMALL = PRESETS["small_8x8"]


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A unit that is synthesized, perhaps part by part, and, with each seed, placed and routed; clocks in MHz."""

    unit: str
    config: AcceleratorConfig
    device: Device
    aim: float
    seeds: tuple[int, ...] = SEEDS
    placer: str = "heap"
    parts: bool = False
    lut_eq: float | None = None
    clock: float | None = None

    @property
    def name(self) -> str:
        """Unit and shape."""
        return f"{self.unit} {self.config.rows}x{self.config.cols}"


def _array(rows: int, cols: int, **more: Any) -> _Case:
    config = AcceleratorConfig(rows=rows, cols=cols, dsp_multipliers=min(rows * cols, _45F_MULTIPLIERS))
    return _Case(unit="array", config=config, device=_45F, aim=250, **more)


# Routing a chip takes ten minutes and more, and larger arrays take long too: those without seeds are counted.
CASES = (
    _array(8, 8, lut_eq=22, clock=200),
    _array(8, 16, seeds=(1, 2)),
    _array(16, 16, seeds=()),
    _Case(unit="chip", config=_SMALL, device=_45F, aim=130, placer="static", clock=120, parts=True),
    _Case(
        unit="chip",
        config=replace(_SMALL, cols=16, scratchpad_kib=48, vector_kib=40),
        device=_45F,
        aim=130,
        seeds=(),
    ),
    _Case(unit="chip", config=PRESETS["ulx3s_85f"], device=_85F, aim=90, seeds=()),
)

# Routed as a board, with everything that it needs there, and not once more without.
BOARD, BOARD_CLOCK = "ulx3s_85f", 80.0

CHIPS = tuple(case.name for case in CASES if case.unit == "chip")


def measure_area(
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Synthesize, place and route everything; what was routed before, from the same netlist, is not routed again.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of what has been measured, how many there are by now, and how many there will be.

    Raises
    ------
    RuntimeError
        If a tool is not installed, or a design does not fit its device.
    """
    chips = [case for case in CASES if case.parts]
    done, total = 0, len(CASES) + sum(len(case.seeds) for case in CASES) + len(chips) * (len(UNITS) - 1)

    def tell(what: str) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(what, done, total)

    rows = [_measure(case, tell) for case in CASES]
    units = []
    for case in chips:
        for unit in (name for name in UNITS if name != "chip"):
            area = _synthesize(unit, case.config)
            units.append({"chip": case.name, "unit": unit, **_area(area)})
            tell(f"{unit} of {case.name}")
    return dict(_figures(rows)), {"rows": rows, "units": units}


def measure_unit(name: str, chips: tuple[str, ...] = CHIPS) -> list[tuple[str, Area]]:
    """Return a unit's area in each of the chips.

    Parameters
    ----------
    name : str
        Of :data:`bench.units.UNITS`.
    chips : tuple of str
        Names of those cases.

    Raises
    ------
    ValueError
        If there is no such unit.
    """
    if name not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, not {name!r}")
    return [(case.name, _synthesize(name, case.config)) for case in CASES if case.name in chips]


def _measure(case: _Case, tell: Callable[[str], None]) -> dict[str, Any]:
    area = _synthesize(case.unit, case.config)
    tell(case.name)
    clocks, wires = {}, {}
    for seed in case.seeds:
        timing = _route(case, seed)
        clocks[str(seed)], wires[str(seed)] = round(timing.fmax, 1), round(100 * timing.wires)
        tell(f"{case.name}, seed {seed}")
    return {
        "name": case.name,
        "device": f"{case.device.size}, speed {case.device.speed}",
        "macs": case.config.macs,
        "dsp_multipliers": min(case.config.macs, case.config.dsp_multipliers),
        **_area(area),
        "fmax": clocks,
        "wires": wires,
        "targets": {"lut_eq": case.lut_eq, "clock": case.clock},
    }


def _figures(rows: list[dict[str, Any]]) -> Iterator[tuple[str, Figure]]:
    for row in rows:
        targets = row["targets"]
        per_mac = round(row["lut_eq"] / row["macs"], 2)
        target = targets["lut_eq"] and f"<= {targets['lut_eq']:g}"
        yield f"{row['name']}, per MAC", Figure(value=per_mac, unit="LUT-eq", command=COMMAND, target=target)
        clocks = list(row["fmax"].values())
        if clocks:
            where = f"{row['name']} on {row['device']}"
            target = targets["clock"] and f">= {targets['clock']:g}"
            median = round(statistics.median(clocks), 1)
            seeds = f"median of {len(clocks)} seeds" if len(clocks) > 1 else "one seed"
            yield f"{where}, {seeds}", Figure(value=median, unit="MHz", command=COMMAND, target=target)
            if len(clocks) > 1:
                yield f"{where}, best", Figure(value=max(clocks), unit="MHz", command=COMMAND)
    board = load_boards().get(BOARD)
    if board:
        command, target = f"make bitstream BOARD={BOARD}", f">= {BOARD_CLOCK:g}"
        name = f"chip {board['array']} with link and SDRAM controller, {BOARD}, one seed"
        yield name, Figure(value=board["fmax_mhz"], unit="MHz", command=command, target=target)


def _area(area: Area) -> dict[str, int]:
    return asdict(area) | {"lut_eq": area.lut_eq}


def _directory(unit: str, config: AcceleratorConfig) -> Path:
    digest = hashlib.sha256(repr(config).encode()).hexdigest()[:8]
    return BUILD / f"{unit}_{config.rows}x{config.cols}_{digest}"


def _synthesize(unit: str, config: AcceleratorConfig) -> Area:
    component = UNITS[unit](config)
    return synthesize(ECP5, component, ports_of(component), _directory(unit, config))


def _route(case: _Case, seed: int) -> Timing:
    """Place and route, unless the same netlist was routed in the same way before."""
    harness = Harness(UNITS[case.unit](case.config))
    directory = _directory(case.unit, case.config) / "harness"
    synthesize(ECP5, harness, ports_of(harness), directory)
    netlist = (directory / "design.json").read_bytes()
    key = hashlib.sha256(netlist + repr((case.device, case.aim, case.placer, seed)).encode()).hexdigest()
    mark = directory / f"routed_{seed}"
    if mark.exists() and mark.read_text() == key:
        return Timing.load(directory, seed)
    timing = ECP5.place_and_route(directory, case.device, seed=seed, target_mhz=case.aim, placer=case.placer)
    mark.write_text(key)
    return timing
