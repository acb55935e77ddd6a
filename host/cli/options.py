"""The options that several commands of the command line have in common."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ohmprop.model.link.cable import CABLES

if TYPE_CHECKING:
    from ohmprop.host.experiments.pools import Pool
    from ohmprop.host.run.task import ImageSource


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """Numbers between commas, a tuple."""

    name = "numbers"
    example = "7,2 or 0,7,2"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers, or an error in one sentence."""
        try:
            return tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of {self.name}, write it as {self.example}", param, ctx)


class Names(click.ParamType):  # type: ignore[type-arg]
    """Names between commas, a tuple."""

    name = "names"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names, or an error in one sentence."""
        names = tuple(part.strip() for part in value.split(","))
        if not all(names):
            self.fail(f"{value!r} is no list of names, write it as 0,1,2 or cat,dog", param, ctx)
        return names


class Threshold(click.ParamType):  # type: ignore[type-arg]
    """A grey level, or the word otsu."""

    name = "level"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """The level, or the word."""
        if value == "otsu" or (str(value).isdecimal() and int(value) <= 255):
            return "otsu" if value == "otsu" else int(value)
        self.fail(f"{value!r} is no grey level, write 0 to 255, or otsu", param, ctx)


_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "workers": click.option(
        "--workers",
        type=click.IntRange(1, 256),
        show_default="all cores",
        help="Processes that compute in parallel; the numbers do not depend on it.",
    ),
    "cluster": click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Compute on the workers of the Dask scheduler at this address, as tcp://host:8786, instead of on this computer.",
    ),
    "machine": click.option(
        "--machine",
        type=click.Path(path_type=Path),
        help="The machine's TOML file, or the name of a shipped one, as mnist-784-128-5 [default: 100 neurons on 32 "
        "lanes].",
    ),
    "board": click.option(
        "--board",
        default="sim",
        show_default=True,
        help="sim (a virtual board), golden (the numpy model), or a port: /dev/ttyUSB0, COM3, socket://HOST:NUMBER.",
    ),
    "cable": click.option(
        "--cable",
        type=click.Choice(list(CABLES)),
        help="With --board sim or golden: a model of the USB cable's chip, with the latency timer that it has at first (16 ms), "
        "or the lowest (1 ms).",
    ),
    "patterns": click.option(
        "--patterns",
        default="glyphs",
        show_default=True,
        help="The built-in glyphs, a folder of pictures, an .npy file, or a text file of 0/1 rows.",
    ),
    "data": click.option(
        "--data",
        help="digits (8 x 8, from scikit-learn), mnist (from the cache), or your own: a folder of class folders with pictures, "
        "IDX files, .npz, .npy or .csv; `ohmprop data check` says how it is understood.",
    ),
    "classes": click.option(
        "--classes", type=Names(), help="With --data: the classes to keep, as 0,1,2 or cat,dog [default: all]."
    ),
    "per_class": click.option(
        "--per-class",
        type=click.IntRange(1),
        help="With --data: training images per class, chosen by --seed [default: all].",
    ),
    "resize": click.option(
        "--resize",
        type=click.IntRange(1),
        help="With --data: width and height to average the images to [default: theirs; 28 where they differ or are too large].",
    ),
    "threshold": click.option(
        "--threshold",
        type=Threshold(),
        help="With --data: grey levels from this on, 0 to 255, become white and the others black; otsu finds one [default: grey "
        "stays, but otsu for a machine of 1-bit pixels].",
    ),
    "invert": click.option(
        "--invert/--no-invert",
        default=None,
        help="With --data: black and white change places [default: where the background is light].",
    ),
    "epochs": click.option(
        "--epochs",
        type=click.IntRange(1, 1_000_000),
        default=100,
        show_default=True,
        help="Rounds through the patterns.",
    ),
    "seed": click.option(
        "--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Seed of all random numbers."
    ),
    "save": click.option("--save", type=click.Path(path_type=Path), help="Write what was learnt to this .npz file."),
    "load": click.option(
        "--load", type=click.Path(path_type=Path), help="Start from what --save or --checkpoint wrote."
    ),
    "json": click.option(
        "--json", "json_file", type=click.Path(path_type=Path), help="Write every figure to this file."
    ),
    "report": click.option(
        "--report",
        type=click.Path(path_type=Path),
        help="Write one HTML page with all figures and pictures to this file.",
    ),
    "out": click.option("--out", type=click.Path(path_type=Path), help="Write pictures into this folder."),
}


#: The options of a data set, in the order of --help.
DATA = ("data", "classes", "per_class", "resize", "threshold", "invert")


def image_source(options: Mapping[str, Any], halvings: float = 0.0) -> "ImageSource":
    """The data set that the options of DATA name; without --data that of a saved run."""
    from ohmprop.host.run.task import ImageSource
    from ohmprop.model.data.datasets import Choice

    return ImageSource(options["data"] or "", Choice(*(options[name] for name in DATA[1:])), halvings)


def common(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The common options of these names, in this order."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return add


def pool_of(options: dict[str, Any]) -> "Pool":
    """Who computes, by --workers and --cluster, which are taken out of the options; UsageError if both were given."""
    from ohmprop.host.experiments.pools import Cluster, Processes

    workers, cluster = options.pop("workers"), options.pop("cluster", None)
    if workers and cluster:
        raise click.UsageError("--workers are processes of this computer; leave them out with --cluster.")
    return Cluster(cluster) if cluster else Processes(workers or os.cpu_count() or 1)
