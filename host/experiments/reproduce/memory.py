"""The associative memory's cells: train by a rule, recall corrupted images, count those recalled without error."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.experiments.jobs import Result
from ohmprop.host.link.board import Board
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.task import PatternSource
from ohmprop.host.run.train import train
from ohmprop.host.run.twin import Twin
from ohmprop.model.data.patterns import Pixels, corrupt, glyphs, nearest_pattern_bound, recalled
from ohmprop.model.float64 import hopfield as associative
from ohmprop.model.float64.reference import Reference, initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec

#: First seed of the noise, so that it shares no numbers with the initial weights.
_NOISE = 11
#: The rules of Table 1 by their names.
NAMES = {
    "hebb": "Hebb",
    "storkey": "Storkey",
    "rbp": "RBP",
    "ep": "EP",
    "bound": "nearest pattern",
}
#: The rules that the machine learns by.
MACHINE_RULES = ("rbp", "ep")
#: Epochs between two comparisons of all a board's weights with the golden machine's.
CHECK_EPOCHS = 10


@dataclass(frozen=True)
class Recall:
    """One training of the glyphs by one rule, and one noise.

    Members
    -------
    spec : the machine; its settings have the learning rate.
    rule : a key of NAMES; "bound" learns nothing and names the nearest pattern.
    engine : "machine" (the golden one), "float64" or "board".
    epochs : rounds through the glyphs; 0 for those rules that need no rounds.
    p : probability that a pixel is flipped.
    images : corrupted images per class.
    seed : of the initial weights and the noise; all rules get the same.
    recalls : only this many of each class are recalled.
    """

    spec: MachineSpec
    rule: str
    engine: str
    epochs: int
    p: float
    images: int
    seed: int
    recalls: int

    @property
    def name(self) -> str:
        """The name of the cell's file."""
        trained = f"-{self.epochs}-eta{self.spec.settings.eta_shifts[0]}" if self.epochs else ""
        which = f"{self.rule}-{self.engine}{trained}-cut{self.spec.cut_diagonals}"
        return f"{which}-p{self.p!r}-{self.recalls}of{self.images}-seed{self.seed}"

    def compute(self) -> Result:
        """What ``result`` says."""
        pixels = glyphs()
        images, labels = self.corrupted
        if self.rule == "bound":
            return {"right": self._bound(pixels, images, labels), "first": [], "clocks": None}
        if self.rule in ("hebb", "storkey"):
            weights = {"hebb": associative.hebb, "storkey": associative.storkey}[self.rule](self.spec, pixels)
            return self.result(associative.recall_many(weights, images, self.seed))
        start = initial_weights(self.spec, self.seed)
        if self.engine == "float64":
            reference = Reference(self.spec, self.spec.settings, start)
            reference.train(pixels, self.epochs)
            return self.result(reference.recall_many(images))
        machine = GoldenMachine(self.spec)
        machine.weights = quantise(self.spec, start)
        for _ in range(self.epochs):
            machine.learn_many(pixels)
        clocks = machine.busy_clocks / machine.learnt
        return self.result(machine.recall_many(images)[0], clocks)

    @property
    def board_runs(self) -> int:
        """Patterns that a board learns and recalls."""
        return len(glyphs()) * (self.epochs + self.recalls)

    def compute_on(self, board: Board, advance: Callable[[], None], stopped: Callable[[], bool]) -> Result | None:
        """The result by a board, compared in every bit with the golden machine's; None if stopped.

        MachineError if the two differ.
        """
        task = PatternSource("glyphs").load(self.spec, self.seed)
        run = Run(fresh(self.spec, self.seed), task, self.epochs)
        twin = Twin(board, self.spec.settings, run.start.weights, run.start.lfsr)
        training = train(run, twin, advance, stopped, check_epochs=CHECK_EPOCHS)
        signs = twin.answer(f"p = {self.p:g}, image", self.corrupted[0], advance)
        twin.check("after recall")
        twin.require_equal()
        return None if stopped() else self.result(signs, training.clocks_per_pattern)

    @cached_property
    def corrupted(self) -> tuple[Pixels, NDArray[np.int64]]:
        """The images that are recalled, (classes * recalls, neurons), and their labels."""
        rng = np.random.default_rng([_NOISE, self.seed, round(self.p * 1e9)])
        images, labels = corrupt(glyphs(), self.p, self.images, rng)
        kept = np.arange(len(images)) % self.images < self.recalls
        return images[kept], labels[kept]

    @property
    def examples(self) -> Pixels:
        """The first corrupted image of each class, (classes, neurons)."""
        return self.corrupted[0][:: self.recalls]

    def result(self, signs: Pixels, clocks: float | None = None) -> Result:
        """Images of each class recalled without error, each class's first recall, clocks of a learnt pattern."""
        right = recalled(glyphs(), self.corrupted[1], signs).reshape(-1, self.recalls).sum(axis=1)
        first = ["".join("01"[bit] for bit in image) for image in signs[:: self.recalls].astype(int).tolist()]
        return {"right": right.tolist(), "first": first, "clocks": clocks}

    def _bound(self, pixels: Pixels, images: Pixels, labels: NDArray[np.int64]) -> list[int]:
        """Images of each class whose own pattern is nearer than all others."""
        classes = (labels == label for label in range(len(pixels)))
        return [round(nearest_pattern_bound(pixels, images[own], labels[own]) * self.recalls) for own in classes]
