"""Two products that share a block where there are such."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value, signed

__all__ = ["multiply_pair"]

_BYTE = 8
_PRODUCT = signed(16)
_HALF = {"UPPERINPUT": 1, "LOWERINPUT": 1, "CARRYSELECT": 0}  # the byte's product and the input C or D, without carry
_REGISTERED = 1


def multiply_pair(
    m: Module, platform: Any, name: str, operands: Sequence[Value], weights: Sequence[Value]
) -> list[Signal]:
    """Multiply one or two signed 9-bit operands by signed 8-bit weights.

    Latency: 1 cycle. Throughput: one product each a cycle.

    Parameters
    ----------
    m : Module
        Where the multipliers go.
    platform : object or None
        What the design is elaborated for. Where its ``family`` is ``"ice40"``, one SB_MAC16 makes both products.
    name : str
        Suffix of the names of all parts.
    operands, weights : sequence of Value
        The factors; operands from -128 to 255.

    Returns
    -------
    list of Signal
        The products, signed, 16 bits.
    """
    products = [Signal(_PRODUCT, name=f"product_{name}_{k}", reset_less=True) for k in range(len(operands))]
    if getattr(platform, "family", None) == "ice40":
        _multiply_in_block(m, name, operands, weights, products)
    else:
        m.d.sync += [
            product.eq(operand * weight) for product, operand, weight in zip(products, operands, weights, strict=True)
        ]
    return products


def _multiply_in_block(
    m: Module, name: str, operands: Sequence[Value], weights: Sequence[Value], products: list[Signal]
) -> None:
    """Bytes of the operands are taken as signed, and the block's adders put right those that are not.

    An operand of 128 or more is its byte plus 256, so that its product lacks 256 times the weight.
    """
    outputs = Signal(2 * _PRODUCT.width, name=f"products_{name}")
    missing = [
        Cat(Const(0, _BYTE), weight & (operand[_BYTE - 1] & ~operand[_BYTE]).replicate(_BYTE))
        for operand, weight in zip(operands, weights, strict=True)
    ]
    pad = 2 - len(operands)
    ports: dict[str, Any] = {
        "A": Cat(*(operand[:_BYTE] for operand in operands), Const(0, pad * _BYTE)),
        "B": Cat(*weights, Const(0, pad * _BYTE)),
        "D": missing[0],
        "C": missing[-1],
        "CE": Const(1),
    }
    for letter in "ABCD":
        ports[f"{letter}HOLD"] = Const(0)
    for half in ("TOP", "BOT"):
        ports |= {f"{port}{half}": Const(0) for port in ("IRST", "ORST", "OLOAD", "ADDSUB", "OHOLD")}
    ports |= {port: Const(0) for port in ("CI", "ACCUMCI", "SIGNEXTIN")}
    parameters = {f"{half}ADDSUB_{key}": value for half in ("TOP", "BOT") for key, value in _HALF.items()}
    parameters |= {f"{half}OUTPUT_SELECT": _REGISTERED for half in ("TOP", "BOT")}
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
