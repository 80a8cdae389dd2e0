"""The manifest says what the Verilog is."""

import dataclasses
import importlib.metadata
import json
import re

import pytest

from gen.emit.manifest import emit_manifest
from gen.emit.rtlil import emit_rtlil
from gen.emit.verilog import emit_verilog
from spec.isa import ISA_VERSION
from spec.presets import PRESETS
from spec.registers import COUNTERS, REGISTERS

CONFIG = PRESETS["tiny"]


@pytest.fixture(scope="module")
def rtlil():
    return emit_rtlil(CONFIG)


@pytest.fixture(scope="module")
def manifest(rtlil):
    return json.loads(emit_manifest(CONFIG, rtlil))


def test_names_version_and_configuration(manifest):
    assert manifest["generator"] == "systolm"
    assert manifest["version"] == importlib.metadata.version("systolm")
    assert manifest["isa_version"] == ISA_VERSION
    assert manifest["module"] == "systolm"
    assert manifest["config"] == dataclasses.asdict(CONFIG)


def test_lists_the_ports_of_the_verilog(rtlil, manifest):
    top = re.search(r"^module systolm\(.*?^endmodule", emit_verilog(rtlil), re.MULTILINE | re.DOTALL)
    found = {
        name: (direction, int(high or 0) + 1)
        for direction, high, name in re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", top[0], re.MULTILINE)
    }
    assert {port["name"]: (port["direction"], port["width"]) for port in manifest["ports"]} == found
    assert {"clk", "rst", "irq", "s_axil_awaddr", "m_axi_araddr", "m_axi_wdata"} <= found.keys()


def test_lists_registers_and_counters(manifest):
    assert manifest["registers"] == [dataclasses.asdict(register) for register in REGISTERS]
    assert manifest["counters"] == [dataclasses.asdict(counter) for counter in COUNTERS]


def test_lists_the_memories_in_units_of_load(manifest):
    memories = {memory["name"]: (memory["units"], memory["unit_bytes"]) for memory in manifest["memories"]}
    assert memories == {
        "scratchpad": (CONFIG.scratchpad_words, CONFIG.rows),
        "vector": (CONFIG.vector_words, 2 * CONFIG.lanes),
        "param": (CONFIG.param_words, 8 * CONFIG.lanes),
        "table": (CONFIG.tables * 256, 8),
    }


def test_needs_a_top_module():
    with pytest.raises(ValueError, match="rtlil must have a top module"):
        emit_manifest(CONFIG, "module \\other\nend\n")
