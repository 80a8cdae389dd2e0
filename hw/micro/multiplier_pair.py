"""Two products that share a block where there are such."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value, signed

__all__ = ["multiply_pair"]

_BYTE = 8
_PRODUCT = signed(16)
_BOTH_HALVES = {
    "OUTPUT_SELECT": 1,  # the adder's register
    "ADDSUB_UPPERINPUT": 1,  # input C or D
    "ADDSUB_LOWERINPUT": 1,  # the product
    "ADDSUB_CARRYSELECT": 0,
}


def multiply_pair(
    m: Module,
    platform: Any,
    name: str,
    operands: Sequence[Value],
    weights: Sequence[Value],
    extra: Sequence[Value],
    *,
    load: Value,
) -> list[Signal]:
    """Multiply two signed bytes by two others that stay, and add a number that stays, too.

    Latency: 2 cycles. Throughput: two products a cycle.

    Parameters
    ----------
    m : Module
        Where the multipliers go.
    platform : object or None
        What the design is elaborated for. Where its ``family`` is ``"ice40"``, one SB_MAC16 makes both products, and
        keeps weights and numbers.
    name : str
        Suffix of the names of all parts.
    operands, weights, extra : sequence of Value
        Two each: bytes, bytes, and numbers of 16 bits.
    load : Value
        Take weights and numbers.

    Returns
    -------
    list of Signal
        Products plus numbers, signed, 16 bits.
    """
    products = [Signal(_PRODUCT, name=f"product_{name}_{k}", reset_less=True) for k in range(2)]
    if getattr(platform, "family", None) == "ice40":
        _multiply_in_block(m, name, operands, weights, extra, load, products)
        return products
    for k in range(2):
        operand, weight, number = (
            Signal(signed(bits), name=f"{what}_{name}_{k}", reset_less=True)
            for what, bits in (("operand", _BYTE), ("weight", _BYTE), ("extra", _PRODUCT.width))
        )
        m.d.sync += [operand.eq(operands[k]), products[k].eq(operand * weight + number)]
        with m.If(load):
            m.d.sync += [weight.eq(weights[k]), number.eq(extra[k])]
    return products


def _multiply_in_block(
    m: Module,
    name: str,
    operands: Sequence[Value],
    weights: Sequence[Value],
    extra: Sequence[Value],
    load: Value,
    products: list[Signal],
) -> None:
    """The first product is that of the lower half, whose input is D; C is that of the upper half."""
    outputs = Signal(2 * _PRODUCT.width, name=f"products_{name}")
    ports: dict[str, Any] = {"A": Cat(*operands), "B": Cat(*weights), "C": extra[1], "D": extra[0]}
    ports |= {"CE": Const(1), "AHOLD": Const(0)} | {f"{letter}HOLD": ~load for letter in "BCD"}
    for half in ("TOP", "BOT"):
        ports |= {f"{port}{half}": Const(0) for port in ("IRST", "ORST", "OLOAD", "ADDSUB", "OHOLD")}
    ports |= {port: Const(0) for port in ("CI", "ACCUMCI", "SIGNEXTIN")}
    parameters = {f"{half}{key}": value for half in ("TOP", "BOT") for key, value in _BOTH_HALVES.items()}
    parameters |= {f"{letter}_REG": 1 for letter in "ABCD"}
    m.submodules[f"multiplier_{name}"] = Instance(
        "SB_MAC16",
        p_MODE_8x8=1,
        p_A_SIGNED=1,
        p_B_SIGNED=1,
        **{f"p_{key}": value for key, value in parameters.items()},
        i_CLK=ClockSignal(),
        **{f"i_{key}": value for key, value in ports.items()},
        o_O=outputs,
    )
    for k, product in enumerate(products):
        m.d.comb += product.eq(outputs[k * _PRODUCT.width :][: _PRODUCT.width])
