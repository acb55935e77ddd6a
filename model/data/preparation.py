"""What images go through before a machine learns or reads them: training, test and new images the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.data.pictures import Bytes, Picture, resized

#: Images as they come: numbers (count, height, width), or pictures, which may differ in size.
Images = NDArray[Any] | Sequence[Picture]


@dataclass(frozen=True)
class Preparation:
    """How images as they come become those that a machine gets.

    Members
    -------
    shape : height and width.
    scale : the numbers that become black and white; those beyond are cut off. Pictures have 0 and 255.
    background : luminance behind what is transparent, 0 to 255.
    invert : black becomes white.
    threshold : pixels from this on become white and the others black, 0 to 255; None leaves them grey.
    """

    shape: tuple[int, int]
    scale: tuple[float, float] = (0.0, 255.0)
    background: int = 0
    invert: bool = False
    threshold: int | None = None

    def apply(self, images: Images) -> Bytes:
        """The images, uint8 (count, height * width), each row after row, 0 black to 255 white."""
        return self.finish(self.grey(images))

    def grey(self, images: Images) -> Bytes:
        """The images in their size and scale, uint8 (count, height, width), before inversion and threshold."""
        if isinstance(images, np.ndarray):
            return resized(to_bytes(images, self.scale), self.shape)
        flat = [resized(picture.over(self.background)[None], self.shape)[0] for picture in images]
        return np.array(flat, np.uint8).reshape(-1, *self.shape)

    def finish(self, grey: Bytes) -> Bytes:
        """Inversion and threshold of grey images (count, height, width); each image as one row."""
        turned = 255 - grey if self.invert else grey
        if self.threshold is not None:
            turned = np.where(turned >= self.threshold, np.uint8(255), np.uint8(0))
        return turned.reshape(len(turned), -1)

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "shape": list(self.shape),
            "scale": list(self.scale),
            "background": self.background,
            "invert": self.invert,
            "threshold": self.threshold,
        }

    @classmethod
    def from_json(cls, found: object) -> "Preparation":
        """What ``to_json`` gave; ValueError for anything else."""
        if not isinstance(found, dict) or found.keys() != cls((1, 1)).to_json().keys():
            raise ValueError("it does not say how images are prepared")
        shape, scale, threshold = found["shape"], found["scale"], found["threshold"]
        background, invert = found["background"], found["invert"]
        sound = (
            all(isinstance(pair, list) and len(pair) == 2 for pair in (shape, scale))
            and all(type(side) is int and 0 < side < 1 << 14 for side in shape)
            and all(type(end) in (int, float) and np.isfinite(end) for end in scale)
            and scale[0] < scale[1]
            and type(background) is int
            and 0 <= background <= 255
            and type(invert) is bool
            and (threshold is None or (type(threshold) is int and 0 <= threshold <= 255))
        )
        if not sound:
            raise ValueError("how its images are prepared is invalid")
        height, width = shape
        low, high = map(float, scale)
        return cls((height, width), (low, high), background, invert, threshold)


def to_bytes(array: NDArray[Any], scale: tuple[float, float]) -> Bytes:
    """Numbers as bytes: the scale's ends become 0 and 255, rounded to nearest, ties upwards; what is beyond is cut off."""
    low, high = scale
    if array.dtype == np.uint8 and (low, high) == (0, 255):
        return array
    scaled = np.floor((array.astype(np.float64) - low) * (255 / (high - low)) + 0.5)
    return np.clip(scaled, 0, 255).astype(np.uint8)


def scale_of(array: NDArray[Any]) -> tuple[float, float]:
    """The numbers that mean black and white: 0 and 1, 0 and 255, or else the smallest and the largest.

    Only whole numbers above 16 are taken for bytes, since 4 bits are common too.
    """
    low, high = float(array.min()), float(array.max())
    whole = array.dtype.kind in "bui" or bool((array == np.floor(array)).all())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if array.dtype == np.uint8 or (low >= 0 and 16 < high <= 255 and whole):
        return 0.0, 255.0
    return (low, high) if low < high else (low - 1, low)
