"""Splitting a design's C++ keeps every statement, in order."""

import re

from sim.rtl.split import split_eval

HEADER = "struct p_systolm {\n\twire<4> p_x;\n\tvoid reset() override;\n};\n"
SOURCE = """#include "design.h"

namespace cxxrtl_design {

void p_systolm::reset() {
}

bool p_systolm::eval(performer *performer) {
\tbool converged = true;
\tbool posedge_p_clk = this->posedge_p_clk();
\t// a comment
\tvalue<4> p_local;
\tvalue<4> p_early;
\tp_early = p_x.curr;
\tp_local = p_early;
\tp_x.next = p_local;
\tif (posedge_p_clk) {
\t\tp_y.next = p_early;
\t}
\treturn converged;
}

} // namespace cxxrtl_design
"""


def split(pieces):
    return split_eval(SOURCE, HEADER, pieces)


def test_one_piece_keeps_its_variables():
    (rest, piece), header = split(1)
    assert "eval_0(posedge_p_clk);" in rest
    assert "value<4> p_local;" in piece and "value<4> p_early;" in piece
    assert header == HEADER.replace("\tvoid reset", "\tvoid eval_0(bool posedge_p_clk);\n\tvoid reset")


def test_variables_of_several_pieces_become_members():
    (_, *pieces), header = split(4)
    assert len(pieces) > 1
    assert "\tvalue<4> shared_p_early;\n" in header
    assert not any(re.search(r"\bp_early\b", piece) for piece in pieces)


def test_statements_stay_in_order():
    for count in range(1, 6):
        (rest, *pieces), _ = split(count)
        code = "".join(pieces).replace("shared_", "")
        places = [code.index(text) for text in ("p_early = p_x", "p_local = p_early", "p_x.next", "if (posedge", "p_y")]
        assert places == sorted(places)
        calls = re.findall(r"eval_(\d)\(posedge_p_clk\);", rest)
        assert calls == [str(i) for i in range(len(pieces))]


def test_every_clock_edge_is_passed_on():
    edge = "\tbool posedge_p_clk = this->posedge_p_clk();\n"
    source = SOURCE.replace(edge, edge + edge.replace("p_clk", "p_fast__clk"))
    (rest, *pieces), header = split_eval(source, HEADER, 3)
    assert rest.count("(posedge_p_clk, posedge_p_fast__clk);") == len(pieces)
    assert header.count("(bool posedge_p_clk, bool posedge_p_fast__clk);") == len(pieces)
    assert all("(bool posedge_p_clk, bool posedge_p_fast__clk) {" in piece for piece in pieces)
    assert not any("this->" in piece for piece in pieces)
