"""Picture files of any format that Pillow reads, as grey levels."""

import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ohmprop.model.errors import UserError

Bytes = NDArray[np.uint8]
#: Most pixels of a picture.
MOST_PIXELS = 1 << 26
#: Of luminance, the shares of red, green and blue, in 65536ths (ITU-R BT.601).
LUMA = (19595, 38470, 7471)


class Picture(NamedTuple):
    """A picture.

    Members
    -------
    grey : luminance, uint8 (height, width), 0 black to 255 white.
    cover : how opaque each pixel is, uint8 (height, width); None if all are.
    """

    grey: Bytes
    cover: Bytes | None

    @property
    def ink(self) -> float | None:
        """The mean luminance of what is drawn on nothing; None if the picture has no transparent pixel, or nothing on it."""
        if self.cover is None or not self.cover.any():
            return None
        return float(np.average(self.grey, weights=self.cover))

    def standing_out(self) -> Bytes:
        """The grey levels with white behind a dark drawing, and black behind a light one."""
        return self.over(contrast([self]))

    def over(self, background: int) -> Bytes:
        """The grey levels with this luminance behind what is not opaque."""
        if self.cover is None:
            return self.grey
        cover = self.cover.astype(np.uint32)
        mixed: Bytes = ((self.grey * cover + background * (255 - cover) + 127) // 255).astype(np.uint8)
        return mixed


def contrast(pictures: Sequence[Picture]) -> int:
    """The luminance, 0 or 255, that the pictures' drawings stand out against; 0 if none is transparent."""
    inks = [ink for ink in (picture.ink for picture in pictures) if ink is not None]
    return 255 if inks and np.mean(inks) < 128 else 0


def is_picture(path: Path) -> bool:
    """Whether a file's name says that Pillow can read it."""
    Image.init()
    return path.suffix.lower() in Image.registered_extensions()


def read(path: Path) -> Picture:
    """The first picture of a file, turned as its camera was held; UserError if it cannot be read, or is too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ValueError(f"it is {image.width} x {image.height} pixels")
                turned = ImageOps.exif_transpose(image)
                return _picture(turned)
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        MemoryError,
        Image.DecompressionBombError,
    ) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UserError(
            f"{path} cannot be read as a picture ({reason}); save it again, as a PNG, or take it out."
        ) from None


def _picture(image: Image.Image) -> Picture:
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.asarray(image).astype(np.float64)
        if not np.isfinite(levels).all():
            raise ValueError("its levels are not all finite")
        # 16 bits where the format says so; other deep pictures from their darkest to their brightest pixel.
        low, high = (0.0, 65535.0) if image.mode.startswith("I;16") else (levels.min(), levels.max())
        scaled = (levels - low) * (255 / (high - low)) if high > low else np.zeros_like(levels)
        return Picture(np.floor(scaled + 0.5).astype(np.uint8), None)
    colours = np.asarray(image.convert("RGBA"))
    red, green, blue = (colours[:, :, channel].astype(np.uint32) * LUMA[channel] for channel in range(3))
    grey = ((red + green + blue + (1 << 15)) >> 16).astype(np.uint8)
    cover = colours[:, :, 3]
    return Picture(grey, None if (cover == 255).all() else cover)


def resized(images: Bytes, shape: tuple[int, int]) -> Bytes:
    """Images (count, height, width) of another height and width, each pixel the mean of the area that it covers.

    Exact: rounded to nearest, ties upwards. Areas that cut a pixel take their share of it.
    """
    if images.shape[1:] == shape:
        return images
    rows, columns = (_shares(old, new) for old, new in zip(images.shape[1:], shape, strict=True))
    area = images.shape[1] * images.shape[2]
    parts = [
        (2 * (rows @ part.astype(np.int64) @ columns.T) + area) // (2 * area)
        for part in np.array_split(images, max(1, len(images) // 1000))
    ]
    means: Bytes = np.concatenate(parts).astype(np.uint8)
    return means


def _shares(old: int, new: int) -> NDArray[np.int64]:
    """How much of each of ``old`` pixels in a row lies in each of ``new``, (new, old); a row's sum is ``old``."""
    ends = np.arange(new + 1) * old
    begins = np.arange(old) * new
    low, high = np.maximum(ends[:-1, None], begins), np.minimum(ends[1:, None], begins + new)
    shares: NDArray[np.int64] = np.maximum(high - low, 0)
    return shares


def otsu(images: Bytes) -> int:
    """The threshold, 1 to 255, that parts the grey levels into two classes of the least variance within (Otsu 1979, eq. 14).

    Pixels from it on are white. 128 if all are of one level.
    """
    counts = np.bincount(images.reshape(-1), minlength=256).astype(np.float64)
    below, total = np.cumsum(counts)[:-1], counts.sum()
    first = np.cumsum(counts * np.arange(256))
    mean = first[-1] / total
    apart = below * (total - below)
    between = np.divide((mean * below - first[:-1]) ** 2, apart, out=np.zeros(255), where=apart > 0)
    if not between.max():
        return 128
    # Between two peaks with nothing in between every threshold is as good: take the middle one.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return int(best[0] + best[-1]) // 2 + 1
