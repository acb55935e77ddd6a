"""Labelled images for classifiers: scikit-learn's 8 x 8 digits, MNIST and a user's own; their choice, order and quantisation.

Every random choice is a function of the arguments alone, so that board, golden machine and reference see the same images
in the same order.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.data import mnist
from ohmprop.model.data.labelled import Label, Labelled, Part, read
from ohmprop.model.data.pictures import Bytes, contrast, otsu
from ohmprop.model.data.preparation import Images, Preparation, scale_of
from ohmprop.model.errors import UserError

Integers = NDArray[np.int64]

#: The data sets by name.
NAMES = ("digits", "mnist")
#: Bits a pixel that `pixels` knows.
PIXEL_BITS = (1, 4, 8)
#: Most classes, as many as a machine has outputs, and most pixels, as many as it has inputs.
MOST_CLASSES, MOST_INPUTS = 64, 1024
#: Width and height of images that come in several sizes, or too large, if nobody gives another.
SIDE = 28
#: First seeds of the three random choices, so that no two share their numbers.
_SPLIT, _CHOICE, _ORDER = 1, 2, 3
#: One in this many images of each class is a test image where the data do not say.
_TEST_SHARE = 5
#: Images, at least, that say whether the background is light, and where the threshold is.
_LOOKED_AT = 1000


@dataclass(frozen=True)
class Choice:
    """What is taken of a data set, and how its images are prepared; what is None follows from the data.

    Members
    -------
    classes : the classes to keep, as the data name them or as text, in the order of the machine's outputs; all if None.
    per_class : keep only this many training images per class: the first of each in a shuffle of all training images by the
        seed, so the images of one class do not depend on the other classes. They stay in the data set's own order.
    resize : new width and height; each pixel is the mean of those it covers, rounded to nearest, ties upwards.
    threshold : grey levels from this on become white, the others black, 0 to 255; "otsu" finds it in the training images.
    invert : black becomes white.
    two_values : the machine sees black and white only, so a threshold is found if none is given.
    prepared : how images are prepared, by a run whose classes these are; the four above are not asked then.
    """

    classes: tuple[Label, ...] | None = None
    per_class: int | None = None
    resize: int | None = None
    threshold: int | str | None = None
    invert: bool | None = None
    two_values: bool = False
    prepared: Preparation | None = None


@dataclass(frozen=True)
class Dataset:
    """Images of some classes, split into training and test images.

    Members
    -------
    name : ``digits``, ``mnist``, or that of the user's file or folder.
    kind : what the data are, in words.
    classes : what the data call the classes, in the order of the machine's outputs.
    preparation : what the images went through.
    train_images : uint8 (count, height * width), each image row after row, 0 black to 255 white.
    train_labels : int64 (count,), indices into ``classes``.
    test_images, test_labels : the same for the test images.
    notes : what was done without being asked for, a sentence each.
    """

    name: str
    kind: str
    classes: tuple[Label, ...]
    preparation: Preparation
    train_images: Bytes
    train_labels: Integers
    test_images: Bytes
    test_labels: Integers
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of each image."""
        return self.preparation.shape


def load(source: str, choice: Choice | None = None, seed: int = 0) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    source : ``digits`` (a fixed fifth of each class are test images, whatever the seed), ``mnist`` (its own test images, from
        the cache), or the path of a user's data, as `ohmprop.model.data.labelled` reads them.
    choice : what is taken of it; the test images are always all those of its classes.
    seed : at least 0, of the choice by ``per_class`` only.

    UserError if the name, a class, a number or a file is wrong, or scikit-learn is missing for ``digits``.
    """
    return choose(found(source), choice or Choice(), seed)


def found(source: str) -> Labelled:
    """A data set as it comes; UserError as ``load`` says."""
    return _named(source) if source in NAMES else read(source)


def choose(found: Labelled, choice: Choice, seed: int = 0) -> Dataset:
    """What ``load`` makes of a data set as it was found."""
    notes = list(found.notes)
    train, test = found.train, found.test
    known = sorted(
        set(train.labels) | set(test.labels if test else ()), key=lambda label: (isinstance(label, str), label)
    )
    classes = _classes(found.name, known, choice)
    places = {label: place for place, label in enumerate(classes)}
    train_labels = np.array([places.get(label, -1) for label in train.labels], np.int64)
    if test:
        test_labels = np.array([places.get(label, -1) for label in test.labels], np.int64)
        train_images, test_images = train.images, test.images
    else:
        held = _held_out(found.name, train.labels, known, classes)
        train_images, test_images = _taken(train.images, ~held), _taken(train.images, held)
        train_labels, test_labels = train_labels[~held], train_labels[held]
        notes.append(f"a fixed fifth of each class, {np.count_nonzero(test_labels >= 0)} images, is kept for testing")
    for part, labels, least in (("training", train_labels, choice.per_class or 1), ("test", test_labels, 1)):
        for place, label in enumerate(classes):
            if (count := np.count_nonzero(labels == place)) < least:
                raise UserError(
                    f"{found.name} has {count:,} {part} images of class {label}, but at least {least:,} are needed; ask for "
                    "fewer images per class or for other classes."
                )
    kept = train_labels >= 0
    if choice.per_class is not None:
        kept &= _first(train_labels, len(classes), choice.per_class, seed)
    training, testing = _taken(train_images, kept), _taken(test_images, test_labels >= 0)
    preparation = choice.prepared or _preparation(train_images, choice, notes)
    return Dataset(
        found.name,
        found.kind,
        classes,
        preparation,
        preparation.apply(training),
        train_labels[kept],
        preparation.apply(testing),
        test_labels[test_labels >= 0],
        tuple(notes),
    )


def _named(name: str) -> Labelled:
    """A data set of NAMES as it comes."""
    if name == "digits":
        return _digits()
    train_images, train_labels, test_images, test_labels = mnist.read()
    train, test = Part(train_images, tuple(train_labels.tolist())), Part(test_images, tuple(test_labels.tolist()))
    return Labelled(name, "IDX files in the cache", train, test)


def _classes(name: str, known: Sequence[Label], choice: Choice) -> tuple[Label, ...]:
    """The classes that are kept, as the data name them."""
    if choice.per_class is not None and choice.per_class < 1:
        raise UserError(f"{choice.per_class} images per class are impossible; give at least 1.")
    if choice.classes is None:
        if not 2 <= len(known) <= MOST_CLASSES:
            raise UserError(
                f"{name} has {len(known)} {'class' if len(known) == 1 else 'classes'}, and a machine distinguishes 2 to "
                f"{MOST_CLASSES}; give other data, or --classes to keep some of them."
            )
        return tuple(known)
    by_name = {str(label): label for label in known}
    wanted = [str(label) for label in choice.classes]
    unknown = [label for label in wanted if label not in by_name]
    if not wanted or unknown or len(set(wanted)) < len(wanted):
        fault = f"{unknown[0]} is no class" if unknown else "one is given twice" if wanted else "none is given"
        few = f"{', '.join(list(by_name)[:12])}{' and others' if len(by_name) > 12 else ''}"
        raise UserError(
            f"The classes {', '.join(wanted)} of {name} cannot be kept, {fault}; give different ones of {few}."
        )
    return tuple(by_name[label] for label in wanted)


def _preparation(images: Images, choice: Choice, notes: list[str]) -> Preparation:
    """How images are prepared, what of it follows from all training images; the classes that are kept change nothing in it."""
    some = images[:: max(1, len(images) // _LOOKED_AT)]
    if isinstance(images, np.ndarray):
        sizes, scale, background = {images.shape[1:]}, scale_of(images), 0
        if scale not in ((0, 1), (0, 255)):
            notes.append(f"numbers from {scale[0]:g} to {scale[1]:g} become black to white")
    else:
        sizes, scale = {picture.grey.shape for picture in images}, (0.0, 255.0)
        background = contrast(images)
        if any(picture.cover is not None for picture in images):
            notes.append(f"transparent pixels become {'white' if background else 'black'}")
    shape = _shape(sizes, choice.resize, notes)
    grey = Preparation(shape, scale, background).grey(some)
    invert = choice.invert
    if invert is None:
        invert = _light(grey)
        if invert:
            notes.append("the background is light, so black and white change places")
    threshold = choice.threshold
    if threshold == "otsu" or (threshold is None and choice.two_values):
        threshold = otsu(255 - grey if invert else grey)
        notes.append(f"pixels from {threshold} on are white, the others black (Otsu's threshold)")
    return Preparation(shape, scale, background, invert, None if threshold is None else int(threshold))


def _shape(sizes: AbstractSet[tuple[int, ...]], side: int | None, notes: list[str]) -> tuple[int, int]:
    """Height and width that images of these sizes get."""
    (height, width), *others = sorted(sizes)
    if side is not None and (side < 1 or side * side > MOST_INPUTS):
        raise UserError(f"Images of {side} x {side} pixels are impossible; give --resize 1 to {int(MOST_INPUTS**0.5)}.")
    if side is None and (others or height * width > MOST_INPUTS):
        side = SIDE
        what = f"images of {len(sizes)} sizes" if others else f"images of {width} x {height} pixels"
        notes.append(f"{what} are averaged to {side} x {side}")
    return (side, side) if side else (height, width)


def _light(images: Bytes) -> bool:
    """Whether most of the images' edges are light."""
    edges = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    return prod(images.shape[1:]) > 1 and float(np.median(np.concatenate(edges, axis=1))) >= 128


def _taken(images: Images, chosen: NDArray[np.bool_]) -> Images:
    """Some of the images."""
    if isinstance(images, np.ndarray):
        return images[chosen]
    return [images[number] for number in np.flatnonzero(chosen).tolist()]


def _held_out(name: str, labels: Sequence[Label], known: Sequence[Label], kept: Sequence[Label]) -> NDArray[np.bool_]:
    """A fifth of each class, at least one image, whatever the seed and the classes that are kept."""
    numbers = {label: number for number, label in enumerate(known)}
    own = np.array([numbers[label] for label in labels])
    test = np.zeros(len(labels), np.bool_)
    rng = np.random.default_rng(_SPLIT)
    for number, label in enumerate(known):
        images = rng.permutation(np.flatnonzero(own == number))
        if len(images) == 1 and label in kept:
            raise UserError(
                f"{name} has one image of class {label}, and at least two are needed, one of them to test with; add some, or "
                "leave the class out with --classes."
            )
        test[images[: max(1, round(len(images) / _TEST_SHARE))]] = True
    return test


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


def _first(labels: Integers, classes: int, count: int, seed: int) -> NDArray[np.bool_]:
    """Which images are among the first ``count`` of their class after a shuffle of all, (images,)."""
    shuffle = np.random.default_rng((_CHOICE, seed)).permutation(len(labels))
    first = np.zeros(len(labels), np.bool_)
    for place in range(classes):
        first[shuffle[labels[shuffle] == place][:count]] = True
    return first


def _digits() -> Labelled:
    """scikit-learn's digits; 16 is the brightest pixel as they come."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UserError(
            "The data set digits comes with scikit-learn, which is not installed; install it: pip install scikit-learn."
        ) from None
    loaded = load_digits()
    return Labelled("digits", "scikit-learn's digits", Part(loaded.images, tuple(loaded.target.tolist())))
