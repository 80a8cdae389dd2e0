"""The Members section of every component's docstring names its ports and their directions."""

import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from amaranth.hdl import Fragment, IOPort
from amaranth.lib import wiring

from gen.flow.harness import Harness
from hw.boards.ecp5_pll import Ecp5Pll
from hw.boards.ice40_pll import Ice40Pll
from hw.core.array.systolic_array import SystolicArray
from hw.flash.pads import FlashPads
from sim.board.flash_board import FlashBoard
from sim.board.port import SMALL_FLASH, SMALL_SDRAM
from sim.board.sdram_board import SdramBoard
from spec.config import AcceleratorConfig
from spec.presets import PRESETS

Ports = dict[str, str]

FOLDERS = ("hw", "gen", "sim")

_ENTRY = re.compile(r"([\w, ]+) : (In|Out)\b")


def components() -> Iterator[type]:
    """Yield all classes of components in the project but for those that others derive from."""
    for folder in FOLDERS:
        for info in pkgutil.walk_packages([folder], f"{folder}."):
            if info.name.endswith("__main__"):
                continue
            module = importlib.import_module(info.name)
            for value in vars(module).values():
                own = inspect.isclass(value) and value.__module__ == info.name
                if own and issubclass(value, wiring.Component) and not value.__subclasses__():
                    yield value


def documented(component: type) -> Ports:
    """Return the ports that a class, or the one it derives from, documents."""
    for cls in component.__mro__:
        _, found, section = (inspect.cleandoc(cls.__doc__ or "")).partition("\nMembers\n-------\n")
        if found:
            lines = re.split(r"\n\n?\w+\n---", section)[0].splitlines()
            entries = (entry for line in lines if not line.startswith(" ") for entry in _ENTRY.findall(line))
            return {name: flow for names, flow in entries for name in re.findall(r"\w+", names)}
    return {}


@pytest.fixture(scope="module")
def made() -> dict[type, Ports]:
    """Return the ports of all components of some designs, by class; of instances that differ, together."""
    ports: dict[type, Ports] = defaultdict(dict)
    original = wiring.Component.__init__

    def watched(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        ports[type(self)] |= {name: member.flow.name for name, member in self.signature.members.items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring.Component, "__init__", watched)
        for design in designs():
            Fragment.get(design, None)
    return ports


def designs() -> Iterator[Any]:
    """Yield designs with components of all classes."""
    yield SdramBoard(PRESETS["tiny"], SMALL_SDRAM, clocks={"sync": 50e6, "sdram": 100e6}, baud=5e6)
    yield FlashBoard(PRESETS["icebreaker"], SMALL_FLASH, clocks={"sync": 24e6}, baud=3e6)
    yield Ecp5Pll(25e6, (80e6, 120e6))
    yield Ice40Pll(IOPort(1, name="clk"), 12e6, 24e6)
    yield FlashPads(IOPort(1, name="cs_n"), IOPort(1, name="sck"), IOPort(4, name="io"))
    yield Harness(SystolicArray(AcceleratorConfig(rows=2, cols=2, dsp_multipliers=1)))


@pytest.mark.parametrize("component", list(components()), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_members_are_the_ports(component: type, made: dict[type, Ports]) -> None:
    assert documented(component) == made[component]
