"""``ohmprop reproduce``: the table and figures of the paper."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common, pool_of


@click.command()
@click.argument(
    "target", type=click.Choice(("table1", "fig1", "fig2", "fig3", "fig4", "fig5", "family", "conv", "all"))
)
@click.option("--quick", is_flag=True, help="Fewer corrupted images, seeds and points: minutes, not an hour.")
@common("machine")
@click.option("--board", default="golden", show_default=True,
              help="Where table1 is computed as well, if not golden: sim, or a port, as for train.")  # fmt: skip
@click.option("--flip", "flips", type=click.FloatRange(0, 1), multiple=True,
              help="Probability that a pixel is flipped; may be repeated [default: the paper's].")  # fmt: skip
@click.option("--cut", "cuts", type=click.IntRange(0), multiple=True,
              help="With fig2: diagonals cut from the weight matrix; may be repeated [default: 0 to 90].")  # fmt: skip
@common("workers", "cluster", "seed", "json", "report")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/reproduce"), show_default=True,
              help="Folder of the results; what it already holds of the same run is not computed again.")  # fmt: skip
def reproduce(**options: Any) -> None:
    """Reproduce the table and figures of the paper.

    The paper is Zoppo, Marrone, Corinto 2020 (docs/reproduction.md).

    Each target writes a picture, a CSV and a JSON into --out, and with --report one HTML page, which `all`,
    `family` and `conv` always write. Ctrl-C loses nothing: the same command continues. `family` is not of the
    paper: every rule on the machines that learn by it, beside float64, and how well updates follow the exact
    gradient. Nor is `conv`: machines with kernels on MNIST.

    Example: ohmprop reproduce all --quick --out runs/quick
    """
    from ohmprop.host.experiments.reproduce.command import plan_of, run_reproduce

    plan = plan_of(*(options.pop(name) for name in ("machine", "board", "seed", "quick", "flips", "cuts")))
    run_reproduce(plan=plan, pool=pool_of(options), **options)
