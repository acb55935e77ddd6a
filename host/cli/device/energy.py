"""``ohmprop device energy``: pulses, reads and energy of a training."""

from typing import Any

import click

from ohmprop.host.cli.device.options import NAME
from ohmprop.host.cli.options import common


@click.command()
@NAME
@click.option("--data", type=click.Choice(("glyphs", "digits")), default="glyphs", show_default=True,
              help="What is learnt, as for study.")  # fmt: skip
@click.option("--set", "fix", metavar="NAME=VALUE", multiple=True, help="A parameter of study; may be repeated.")
@click.option("--pulse-pj", type=click.FloatRange(0), help="pJ of a pulse [default: the device's published pulses].")
@click.option("--read-pj", type=click.FloatRange(0),
              help="pJ of reading one weight in one step [default: of 0.5 V for 5 ns at the highest conductance].")  # fmt: skip
@common("seed", "json")
def energy(**options: Any) -> None:
    """Estimate the energy of a training with a device.

    Learns once on the golden machine and counts the pulses and reads of each matrix. It is an estimate of the cells
    alone. A symmetric pair of weights is one cell, pulsed once and read in both directions.

    Example: ohmprop device energy epiram --set scheme=pair --pulse-pj 20
    """
    from ohmprop.host.experiments.energy import run_energy

    run_energy(**options)
