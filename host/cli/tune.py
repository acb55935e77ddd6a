"""``ohmprop tune``: a search for settings at which a machine learns your images."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import DATA, common, image_source, pool_of


@click.command()
@common("machine", *DATA)
@click.option("--epochs", type=click.IntRange(1, 1000), default=6, show_default=True,
              help="Rounds through the images that the machine is to learn in.")  # fmt: skip
@click.option("--settings-only", is_flag=True,
              help="Change run-time settings alone, so that a board that is built keeps its bitstream.")  # fmt: skip
@common("workers")
@common("seed")
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    help="Write the best machine to this TOML file [default: tuned.toml in --out].",
)
@common("json")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/tune"), show_default=True,
              help="Folder of the results; what it already holds of the same search is not computed again.")  # fmt: skip
def tune(**options: Any) -> None:
    """Search for settings at which a machine learns your images.

    On the golden machine, on all cores: rates, steps, order and fine bits. A fifth of the training images is held out, to
    choose by; the test images are not read. Ctrl-C loses nothing: the same command continues.

    \b
    Example: ohmprop tune --data letters --machine mine.toml --save better.toml
             ohmprop tune --data digits --machine digits-64-32-10 --epochs 12 --settings-only
    """
    from ohmprop.host.experiments.tuning import Search, run_tune

    if not options["data"]:
        raise click.UsageError("Missing option '--data'.")
    source = image_source(options)
    search = Search(options.pop("epochs"), options.pop("seed"), options.pop("settings_only"), pool_of(options))
    run_tune(source, search=search, **{name: value for name, value in options.items() if name not in DATA})
