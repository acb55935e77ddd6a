"""The commands ``ohmprop device list``, ``plot``, ``fit``, ``pulse``, ``glyphs`` and ``energy``."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import Numbers, common
from ohmprop.model.rules import RULES

SCHEME = click.option(
    "--scheme",
    type=click.Choice(("reference", "pair", "one-sided")),
    help="How a weight stands for two conductances [default: the device's own].",
)


@click.group(no_args_is_help=False)
def device() -> None:
    """Memristors: what their pulses do, and what is learnt with them.

    Example: ohmprop device list
    """


@device.command("list")
@common("json")
def list_devices(**options: Any) -> None:
    """Name all devices, with the error of their integer tables.

    Example: ohmprop device list
    """
    from ohmprop.host.cli.device_bodies import run_list

    run_list(**options)


@device.command()
@click.argument("name")
@SCHEME
@click.option("--bits", type=click.IntRange(2, 64), default=8, show_default=True, help="Bits of a weight.")
@click.option("--levels", type=click.IntRange(2), help="Levels of a conductance [default: all that the weight has].")
@common("json", "out")
def plot(**options: Any) -> None:
    """Draw a device's pulse curves, the integer table over the float equation, into --out [default: runs/device].

    Example: ohmprop device plot reram-es
    """
    from ohmprop.host.cli.device_bodies import run_plot

    run_plot(**options)


@device.command()
@click.argument("file", type=click.Path(path_type=Path))
@common("json", "out")
def fit(**options: Any) -> None:
    """Fit the exponential model to measured pulses and draw it over them into --out [default: runs/device].

    FILE has a heading line pulse,up,down and then a line for each number of pulses, from 0 on: the conductance after so
    many pulses up from the lowest, and after so many down from the highest.

    Example: ohmprop device fit measured.csv
    """
    from ohmprop.host.cli.device_bodies import run_fit

    run_fit(**options)


@device.command()
@click.argument("name")
@SCHEME
@click.option("--cell", type=Numbers(), default="1,0", show_default=True,
              help="Row and column of the cell, or matrix, row and column, counted from 0.")  # fmt: skip
@click.option("--count", type=click.IntRange(1), default=500, show_default=True, help="Pulses up, and then down.")
@click.option("--noise/--no-noise", default=True, show_default=True, help="With the device's noise and spread.")
@common("machine", "board", "json", "out")
def pulse(**options: Any) -> None:
    """Give one cell of a board pulses up and then down, and draw its weight after each over the integer table's curve.

    It begins at its lowest conductance and gets its weight back. The picture goes into --out [default: runs/device]. The golden
    machine gets the same pulses, and must agree in each bit. After Ctrl-C what was measured is drawn.

    Example: ohmprop device pulse epiram --scheme pair --cell 7,2
    """
    from ohmprop.host.experiments.pulse_curve import run_pulse

    run_pulse(**options)


@device.command("glyphs")
@click.argument("names", nargs=-1)
@SCHEME
@click.option("--rule", type=click.Choice(list(RULES)), default="ep", show_default=True, help="Learning rule.")
@click.option("--eta-shift", "eta_shifts", type=click.IntRange(0, 15), multiple=True, default=(4, 5, 6, 7, 8, 9),
              show_default=True, help="Rates 2**-N of pulses to try.")  # fmt: skip
@click.option("--pulses", type=click.IntRange(1, 7), default=1, show_default=True, help="Most pulses an update.")
@click.option("--noise/--no-noise", default=True, show_default=True, help="With the device's noise and spread.")
@click.option("--stuck", type=click.FloatRange(0, 0.9), default=0.0, show_default=True,
              help="Share of the cells that stick at an end of their range.")  # fmt: skip
@common("epochs", "seed", "json")
def learn_glyphs(**options: Any) -> None:
    """Learn the glyphs with the golden machine made of each device, all if none is named, and recall corrupted ones.

    The best rate of --eta-shift is chosen with --seed, and told is what a training with the next seed recalls.

    Example: ohmprop device glyphs soft-bounds epiram --scheme pair
    """
    from ohmprop.host.cli.device_bodies import run_glyphs

    run_glyphs(**options)


@device.command()
@click.argument("name")
@click.option("--data", type=click.Choice(("glyphs", "digits")), default="glyphs", show_default=True,
              help="What is learnt, as of study.")  # fmt: skip
@click.option(
    "--set", "fix", metavar="NAME=VALUE", multiple=True, help="A parameter of study, several times if wanted."
)
@click.option("--pulse-pj", type=click.FloatRange(0), help="pJ of a pulse [default: the device's published pulses].")
@click.option("--read-pj", type=click.FloatRange(0),
              help="pJ of reading one weight in one step [default: of 0.5 V for 5 ns at the highest conductance].")  # fmt: skip
@common("seed", "json")
def energy(**options: Any) -> None:
    """Learn once with a device on the golden machine; count pulses and reads of each matrix and estimate their energy.

    It is an estimate of the cells alone. A symmetric pair of weights is one cell, pulsed once and read in both directions.

    Example: ohmprop device energy epiram --set scheme=pair --pulse-pj 20
    """
    from ohmprop.host.experiments.energy import run_energy

    run_energy(**options)
