"""``ohmprop info``: what a board reports about itself."""

import dataclasses
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ohmprop.host.cli.options import common

if TYPE_CHECKING:
    from ohmprop.host.link.board import Board

#: Seconds of recalls over which a virtual board's speed is measured.
SPEED_SECONDS = 2.0


@click.command()
@common("machine", "board", "json")
@click.option("--machine-toml", is_flag=True, help="Only print the machine's TOML, to edit and pass with --machine.")
def info(machine: Path | None, board: str, json_file: Path | None, machine_toml: bool) -> None:
    """Show a board's ID block, settings and counters.

    For a virtual board its speed as well.

    Example: ohmprop info --board /dev/ttyUSB0
    """
    from ohmprop.host.link.board import connect
    from ohmprop.host.run.task import machine_of
    from ohmprop.host.show.console import show
    from ohmprop.host.show.files import check_writable, write_json

    spec = machine_of(machine)
    if machine_toml:
        click.echo(spec.to_toml(), nl=False)
        return
    check_writable(json_file)
    with connect(board, spec) as connected:
        settings, lfsr = connected.read_settings()
        figures: dict[str, Any] = {
            "board": board,
            "identity": dataclasses.asdict(connected.identity),
            "settings": dataclasses.asdict(settings) | {"lfsr": lfsr},
            "counters": dataclasses.asdict(connected.read_counters()),
        }
        if board == "sim":
            figures["board_clocks_per_second"] = _speed(connected)
            figures["measured_over_seconds"] = SPEED_SECONDS
    if json_file:
        write_json(json_file, figures)
    show("The board", figures)


def _speed(board: "Board") -> float:
    """Clocks per second of wall time while recalls follow one another, by the board's counter of all clocks."""
    import numpy as np

    rng = np.random.default_rng(0)
    begin, before = time.monotonic(), board.read_counters().clocks

    spec = board.spec

    def images() -> Iterator[Any]:
        while time.monotonic() - begin < SPEED_SECONDS:
            yield (
                rng.random(spec.neurons) < 0.5 if spec.recurrent else rng.integers(0, 1 << spec.pixel_bits, spec.inputs)
            )

    deque(board.recall_many(images()), maxlen=0)
    return (board.read_counters().clocks - before) / (time.monotonic() - begin)
