"""``ohmprop eval``: read test images with learnt weights."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common


@click.command("eval")
@common("machine", "board")
@click.option("--data", required=True, help="The data set, as for train.")
@common("classes", "per_class", "resize")
@click.option("--load", "load", type=click.Path(path_type=Path), required=True,
              help="What `train --data --save` wrote.")  # fmt: skip
@common("json", "out")
def evaluate(**options: Any) -> None:
    """Read test images with saved weights.

    Reports errors, margins and confusions.

    Example: ohmprop eval --load mine.npz --data mnist --classes 0,1,2,3,4 --board golden
    """
    from ohmprop.host.experiments.classifier import run_eval
    from ohmprop.host.run.task import ImageSource

    source = ImageSource(*(options.pop(name) for name in ("data", "classes", "per_class", "resize")))
    run_eval(source=source, **options)
