"""``ohmprop eval``: read test images with learnt weights."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import DATA, common, image_source


@click.command("eval")
@common("machine", "board", *DATA)
@click.option("--load", "load", type=click.Path(path_type=Path), required=True,
              help="What `train --data --save` wrote; classes and preparation of the images are taken from it.")  # fmt: skip
@common("json", "out", "report")
def evaluate(**options: Any) -> None:
    """Read test images with saved weights.

    Without --data these are the images of the data set that was learnt. Reports errors, margins and confusions.

    Example: ohmprop eval --load mine.npz --board golden
    """
    from ohmprop.host.experiments.classifier import run_eval

    source = image_source(options)
    run_eval(source=source, **{name: value for name, value in options.items() if name not in DATA})
