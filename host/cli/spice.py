"""``ohmprop spice``: a trained machine as a circuit."""

from pathlib import Path
from typing import Any

import click

from ohmprop.analog.engines import ENGINES
from ohmprop.host.cli.options import common

_LOAD = click.option("--load", type=click.Path(path_type=Path), required=True, help="What `train --save` wrote.")
_MACHINE = click.option("--machine", type=click.Path(path_type=Path),
                        help="The machine's TOML file, for its table [analog] [default: the usual one].")  # fmt: skip
_DATA = click.option("--data", help="Patterns, or the data set of a layered machine [default: what was learnt].")
_IMAGE = click.option("--image", type=click.IntRange(0), default=0, show_default=True,
                      help="Which one: learnt patterns from 0 on, then corrupted ones; test images of a data set.")  # fmt: skip
_ENGINE = click.option("--engine", "engine_name", type=click.Choice(list(ENGINES)),
                       help="What solves the circuit; equations are the project's own solution without SPICE [default: neospice, "
                       "else ngspice].")  # fmt: skip


@click.group(no_args_is_help=False)
def spice() -> None:
    """A trained machine as a circuit: its netlist, and how it settles.

    Example: ohmprop spice compare --load mine.npz
    """


@spice.command()
@_LOAD
@_MACHINE
@_DATA
@_IMAGE
@click.option("--nudged", is_flag=True, help="The nudged phase, which begins where the free one ends.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("machine.cir"), show_default=True,
              help="The netlist's file.")  # fmt: skip
def export(**options: Any) -> None:
    """Write the SPICE netlist of one pattern.

    The text is the same on every computer. ngspice and neospice run it; other simulators with B sources are untried.

    Example: ohmprop spice export --load mine.npz --image 3 --out mine.cir
    """
    from ohmprop.host.experiments.circuits import run_export

    run_export(**options)


@spice.command()
@_LOAD
@_MACHINE
@_DATA
@_IMAGE
@_ENGINE
@common("json", "out")
def run(**options: Any) -> None:
    """Solve one pattern's circuit.

    Both phases: where the neurons settle, and after how many RC; --out gets the waveforms as a picture.

    Example: ohmprop spice run --load mine.npz --image 3 --engine ngspice --out runs/circuit
    """
    from ohmprop.host.experiments.circuits import run_circuit

    run_circuit(**options)


@spice.command()
@_LOAD
@_MACHINE
@_DATA
@click.option(
    "--images", "count", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Images to compare."
)
@click.option("--flip", type=click.FloatRange(0, 1), default=0.10, show_default=True,
              help="Probability that a pixel is flipped in patterns after the first round.")  # fmt: skip
@common("seed")
@_ENGINE
@common("json", "out")
def compare(**options: Any) -> None:
    """Compare machine, float64 and circuit.

    Over the same images and weights: by how many LSBs they differ, in how many neurons' signs they agree, by how much the
    machine violates Kirchhoff's law, and its Euler steps against the time in RC in which the circuit settles. Images of which
    the three end at different fixed points are counted apart. --out gets the waveforms over the Euler steps.

    Example: ohmprop spice compare --load mine.npz --images 100 --out runs/circuit
    """
    from ohmprop.host.experiments.circuits import Sample, run_compare

    sample = Sample(*(options.pop(name) for name in ("count", "flip", "seed")))
    run_compare(sample=sample, **options)
