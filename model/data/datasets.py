"""Labelled images for classifiers: scikit-learn's 8 x 8 digits and MNIST, their choice, order and quantisation.

Every random choice is a function of the arguments alone, so that board, golden machine and reference see the same images
in the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.data import mnist
from ohmprop.model.errors import UserError

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

#: The data sets by name.
NAMES = ("digits", "mnist")
#: Bits a pixel that `pixels` knows.
PIXEL_BITS = (1, 4, 8)
#: First seeds of the three random choices, so that no two share their numbers.
_SPLIT, _CHOICE, _ORDER = 1, 2, 3
#: One in this many digits of each class is a test image.
_TEST_SHARE = 5
_FULL = 16  # the brightest pixel of the digits as they come


@dataclass(frozen=True)
class Dataset:
    """Images of some classes, split into training and test images.

    Members
    -------
    name : ``digits`` or ``mnist``.
    shape : height and width of each image.
    classes : the digits that the classes stand for, in the order of the machine's outputs.
    train_images : uint8 (count, height * width), each image row after row, 0 black to 255 white.
    train_labels : int64 (count,), indices into ``classes``.
    test_images, test_labels : the same for the test images.
    """

    name: str
    shape: tuple[int, int]
    classes: tuple[int, ...]
    train_images: Bytes
    train_labels: Integers
    test_images: Bytes
    test_labels: Integers


def load(
    name: str,
    data_dir: Path | None = None,
    classes: Sequence[int] | None = None,
    per_class: int | None = None,
    resize: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : ``digits`` (a fixed fifth of each class are test images, whatever the seed) or ``mnist`` (its own test images).
    data_dir : the folder of MNIST's IDX files, the cache if None.
    classes : the digits to keep, in the order of the machine's outputs; all ten if None. The test images are always all
        those of these classes.
    per_class : keep only this many training images per class: the first of each in a shuffle of all training images by the
        seed, so the images of one class do not depend on the other classes. They stay in the data set's own order.
    resize : new width and height; each pixel is the mean of those it covers, rounded to nearest, ties upwards.
    seed : at least 0, of the choice by ``per_class`` only.

    UserError if the name, a class, a number or a file is wrong, or scikit-learn is missing for ``digits``.
    """
    if name not in NAMES:
        raise UserError(f"There is no data set {name!r}; give {' or '.join(NAMES)}.")
    if name == "digits" and data_dir is not None:
        raise UserError(f"The digits come with scikit-learn and not from {data_dir}; load mnist from there.")
    train_images, train_labels, test_images, test_labels = _digits() if name == "digits" else mnist.read(data_dir)
    chosen = tuple(range(mnist.LABELS)) if classes is None else tuple(classes)
    _check_choice(chosen, per_class)
    # A class's place in `chosen`, -1 for those left out.
    places = np.full(mnist.LABELS, -1, np.int64)
    places[list(chosen)] = np.arange(len(chosen))
    for part, labels, least in (("training", train_labels, per_class or 1), ("test", test_labels, 1)):
        counts = np.bincount(labels, minlength=mnist.LABELS)
        for digit in chosen:
            if counts[digit] < least:
                raise UserError(
                    f"{name} has {counts[digit]:,} {part} images of class {digit}, but at least {least:,} are needed; "
                    "ask for fewer images per class or for other classes."
                )
    kept = places[train_labels] >= 0
    if per_class is not None:
        kept &= _first(train_labels, per_class, seed)
    kept_test = places[test_labels] >= 0
    images = [_resized(part, resize) for part in (train_images[kept], test_images[kept_test])]
    height, width = images[0].shape[1:]
    flat = [part.reshape(len(part), -1) for part in images]
    return Dataset(
        name, (height, width), chosen, flat[0], places[train_labels[kept]], flat[1], places[test_labels[kept_test]]
    )


def order(dataset: Dataset, epoch: int, seed: int) -> Integers:
    """The order of the training images in an epoch: a permutation, int64 (count,), by epoch and seed, both at least 0."""
    return np.random.default_rng((_ORDER, seed, epoch)).permutation(len(dataset.train_labels))


def pixels(images: Bytes, bits: int) -> Bytes:
    """Images, uint8 of any shape, with 1, 4 or 8 bits per pixel, 0 to 2**bits - 1.

    Rounded down, so that one bit is white from 128 and nearly black pixels become 0, which costs no clock. UserError for
    other numbers of bits.
    """
    if bits not in PIXEL_BITS:
        raise UserError(f"Pixels of {bits} bits are not supported; give 1, 4 or 8.")
    return images >> np.uint8(8 - bits)


def _check_choice(classes: tuple[int, ...], per_class: int | None) -> None:
    unknown = [digit for digit in classes if digit not in range(mnist.LABELS)]
    if not classes or unknown or len(set(classes)) < len(classes):
        fault = f"{unknown[0]} is no class" if unknown else "one is given twice" if classes else "none is given"
        raise UserError(f"The classes {list(classes)} cannot be kept, {fault}; give different ones from 0 to 9.")
    if per_class is not None and per_class < 1:
        raise UserError(f"{per_class} images per class are impossible; give at least 1.")


def _first(labels: Bytes, count: int, seed: int) -> NDArray[np.bool_]:
    """Which images are among the first ``count`` of their class after a shuffle of all, (images,)."""
    shuffle = np.random.default_rng((_CHOICE, seed)).permutation(len(labels))
    first = np.zeros(len(labels), np.bool_)
    for digit in range(mnist.LABELS):
        first[shuffle[labels[shuffle] == digit][:count]] = True
    return first


def _resized(images: Bytes, side: int | None) -> Bytes:
    """Images (count, height, width) as (count, side, side), unchanged if None."""
    if side is None:
        return images
    count, height, width = images.shape
    if side < 1 or height % side or width % side:
        raise UserError(
            f"Images of {width} x {height} pixels cannot be averaged to {side} x {side}; give a side that divides theirs."
        )
    down, across = height // side, width // side
    sums = images.reshape(count, side, down, side, across).sum(axis=(2, 4), dtype=np.uint32)
    means: Bytes = ((2 * sums + down * across) // (2 * down * across)).astype(np.uint8)
    return means


def _digits() -> tuple[Bytes, Bytes, Bytes, Bytes]:
    """Training images (count, 8, 8), labels (count,), test images and labels of scikit-learn's digits."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UserError(
            "The data set digits comes with scikit-learn, which is not installed; install it: pip install scikit-learn."
        ) from None
    loaded = load_digits()
    images = ((loaded.images.astype(np.int64) * 255 * 2 + _FULL) // (2 * _FULL)).astype(np.uint8)
    labels = loaded.target.astype(np.uint8)
    test = np.zeros(len(labels), np.bool_)
    rng = np.random.default_rng(_SPLIT)
    for digit in range(mnist.LABELS):
        own = rng.permutation(np.flatnonzero(labels == digit))
        test[own[: round(len(own) / _TEST_SHARE)]] = True
    return images[~test], labels[~test], images[test], labels[test]
