"""A component between two shift registers, so that it needs four pins."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Harness"]


class Harness(wiring.Component):
    """A frame that feeds the inputs of a component from a shift register, and folds its outputs into another.

    A component with more signals than the device has pins can so be placed and routed with its clock on the device's
    clock network. Every path of the component begins and ends in a register.

    Parameters
    ----------
    component : wiring.Component

    Members
    -------
    serial_in : In(1)
    serial_out : Out(1)
    """

    serial_in: Signal
    serial_out: Signal

    def __init__(self, component: wiring.Component) -> None:
        self._component = component
        super().__init__({"serial_in": In(1), "serial_out": Out(1)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.component = component = self._component
        inputs: list[Value] = []
        outputs: list[Value] = []
        for _, member, value in component.signature.flatten(component):
            (inputs if member.flow == In else outputs).append(Value.cast(value))

        width_in, width_out = (sum(len(value) for value in values) for values in (inputs, outputs))
        shifted, folded = (
            Signal(width, name=name, reset_less=True) for width, name in ((width_in, "in"), (width_out, "out"))
        )
        m.d.sync += [shifted.eq(Cat(self.serial_in, shifted)), folded.eq(Cat(outputs) ^ Cat(0, folded))]
        place = 0
        for value in inputs:
            m.d.comb += value.eq(shifted[place : place + len(value)])
            place += len(value)
        m.d.comb += self.serial_out.eq(folded[-1])
        return m
