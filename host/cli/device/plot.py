"""``ohmprop device plot``: a device's pulse curves."""

from typing import Any

import click

from ohmprop.host.cli.device.options import NAME, SCHEME
from ohmprop.host.cli.options import common


@click.command()
@NAME
@SCHEME
@click.option("--bits", type=click.IntRange(2, 64), default=8, show_default=True, help="Bits of a weight.")
@click.option("--levels", type=click.IntRange(2), help="Levels of a conductance [default: all that the weight has].")
@common("json", "out")
def plot(**options: Any) -> None:
    """Draw a device's pulse curves.

    Draws the integer table over the float equation, into --out [default: runs/device].

    Example: ohmprop device plot reram-es
    """
    from ohmprop.host.experiments.memristor_tables import run_plot

    run_plot(**options)
