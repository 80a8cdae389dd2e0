"""Docstrings begin with what a stranger knows: no pronoun that stands for a name further on."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

_PRONOUN = re.compile(r"(It|Its|This|They|Them|These|Those|He)\b|\w+ (it|them)[.,;]")
"""A subject, or the object of a verb that begins the sentence."""


@pytest.mark.parametrize("folder", ["hw", "gen", "sim", "spec", "host"])
def test_no_docstring_begins_with_a_pronoun(folder: str) -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for file in (ROOT / folder).rglob("*.py"):
        nodes = (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, kinds))
        texts = (ast.get_docstring(node) or "" for node in nodes)
        found += [f"{file}: {text.splitlines()[0]}" for text in texts if _PRONOUN.match(text)]
    assert not found
