"""The options that several commands of the command line have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


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


class Classes(Numbers):
    """Digits between commas."""

    name = "digits"
    example = "0,1,2,3,4"


_OPTIONS: dict[str, Callable[[Any], Any]] = {
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
    "patterns": click.option(
        "--patterns",
        default="glyphs",
        show_default=True,
        help="The built-in glyphs, a folder of black and white PNGs, an .npy file, or a text file of 0/1 rows.",
    ),
    "data": click.option(
        "--data",
        help="digits (8 x 8, from scikit-learn), mnist (from the cache), or a folder of MNIST's four IDX files.",
    ),
    "classes": click.option(
        "--classes", type=Classes(), help="With --data: the digits to keep, as 0,1,2,3,4 [default: all ten]."
    ),
    "per_class": click.option(
        "--per-class",
        type=click.IntRange(1),
        help="With --data: training images per class, chosen by --seed [default: all].",
    ),
    "resize": click.option(
        "--resize", type=click.IntRange(1), help="With --data: width and height to average the images to."
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
    "out": click.option("--out", type=click.Path(path_type=Path), help="Write pictures into this folder."),
}


def common(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The common options of these names, in this order."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return add
