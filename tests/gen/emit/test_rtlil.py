"""RTLIL of components without the zeros of memories."""

import threading

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib.memory import Memory

from gen.emit.rtlil import emit_component

PATIENCE = 0.3


class Read(Elaboratable):
    """A memory; while it is elaborated it waits, if it is told to."""

    def __init__(self, init=(), begun=None, goes_on=None):
        self.o, self._init, self._begun, self._goes_on = Signal(8), init, begun, goes_on

    def elaborate(self, _platform):
        if self._begun:
            self._begun.set()
            self._goes_on.wait(PATIENCE)
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=4, init=self._init)
        m.d.comb += self.o.eq(memory.read_port().data)
        return m

    def emit(self):
        return emit_component(self, {"o": (self.o, None)})


def test_only_contents_that_are_not_zero_are_emitted():
    assert "meminit" not in Read().emit()
    assert "meminit" in Read([0, 0, 1]).emit()


def test_amaranth_is_as_before_after_calls_that_overlap():
    emit_memory, expected = rtlil.ModuleEmitter.emit_memory, Read().emit()
    first, second, texts = threading.Event(), threading.Event(), []
    # The first waits for the second to begin, and the second for the first to end, which both do in vain if they may
    # not overlap.
    one = threading.Thread(target=lambda: (texts.append(Read((), first, second).emit()), second.set()))
    other = threading.Thread(target=lambda: (first.wait(), texts.append(Read((), second, threading.Event()).emit())))
    for thread in (one, other):
        thread.start()
    for thread in (one, other):
        thread.join()
    assert texts == [expected, expected]
    assert rtlil.ModuleEmitter.emit_memory is emit_memory
