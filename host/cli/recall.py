"""``ohmprop recall``: recall corrupted patterns."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common

#: Most corrupted images per pattern and probability.
MOST = 100_000


class CountOrPath(click.ParamType):  # type: ignore[type-arg]
    """A number of images, or where some are."""

    name = "count or path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | Path:
        """The number, or the path."""
        if isinstance(value, int) or str(value).lstrip("+-").isdecimal():
            if not 1 <= int(value) <= MOST:
                self.fail(f"{value} is not in the range 1<=x<={MOST}", param, ctx)
            return int(value)
        return Path(value)


@click.command()
@common("machine", "board")
@click.option(
    "--patterns",
    help="What was learnt: glyphs, a folder of pictures, an .npy file, or a text file of 0/1 rows [default: what the "
    "run of --load learnt, else glyphs].",
)
@common("seed", "load", "json", "out")
@click.option(
    "--flip",
    "flips",
    type=click.FloatRange(0, 1),
    multiple=True,
    default=(0.10, 0.15, 0.20, 0.25),
    show_default=True,
    help="Probability that a pixel is flipped; may be repeated.",
)
@click.option("--images", type=CountOrPath(), default=25, show_default=True,
              help="Corrupted images per pattern and probability; or a picture, a folder of pictures or an .npy of corrupted "
              "images, which are recalled instead.")  # fmt: skip
def recall(**options: Any) -> None:
    """Recall corrupted patterns with saved weights.

    Without --load these are the weights that the board holds. With --images PATH your own corrupted images are recalled: which
    pattern each became, and how many pixels differ from it; --out gets them as PNGs, as recalled.npy and as recalled.csv.

    \b
    Example: ohmprop recall --load mine.npz --board golden --flip 0.1 --images 200
             ohmprop recall --load mine.npz --board golden --images photos --out recalled
    """
    from ohmprop.host.experiments.recalling import Noise, run_recall, run_recall_images

    flips, images, seed = (options.pop(name) for name in ("flips", "images", "seed"))
    if isinstance(images, Path):
        run_recall_images(images=images, **options)
    else:
        run_recall(noise=Noise(flips, images, seed), **options)
