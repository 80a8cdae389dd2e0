"""What software needs to know about an emitted accelerator, as JSON."""

import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from spec.config import AcceleratorConfig
from spec.isa import ISA_VERSION, LoadTarget
from spec.operands import load_units
from spec.registers import COUNTERS, REGISTERS

__all__ = ["emit_manifest"]

# Not the metadata of an installed package: a clone works without.
_PROJECT = Path(__file__).parents[2] / "pyproject.toml"

_TOP = re.compile(r"^attribute \\top 1\nmodule \\(\S+)\n(.*?)^end\n", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"^  wire width (\d+) (input|output) (\d+) .*\\(\S+)$", re.MULTILINE)


def emit_manifest(config: AcceleratorConfig, rtlil: str) -> str:
    """Describe an accelerator.

    Parameters
    ----------
    config : AcceleratorConfig
        Its configuration.
    rtlil : str
        Its RTLIL, from which the ports are read.

    Returns
    -------
    str
        A JSON object: ``generator``, ``version``, ``isa_version``, ``module``, ``config``, ``ports``, ``registers``,
        ``counters`` and ``memories``. Sizes are in bytes and bits as their names say.
    """
    module, ports = _module_and_ports(rtlil)
    document = {
        "generator": "systolm",
        "version": tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"],
        "isa_version": ISA_VERSION,
        "module": module,
        "config": dataclasses.asdict(config),
        "ports": ports,
        "registers": [dataclasses.asdict(register) for register in REGISTERS],
        "counters": [dataclasses.asdict(counter) for counter in COUNTERS],
        "memories": _memories(config),
    }
    return json.dumps(document, indent=2) + "\n"


def _module_and_ports(rtlil: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the name of the top module, and its ports in order."""
    found = _TOP.search(rtlil)
    if found is None:
        raise ValueError("rtlil must have a top module")
    name, body = found.groups()
    ports = sorted(_PORT.findall(body), key=lambda port: int(port[2]))
    return name, [
        {"name": port, "direction": direction, "width": int(width)} for width, direction, _place, port in ports
    ]


def _memories(config: AcceleratorConfig) -> list[dict[str, Any]]:
    """Return the on-chip memories that a LOAD fills, with the unit in which it addresses them."""
    memories = (LoadTarget.SCRATCHPAD, LoadTarget.VECTOR, LoadTarget.PARAM, LoadTarget.TABLE)
    return [
        {"name": target.name.lower(), "load_target": int(target), "units": units, "unit_bytes": unit_bytes}
        for target in memories
        for units, unit_bytes in (load_units(config, target),)
    ]
