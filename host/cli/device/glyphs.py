"""``ohmprop device glyphs``: learn the glyphs with devices."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.device.options import SCHEME
from ohmprop.host.cli.options import common
from ohmprop.model.rules import BASIC_RULES


@click.command("glyphs")
@click.argument("names", nargs=-1)
@SCHEME
@click.option("--rule", type=click.Choice(BASIC_RULES), default="ep", show_default=True, help="Learning rule.")
@click.option("--eta-shift", "eta_shifts", type=click.IntRange(0, 15), multiple=True, default=(4, 5, 6, 7, 8, 9),
              show_default=True, help="Pulse rates 2**-N to try.")  # fmt: skip
@click.option("--pulses", type=click.IntRange(1, 7), default=1, show_default=True, help="Most pulses per update.")
@click.option("--noise/--no-noise", default=True, show_default=True, help="With the device's noise and spread.")
@click.option("--stuck", type=click.FloatRange(0, 0.9), default=0.0, show_default=True,
              help="Share of cells stuck at an end of their range.")  # fmt: skip
@common("epochs", "seed", "json")
def learn_glyphs(
    names: tuple[str, ...], eta_shifts: tuple[int, ...], seed: int, json_file: Path | None, **options: Any
) -> None:
    """Learn and recall the glyphs with devices.

    Uses the golden machine, and all devices if none is named. The best rate of --eta-shift is chosen with --seed, and a
    training with the next seed is reported.

    Example: ohmprop device glyphs soft-bounds epiram --scheme pair
    """
    from ohmprop.host.experiments.memristor_glyphs import Learning, run_glyphs

    run_glyphs(names, eta_shifts, Learning(**options), seed, json_file)
