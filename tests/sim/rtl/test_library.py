"""Building a simulator of any design: what is computed, and what is refused."""

import ctypes
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gen.emit.rtlil import emit_component
from sim.rtl import library
from sim.rtl.design import Design
from sim.rtl.harness import Harness

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("clang++", "g++"))), reason="there is no C++ compiler")

HARNESS = """
#include "ports.h"

extern "C" __attribute__((visibility("default"))) uint32_t evaluate(uint32_t i) {
    cxxrtl_design::p_systolm top;
    drive(top.p_i, i);
    top.eval();
    return low(top.p_o);
}
"""


class Bits(wiring.Component):
    """Any three bits of ``o`` from a bit ``i``."""

    i: In(1)  # type: ignore[valid-type]
    o: Out(3)  # type: ignore[valid-type]

    def __init__(self, make: Callable[[Module, Any], Any]) -> None:
        super().__init__()
        self._make = make

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.d.comb += self.o.eq(self._make(m, self.i))
        return m


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Callable[[int], int]]:
    """Returns what builds a simulator: a function from ``i`` to ``o``."""
    monkeypatch.setattr(library, "_CACHE", tmp_path / "cache")
    harness = tmp_path / "harness.cpp"
    harness.write_text(HARNESS)

    def made(make: Callable[[Module, Any], Any]) -> Callable[[int], int]:
        bits = Bits(make)
        ports = {"i": (bits.i, None), "o": (bits.o, None)}
        design = Design(key="", emit=lambda: emit_component(bits, ports), harness=Harness(source=harness))
        evaluate: Callable[[int], int] = ctypes.CDLL(str(library.build_library(design))).evaluate
        return evaluate

    return made


def test_parts_of_a_signal_that_nothing_drives_keep_their_values(build: Any) -> None:
    def middle(m: Module, i: Any) -> Any:
        signal = Signal(3, init=0b101)
        m.d.comb += signal[1].eq(i)
        return signal

    evaluate = build(middle)
    assert [evaluate(i) for i in (0, 1)] == [0b101, 0b111]


def test_parts_of_a_signal_that_depend_on_others_are_refused(build: Any) -> None:
    def chain(m: Module, i: Any) -> Any:
        signal = Signal(3)
        m.d.comb += [signal[0].eq(i), signal[1].eq(~signal[0]), signal[2].eq(~signal[1])]
        return Cat(signal)

    with pytest.raises(RuntimeError, match=r"^no signal may depend on itself, not even one field on another: \S"):
        build(chain)


def test_folders_of_killed_builds_are_removed(build: Callable[[Any], Callable[[int], int]], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    abandoned, busy = cache / "library-0123.abcdefgh", cache / "library-4567.abcdefgh"
    for folder in (abandoned, busy):
        (folder / "made").mkdir(parents=True)
    with library._locked(cache / "library-4567.lock"):
        assert build(lambda _m, i: Cat(i, i, i))(1) == 7
        assert busy.is_dir()
    assert not abandoned.exists()
    assert not [path for path in cache.iterdir() if "." in path.stem and path != busy]


def test_code_that_a_design_depends_on_is_in_its_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "_ROOT", tmp_path)
    own = tmp_path / "own"
    design = Design(key="", emit=str, harness=Harness(source=tmp_path / "none.cpp"), code=(own,))
    keys = [library._design_key(design)]
    for folder in ("spec", "hw/core/post", "gen/emit", "own"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "part.py").write_text(folder)
        keys.append(library._design_key(design))
    (own / "part.cpp").write_text("not in the key")
    assert len({*keys, library._design_key(design)}) == len(keys) == 5


def test_headers_are_in_the_key_of_a_library(tmp_path: Path) -> None:
    source = tmp_path / "harness.cpp"
    source.write_text("")
    headers: list[dict[str, str]] = [{}, {"a.h": "1"}, {"a.h": "2"}, {"b.h": "2"}]
    designs = [Design(key="", emit=str, harness=Harness(source=source, headers=each)) for each in headers]
    assert len({library._library_key("", design) for design in designs}) == 4
