"""``ohmprop predict``: what a classifier answers to images that have no label."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common


@click.command()
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--load", "load", type=click.Path(path_type=Path), required=True,
              help="What `train --data --save` wrote; classes and preparation of the images are taken from it.")  # fmt: skip
@common("machine", "board")
@click.option("--out", type=click.Path(path_type=Path),
              help="Write the answers to this .csv, .json or .npy file [default: show them].")  # fmt: skip
@click.option("--pictures", type=click.Path(path_type=Path),
              help="Write pictures of the images with their answers into this folder.")  # fmt: skip
@common("json")
def predict(**options: Any) -> None:
    """Say what images show: their classes, how clearly, and all outputs.

    IMAGES is a picture, a folder of pictures, an .npy or .npz array, or an IDX file of images. The margin is the largest
    output's state minus the second largest one, 0 to 1.

    \b
    Example: ohmprop predict new_letters --load letters.npz --board golden --out answers.csv
             ohmprop predict t10k-images-idx3-ubyte --load digits.npz --pictures answers
    """
    from ohmprop.host.experiments.predicting import run_predict

    run_predict(**options)
