"""What is said of long work."""

import pytest

from cli import steps as module
from cli.steps import Steps


def test_a_line_for_each_step_and_one_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Steps("chip [2]") as steps:
        steps("first")
        steps("second")
        steps.done("wrote it")
    out, error = capsys.readouterr()
    assert not out
    *begun, done = error.splitlines()
    assert begun == ["chip [2]: first", "chip [2]: second"]
    assert done.startswith("wrote it in ") and done.endswith(" s")


def test_long_steps_are_said_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MINUTE", 0.01)
    with Steps("chip") as steps:
        steps("only")
        while "chip: only, " not in capsys.readouterr().err:
            pass


def test_a_terminal_shows_the_step_and_keeps_only_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Steps("chip") as steps:
        steps("first")
        steps("second")
        steps.done("wrote it")
    error = capsys.readouterr().err
    assert "chip: second" in error
    assert "wrote it in " in error
