"""Recall of corrupted patterns, by a board, the golden machine and float64."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.run.learner import golden_answers
from ohmprop.host.run.twin import Twin
from ohmprop.model.data.patterns import corrupt, nearest_pattern_bound, recalled
from ohmprop.model.float64.reference import Reference

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class Corruption:
    """How patterns are corrupted, and how many images are recalled.

    Members
    -------
    p : probability that a pixel is flipped.
    images : corrupted images per pattern.
    board_images : those of each pattern, the first ones, that the board recalls as well.
    """

    p: float
    images: int
    board_images: int


class Examples(NamedTuple):
    """A few images and what the board made of them, (count, neurons) each, for a picture."""

    originals: Bits
    corrupted: Bits
    recalled: Bits


def recall(
    twin: Twin,
    reference: Reference | None,
    patterns: Bits,
    corruption: Corruption,
    rng: np.random.Generator,
    advance: Callable[[], None],
) -> tuple[dict[str, float | int], Examples]:
    """Recall corrupted copies of each pattern; the twin compares every recall of the board.

    Returns the shares of images recalled without error, with their numbers, by the names that the tables and the JSON
    use, and one example per pattern.
    """
    p, per_class = corruption.p, corruption.images
    images, labels = corrupt(patterns, p, per_class, rng)
    chosen = np.flatnonzero(np.arange(len(images)) % per_class < corruption.board_images)
    begin = time.monotonic()
    signs = twin.answer(f"p = {p:g}, image", images[chosen], advance)
    seconds = time.monotonic() - begin
    figures: dict[str, float | int] = {"p": p, "board": float(recalled(patterns, labels[chosen], signs).mean())}
    answers = {"golden": golden_answers(twin.machine, images)}
    if reference:
        answers["reference"] = reference.recall_many(images)
    for name, answer in answers.items():
        right = recalled(patterns, labels, answer)
        figures[name] = float(right.mean())
        figures[f"{name}_on_board_images"] = float(right[chosen].mean())
    figures["bound"] = nearest_pattern_bound(patterns, images, labels)
    figures["images"] = len(images)
    figures["images_board"] = len(chosen)
    figures["board_seconds"] = seconds
    one = slice(None, None, corruption.board_images)
    return figures, Examples(patterns[labels[chosen]][one], images[chosen][one], signs[one])
