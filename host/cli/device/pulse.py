"""``ohmprop device pulse``: pulses on one cell of a board."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.device.options import NAME, SCHEME
from ohmprop.host.cli.options import Numbers, common


@click.command()
@NAME
@SCHEME
@click.option("--cell", type=Numbers(), default="1,0", show_default=True,
              help="Row and column of the cell, or matrix, row and column, counted from 0.")  # fmt: skip
@click.option("--count", type=click.IntRange(1), default=500, show_default=True, help="Pulses up, and then down.")
@click.option("--noise/--no-noise", default=True, show_default=True, help="With the device's noise and spread.")
@common("machine", "board", "json", "out")
def pulse(machine: Path | None, board: str, json_file: Path | None, out: Path | None, **options: Any) -> None:
    """Measure a cell of a board, pulse by pulse.

    Gives it pulses up and then down, and draws its weight after each over the integer table's curve.

    It begins at its lowest conductance and gets its weight back. The picture goes into --out [default: runs/device]. The golden
    machine gets the same pulses, and must agree in each bit. After Ctrl-C what was measured is drawn.

    Example: ohmprop device pulse epiram --scheme pair --cell 7,2
    """
    from ohmprop.host.experiments.pulse_curve import Pulsing, run_pulse

    run_pulse(Pulsing(**options), machine, board, json_file, out)
