"""A multiplier in a block of an ECP5."""

from typing import Any

from amaranth.hdl import ClockSignal, Const, Instance, Module

__all__ = ["multiply_in_dsp"]

_BITS = 18
_REGISTERS = ("INPUTA", "INPUTB", "OUTPUT")


def multiply_in_dsp(m: Module, name: str, operand: Any, weight: Any, product: Any) -> None:
    """Multiply in one MULT18X18D with its input and output registers, which run free.

    Latency: 2 cycles. Throughput: one product a cycle.

    Parameters
    ----------
    m : Module
        Where the block goes.
    name : str
        Suffix of its name.
    operand, weight : Value
        Signed, up to 18 bits.
    product : Signal
        Takes the low bits of the product.
    """
    # Blocks side by side share clock enables and resets, so these are constants.
    ports: dict[str, Any] = {"i_CLK0": ClockSignal(), "i_CE0": Const(1), "i_RST0": Const(0)}
    for letter, value in (("A", operand), ("B", weight)):
        ports |= {f"i_{letter}{i}": value[min(i, len(value) - 1)] for i in range(_BITS)}
        ports |= {f"i_SIGNED{letter}": Const(1), f"i_SOURCE{letter}": Const(0)}
    ports |= {f"o_P{i}": bit for i, bit in enumerate(product)}
    for register in _REGISTERS:
        ports |= {f"p_REG_{register}_CLK": "CLK0", f"p_REG_{register}_CE": "CE0", f"p_REG_{register}_RST": "RST0"}
    m.submodules[f"multiplier_{name}"] = Instance("MULT18X18D", p_GSR="DISABLED", **ports)
