"""Data for the estimators: as --data and --patterns name them, and what others keep samples in."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.estimators.conventions import InputError
from ohmprop.model.data.datasets import Choice, load
from ohmprop.model.data.patterns import load_patterns


class Samples(NamedTuple):
    """Images and their classes.

    Members
    -------
    X : images to learn, uint8 (count, pixels), 0 black to 255 white.
    y : their classes (count,), numbers or text.
    X_test, y_test : the same of the test images.
    """

    X: NDArray[np.uint8]
    y: NDArray[Any]
    X_test: NDArray[np.uint8]
    y_test: NDArray[Any]


def images(source: str, classes: Any, per_class: int | None, resize: int | None) -> Samples:
    """A data set as --data, --classes, --per-class and --resize name it; UserError as they raise it."""
    found = load(str(source), Choice(None if classes is None else tuple(classes), per_class, resize))
    names = np.array(found.classes)
    return Samples(found.train_images, names[found.train_labels], found.test_images, names[found.test_labels])


def patterns(source: str) -> NDArray[np.bool_]:
    """Patterns as --patterns names them, bool (count, pixels), white is true; UserError as it raises it."""
    return load_patterns(str(source)).pixels


def pair(X: Any, y: Any) -> tuple[Any, Any]:
    """Samples and classes; a tuple of both, or a Dataset of PyTorch, which has items (sample, class), may be given as one."""
    if y is not None:
        return X, y
    if type(X) is tuple and len(X) == 2:
        return X
    if hasattr(X, "__getitem__") and hasattr(X, "__len__") and not _is_array(X):
        try:
            items = [X[number] for number in range(len(X))]
            samples, labels = zip(*items, strict=True)
            return np.array([np.asarray(one).reshape(-1) for one in samples]), np.array([int(one) for one in labels])
        except (TypeError, ValueError):
            raise InputError(
                f"The items of this {type(X).__name__} are no pairs of a sample and the number of its class; give X and y."
            ) from None
    return X, y


def _is_array(X: Any) -> bool:
    return isinstance(X, list | tuple | str | bytes) or hasattr(X, "__array__") or hasattr(X, "shape")
