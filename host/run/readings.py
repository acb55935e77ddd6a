"""What a classifier's answers say: classes read, errors, confusion, margins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Answers = NDArray[np.number[Any]]


def error(labels: Integers, answers: Answers) -> float:
    """Share of images that are misread; ``labels`` (count,), ``answers`` the outputs' states (count, outputs)."""
    return float((read(answers) != labels).mean())


def read(answers: Answers) -> Integers:
    """The classes read (count,): that of the largest state, the first of equals."""
    classes: Integers = answers.argmax(axis=1)
    return classes


def confusion(labels: Integers, answers: Answers) -> Integers:
    """Images of each class (row) that are read as each class (column); (outputs, outputs)."""
    table = np.zeros((answers.shape[1], answers.shape[1]), np.int64)
    np.add.at(table, (labels, read(answers)), 1)
    return table


def margins(labels: Integers, answers: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The right output's state minus the largest other one (count,), -1 to 1; a misread image has none above 0."""
    states = answers / 255
    own = np.arange(len(labels)), labels
    right = states[own]
    states[own] = -1
    least: NDArray[np.float64] = right - states.max(axis=1)
    return least
