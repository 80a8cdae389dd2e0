"""Boards: what their designs take, and how long a review takes on them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from files.loading import loading
from gen.boards.build import REPORT
from gen.boards.command import BUILD
from gen.boards.report import Report
from host.board import FlashImage
from host.driver import Driver
from host.link.client import LinkClient
from sim.board import SimulatedPort
from sim.numpy import ModelDevice
from spec.boards import BOARDS, Board
from spec.program import Program
from sw.apps.model_files import load_model
from sw.cli.json_file import write_json
from sw.lowering import NetworkLowering
from sw.network.checkpoint import Checkpoint
from sw.network.random_checkpoint import random_checkpoint

__all__ = ["RESULTS", "load_boards", "measure_boards"]

RESULTS = Path(__file__).parents[1] / "results" / "boards.json"

_MODEL = Path("minilm-l6-imdb")

_SMALL_BERT = "BERT of two layers, 128 wide, with random weights"
"""What runs on a board of few cells."""

_LENGTHS = {_MODEL.name: (128, 64, 32, 24), _SMALL_BERT: (64, 32, 16)}
"""Tokens of a review: the longest that the board's memories hold."""

_PATIENCE = 20_000_000  # cycles: of a micro core nothing but the number of instructions shows progress


def load_boards(path: Path = RESULTS) -> dict[str, Any]:
    """Return the entries of boards by name; nothing if there is no file."""
    if not path.exists():
        return {}
    with loading(path, "a file of results"):
        return dict(json.loads(path.read_text(encoding="utf-8")).items())


def measure_boards(
    progress: Callable[[str, int, int], None] | None = None, path: Path = RESULTS, build: Path = BUILD
) -> dict[str, Any]:
    """Renew the entries of all boards whose bitstreams have been made; leave the others as they are.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of what has been measured, how many there are by now, and how many there will be.
    path : Path
        The results.
    build : Path
        Folder with a folder for each board, as ``python -m gen --board NAME --build`` leaves it.

    Raises
    ------
    RuntimeError
        If no board has been built, or the simulated board errs.
    """
    built = [board for board in BOARDS.values() if (build / board.name / REPORT).exists()]
    if not built:
        raise RuntimeError("no board has been built; begin with: make bitstream BOARD=NAME")
    entries = load_boards(path)
    for done, board in enumerate(built, start=1):
        report = Report.read(build / board.name / REPORT)
        entries[board.name] = _entry(report) | _review(board)
        write_json(path, dict(sorted(entries.items())))
        if progress:
            progress(board.name, done, len(built))
    return entries


def _entry(report: Report) -> dict[str, Any]:
    core = report.clocks["sync"]
    return {
        "array": report.array,
        "clock_mhz": core.asked_mhz,
        "fmax_mhz": core.fmax_mhz,
        "clocks": {name: asdict(clock) for name, clock in report.clocks.items()},
        **{name: asdict(resource) for name, resource in report.resources.items()},
        "cells": report.cells,
        "seed": report.seed,
    }


def _review(board: Board) -> dict[str, Any]:
    """Classify a text of random tokens on the simulated board; its tokens do not change its cycles."""
    model, length, program = next(_programs(board))
    inputs = {"rows": np.random.default_rng(0).integers(-2000, 2000, program.inputs["rows"].shape, np.int16)}
    port = SimulatedPort(
        board.config,
        chip=board.chip,
        clocks={domain: round(hertz) for domain, hertz in board.clocks.items()},
    )
    # Bytes of a sequence number take time on the line, and so move the run against the memory's refreshes.
    client = LinkClient(port, bus_bytes=board.config.bus_bytes, sequence=0)
    # Over the serial line weights would take minutes of the board's time.
    if board.memory_map:
        stored = FlashImage.of([program], board.memory_map)
        program = stored.place(program)
        image = program.memory_image(inputs)
        port.fill(bytes(stored.where.data_addr) + stored.content)
        for region in program.inputs.values():
            client.write_memory(region.addr, image[region.addr :][: region.nbytes].tobytes())
    else:
        image = program.memory_image(inputs)
        port.fill(image.tobytes())
    driver = Driver(client, "cycles")
    driver.reset(lambda: port.cycles)
    driver.start(program)
    driver.wait(program, lambda: port.cycles, _PATIENCE)
    for region in program.outputs.values():
        whole = -(-region.nbytes // board.config.bus_bytes) * board.config.bus_bytes
        data = np.frombuffer(client.read_memory(region.addr, whole), np.uint8)
        image[region.addr :][: region.nbytes] = data[: region.nbytes]
    expected = ModelDevice(board.config).run(program, inputs).outputs
    if any((expected[name] != value).any() for name, value in program.read_outputs(image).items()):
        raise RuntimeError(f"the simulated {board.name} must equal the integer model")
    if port.violations:
        raise RuntimeError(f"the simulated {board.name} must obey the rules of its memory: {port.violations}")
    cycles = driver.counters()["cycles"]
    return {
        "model": model,
        "tokens": length,
        "macs": program.macs,
        "cycles_per_review": cycles,
        "ms_per_review": round(1e3 * cycles / board.clocks["sync"], 2),
    }


def _programs(board: Board) -> Iterator[tuple[str, int, Program]]:
    """Yield model, tokens and program, the longest first, of those that fit the board."""
    if board.config.core == "micro":
        name, checkpoint = _SMALL_BERT, _small_bert()
    else:
        name, (checkpoint, _) = _MODEL.name, load_model(_MODEL)
    for length in _LENGTHS[name]:
        try:
            yield name, length, NetworkLowering(checkpoint, board.config).lower(length)
        except ValueError:
            continue


def _small_bert() -> Checkpoint:
    positions = max(_LENGTHS[_SMALL_BERT])
    return random_checkpoint(0, layers=2, hidden=128, heads=2, ffn=512, positions=positions, slots=0)
