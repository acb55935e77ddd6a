"""``ohmprop device fit``: a device from measured pulses."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@common("json", "out")
def fit(**options: Any) -> None:
    """Fit the exponential model to measured pulses.

    Draws both into --out [default: runs/device].

    FILE is a table with the columns pulse, up and down and a line for each number of pulses, from 0 on: the conductance after
    that many pulses up from the lowest, and after that many down from the highest. Commas, semicolons, tabs or spaces separate
    its columns; lines that begin with # are skipped. What --json writes is a device for train, study and the other commands.

    \b
    Example: ohmprop device fit measured.csv --json mine.json
             ohmprop train --device mine.json
    """
    from ohmprop.host.experiments.fit import run_fit

    run_fit(**options)
