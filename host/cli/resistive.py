"""``ohmprop resistive``: nonlinear resistive networks that learn by equilibrium propagation."""

from collections.abc import Callable
from typing import Any

import click

from ohmprop.host.cli.options import common

#: Data sets that the networks learn.
DATA = ("xor", "iris", "digits")
POSITIVE = click.FloatRange(0, 1, min_open=True)


@click.group(no_args_is_help=False)
def resistive() -> None:
    """Networks of memristors, diodes and amplifiers that learn by their own physics (Kendall et al. 2020).

    Example: ohmprop resistive train --data iris
    """


def _manner(command: Callable[..., None]) -> Callable[..., None]:
    """The options of how a network learns."""
    options: list[Callable[[Any], Any]] = [
        click.option("--data", type=click.Choice(DATA), default="iris", show_default=True, help="What is learnt."),
        click.option("--hidden", type=click.IntRange(1, 512), help="Hidden nodes [default: 6, 10 and 64]."),
        click.option("--epochs", type=click.IntRange(1, 10_000), help="Rounds [default: 100, 20 and 12]."),
        click.option("--rate", type=POSITIVE, help="Learning rate in S^2/V^2 [default: 6e-8; 2e-8 for iris]."),
        click.option(
            "--beta", type=POSITIVE, default=1e-5, show_default=True, help="Siemens of the nudge, of random sign."
        ),
        common("seed", "json"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@resistive.command()
@_manner
@common("out")
def train(**options: Any) -> None:
    """Learn xor, iris or the 8 x 8 digits.

    Says how many patterns are read right, and how near EP's local update is to the loss's true gradient, which the adjoint
    of the circuit gives.

    Example: ohmprop resistive train --data digits --out runs/resistive
    """
    from ohmprop.host.experiments.resistive import Manner, run_train

    json_file, out = options.pop("json_file"), options.pop("out")
    run_train(Manner(**options), json_file, out)


@resistive.command()
@_manner
@click.option("--images", type=click.IntRange(1), default=5, show_default=True, help="Patterns to solve.")
def compare(**options: Any) -> None:
    """Compare who solves the circuit.

    Learns first; then the project's own Newton's method and every SPICE that is installed solve the same patterns, free and
    nudged, and EP's update is compared with the adjoint's gradient.

    Example: ohmprop resistive compare --data xor
    """
    from ohmprop.host.experiments.resistive import Manner, run_compare

    json_file, images = options.pop("json_file"), options.pop("images")
    run_compare(Manner(**options), images, json_file)
