"""Names of modules."""

import re
from pathlib import Path

import pytest

from gen.emit.module_name import _KEYWORDS, check_module_name
from gen.flow.yosys import run_yosys


@pytest.mark.parametrize("name", ["systolm", "_", "Module", "a1_", "x" * 200])
def test_any_other_identifier_is_a_name(name: str) -> None:
    check_module_name(name)


@pytest.mark.parametrize("name", ["module", "reg", "wire", "logic", "endmodule", "unique0", "pulsestyle_ondetect"])
def test_a_keyword_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=f"^name must not be a keyword of Verilog, which {name!r} is$"):
        check_module_name(name)


def test_keywords_are_words() -> None:
    assert len(_KEYWORDS) == 248
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", word) for word in _KEYWORDS)


def test_yosys_takes_none_of_its_keywords_for_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_text("module module(); endmodule\n")
    with pytest.raises(RuntimeError, match=r"^Yosys failed: "):
        run_yosys("read_verilog a.v", tmp_path)
