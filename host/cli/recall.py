"""``ohmprop recall``: recall corrupted patterns."""

from typing import Any

import click

from ohmprop.host.cli.options import common


@click.command()
@common("machine", "board", "patterns", "seed", "load", "json", "out")
@click.option(
    "--flip",
    "flips",
    type=click.FloatRange(0, 1),
    multiple=True,
    default=(0.10, 0.15, 0.20, 0.25),
    show_default=True,
    help="Probability that a pixel is flipped; may be repeated.",
)
@click.option("--images", type=click.IntRange(1, 100_000), default=25, show_default=True,
              help="Corrupted images per pattern and probability.")  # fmt: skip
def recall(**options: Any) -> None:
    """Recall corrupted patterns with saved weights.

    Without --load these are the weights that the board holds.

    Example: ohmprop recall --load mine.npz --board golden --flip 0.1 --images 200
    """
    from ohmprop.host.experiments.recalling import Noise, run_recall

    noise = Noise(*(options.pop(name) for name in ("flips", "images", "seed")))
    run_recall(noise=noise, **options)
