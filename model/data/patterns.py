"""Black and white patterns: the built-in glyphs, a user's own, their corruption and what can be recalled of them.

White is true. Text is read as `ohmprop.model.data.pattern_text` says.
"""

import math
import os
import tokenize
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.data import pattern_text, pictures
from ohmprop.model.errors import UserError
from ohmprop.model.text import read_text

#: The built-in glyphs, in their order.
glyph_names = tuple("0123456789ABCDEF")

Pixels = NDArray[np.bool_]

_SOURCES = "give the word glyphs, a folder of pictures, an .npy file or a text file of 0/1 rows"


@dataclass(frozen=True)
class Patterns:
    """Patterns of one size.

    Members
    -------
    pixels : bool (count, neurons), white is true, each picture row after row.
    shape : height and width of each picture; height * width = neurons.
    names : one name per pattern, unique where the source's are.
    """

    pixels: Pixels
    shape: tuple[int, int]
    names: tuple[str, ...]


def glyphs() -> Pixels:
    """The sixteen hexadecimal digits as 10 x 10 pictures, bool (16, 100)."""
    return load_patterns("glyphs").pixels


def load_patterns(source: str, neurons: int | None = None) -> Patterns:
    """Read patterns: the word ``glyphs``, a folder of pictures (sorted by name), an ``.npy`` or a text file.

    An array is (count, neurons) or (count, height, width) of 0 and 1, -1 and 1, 0 and 255, or booleans. UserError if the source
    is missing, unreadable, empty, ragged, not black and white, or not of ``neurons`` pixels (if given) a pattern.
    """
    # os.path answers false, where pathlib raises, for names too long or folders closed to us.
    if source == "glyphs":
        patterns = _read_text(resources.files("ohmprop.model.data").joinpath("glyphs.txt").read_text("ascii"), source)
    elif os.path.isdir(source):
        patterns = _read_folder(Path(source))
    elif os.path.isfile(source):
        if source.lower().endswith(".npy"):
            patterns = _read_array(Path(source))
        else:
            patterns = _read_text(read_text(Path(source), "pattern file", _SOURCES), source)
    else:
        raise UserError(f"The patterns {source!r} are neither a folder nor a file; {_SOURCES}.")
    size = patterns.pixels.shape[1]
    if neurons is not None and size != neurons:
        raise UserError(
            f"The patterns {source} have {size} pixels each, but the machine has {neurons} neurons; "
            f"give patterns of {neurons} pixels or a machine of {size} neurons."
        )
    return patterns


def corrupt(pixels: Pixels, p: float, count: int, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.int64]]:
    """Copy each pattern ``count`` times and flip each pixel of the copies independently with probability p.

    Returns the images, bool (classes * count, neurons), all of pattern 0 first, and their labels (classes * count,).
    UserError unless p lies in [0, 1] and count is at least 1.
    """
    if not 0 <= p <= 1:
        raise UserError(f"p = {p!r} is not a probability; give a flip probability from 0 to 1.")
    if count < 1:
        raise UserError(f"{count} corrupted images per pattern are impossible; give at least 1.")
    labels = np.repeat(np.arange(len(pixels), dtype=np.int64), count)
    images = pixels[labels]
    return images ^ (rng.random(images.shape) < p), labels


def _distances(patterns: Pixels, images: Pixels) -> NDArray[np.int64]:
    """Hamming distances (images, patterns)."""
    # From the signed product, exact in float64 and far quicker than comparing pixel by pixel.
    product = np.where(images, 1.0, -1.0) @ np.where(patterns, 1.0, -1.0).T
    distances: NDArray[np.int64] = (patterns.shape[1] - product.astype(np.int64)) // 2
    return distances


def nearest(patterns: Pixels, images: Pixels) -> NDArray[np.int64]:
    """Label of each image's nearest pattern by Hamming distance, (images,); of equally near ones the first."""
    labels: NDArray[np.int64] = np.argmin(_distances(patterns, images), axis=1)
    return labels


def nearest_pattern_bound(patterns: Pixels, images: Pixels, labels: NDArray[np.int64]) -> float:
    """Share of the images whose own pattern is nearer than every other.

    No decoder is expected to do better where pixels flip independently with p < 1/2. A tie counts as a failure, though
    a decoder that guesses would be right in half of the ties of two.
    """
    distances = _distances(patterns, images)
    rows = np.arange(len(images))
    own = distances[rows, labels]
    distances[rows, labels] = patterns.shape[1] + 1
    return float(np.mean(own < distances.min(axis=1)))


def correlation(patterns: Pixels) -> NDArray[np.float64]:
    """Pearson correlation of each two patterns, (count, count) in [-1, 1]; 0 with an all-black or all-white one."""
    centred = patterns - patterns.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0)
    pearson: NDArray[np.float64] = np.clip(unit @ unit.T, -1.0, 1.0)
    return pearson


def recalled(patterns: Pixels, labels: NDArray[np.int64], signs: Pixels) -> Pixels:
    """Which recalls succeeded, (images,): every pixel of ``signs`` (images, neurons) equals the labelled pattern's."""
    success: Pixels = np.all(signs == patterns[labels], axis=1)
    return success


# -- readers ---------------------------------------------------------------------------------------------------------


def _flat(pixels: Pixels, names: tuple[str, ...]) -> Patterns:
    """Patterns without a stated picture: square if the size allows it, else one row."""
    side = math.isqrt(pixels.shape[1])
    return Patterns(pixels, (side, side) if side * side == pixels.shape[1] else (1, pixels.shape[1]), names)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(index) for index in range(count))


def _read_text(text: str, source: str) -> Patterns:
    blocks, names = pattern_text.parse(text, source)
    array = np.array(blocks)
    pixels = _white(array, source).reshape(len(blocks), -1)
    return Patterns(pixels, array.shape[1:], names) if names else _flat(pixels, _numbers(len(pixels)))


def _white(array: NDArray[Any], source: str) -> Pixels:
    """Which numbers are white; UserError unless all are 0 and 1, or all -1 and 1."""
    values = set(np.unique(array).tolist())
    if not any(values <= both for both in ({0, 1}, {-1, 1}, {0, 255})):
        raise UserError(
            f"{source} is not black and white: it holds {next(v for v in values if v not in (0, 1))!r}; "
            "give 0 and 1, -1 and 1, or 0 and 255, and nothing else."
        )
    white: Pixels = array > 0
    return white


def _read_array(path: Path) -> Patterns:
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, MemoryError, tokenize.TokenError) as error:
        raise UserError(
            f"The pattern file {path} is not a readable .npy array ({_one_line(error)}); save a plain array of 0 and 1 "
            "with numpy.save."
        ) from None
    if array.dtype.kind not in "biuf":
        raise UserError(
            f"The pattern file {path} does not hold plain numbers; save an array of 0 and 1 with numpy.save."
        )
    if array.ndim not in (2, 3) or array.size == 0:
        raise UserError(
            f"The array in {path} has the shape {array.shape}; give (count, neurons) or (count, height, width), "
            "none of them 0."
        )
    pixels = _white(array, f"The array in {path}").reshape(len(array), -1)
    names = _numbers(len(array))
    return Patterns(pixels, array.shape[1:], names) if array.ndim == 3 else _flat(pixels, names)


def _read_folder(folder: Path) -> Patterns:
    try:
        # Hidden files are not the user's: macOS leaves a ._x.png beside each x.png on other systems' disks.
        found = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.name)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be read ({error.strerror}); give a folder of pictures.") from None
    paths = [path for path in found if pictures.is_picture(path)]
    folders = [path.name for path in found if os.path.isdir(path)]
    if not paths:
        deeper = f" itself, only folders ({', '.join(folders[:5])})" if folders else ""
        raise UserError(f"The folder {folder} holds no picture{deeper}; give a folder with one picture per pattern.")
    for path in paths:
        if path.name in folders:
            raise UserError(f"{path} is a folder, not a picture; move it out of the folder of patterns.")
    both = [_read_picture(path) for path in paths]
    for path, picture in zip(paths, both, strict=True):
        if picture.shape != both[0].shape:
            raise UserError(
                f"{path} is {picture.shape[1]} x {picture.shape[0]} pixels, but {paths[0].name} is "
                f"{both[0].shape[1]} x {both[0].shape[0]}; make all pictures the same size."
            )
    height, width = both[0].shape
    return Patterns(np.array(both).reshape(len(both), -1), (height, width), tuple(path.stem for path in paths))


def _read_picture(path: Path) -> Pixels:
    """One picture, bool (height, width); grey levels are parted by the picture's own threshold (Otsu)."""
    picture = pictures.read(path)
    if picture.cover is not None and picture.ink is None:
        raise UserError(f"{path} is wholly transparent; give a picture in which something is to be seen.")
    grey = picture.standing_out()
    levels = np.unique(grey).tolist()
    if levels in ([0], [255], [0, 255]):
        white: Pixels = grey == 255
        return white
    if len(levels) == 1:
        raise UserError(f"{path} is of one grey level, {levels[0]}; give a picture in which something is to be seen.")
    bright: Pixels = grey >= pictures.otsu(grey)
    return bright


def _one_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
