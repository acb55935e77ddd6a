"""What a reproduction computes: everything that its numbers depend on, and how much of it."""

import dataclasses
import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ohmprop.model.data.patterns import Patterns, load_patterns
from ohmprop.model.errors import UserError
from ohmprop.model.rules import RULES, Second
from ohmprop.model.spec import MachineSpec, Settings

#: The noise of Figure 2; that of Table 1 is the first.
FLIPS = (0.10, 0.15, 0.20, 0.25)
#: Rounds through the patterns in training; Figure 3 shows that no more are needed.
EPOCHS = 100
#: In Figure 2 as many as in the paper, since few connections learn slowly.
CUT_EPOCHS = 300
#: Most steps of recurrent backpropagation's side network.
SIDE_STEPS = 20


@dataclass(frozen=True)
class Plan:
    """One reproduction, full or quick.

    Members
    -------
    spec : the recurrent machine, of as many units as the glyphs have pixels; its eta_shift is that of both rules.
    seed : the first seed of the initial weights and the noise.
    quick : fewer images, seeds and points.
    flips, cuts : probabilities that a pixel is flipped, and diagonals cut in Figure 2; () for those of the targets.
    board : where Table 1 is computed besides the golden machine; "golden" for nowhere else.

    UserError if a probability is outside [0, 1].
    """

    spec: MachineSpec
    seed: int
    quick: bool
    flips: tuple[float, ...]
    cuts: tuple[int, ...]
    board: str

    def __post_init__(self) -> None:
        for p in self.flips:
            if not 0 <= p <= 1:
                raise UserError(f"p = {p!r} is not a probability; give a flip probability from 0 to 1.")

    @cached_property
    def patterns(self) -> Patterns:
        """The glyphs; UserError if the machine has another number of units."""
        return load_patterns("glyphs", self.spec.neurons)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of whatever is repeated."""
        return tuple(range(self.seed, self.seed + (1 if self.quick else 3)))

    @property
    def table_images(self) -> int:
        """Corrupted images per class in Table 1."""
        return 100 if self.quick else 1000

    @property
    def board_images(self) -> int:
        """Those that a board recalls; the golden machine recalls all."""
        return 20 if self.quick else 80

    @property
    def cut_images(self) -> int:
        """Corrupted images per class and seed at each point of Figure 2; the paper's 5000 in all."""
        return 200 if self.quick else 5000 // len(self.seeds)

    @property
    def float_images(self) -> int:
        """Those of float64, which takes four times as long as the golden machine."""
        return 100 if self.quick else 1000

    @property
    def epoch_images(self) -> int:
        """Corrupted images per class and seed at each point of Figure 3; the paper's 1000 in all."""
        return 50 if self.quick else 1000 // len(self.seeds)

    @property
    def repeats(self) -> str:
        """The seeds in words."""
        return f"seed {self.seed}" if len(self.seeds) == 1 else f"mean of {len(self.seeds)} seeds"

    @property
    def cut_diagonals(self) -> tuple[int, ...]:
        """The points of Figure 2."""
        return self.cuts or (*range(0, 90, 10), 85, 90)

    @property
    def epochs(self) -> tuple[int, ...]:
        """The points of Figure 3."""
        if self.quick:
            return (1, 3, 10, 20, 30, 50, 100, 200, 300)
        return (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 250, 300)

    def machine(self, rule: str, slower: int = 0) -> MachineSpec:
        """The machine that learns by a rule, its learning rate halved ``slower`` times."""
        shift = self.spec.settings.eta_shifts[0] + slower
        settings = replace(self.spec.settings, rule=rule, eta_shifts=(shift,))
        if RULES[rule].second is Second.SIDE:
            settings = replace(settings, nudged_steps=SIDE_STEPS)
        return replace(self.spec, settings=settings)

    def identity(self) -> dict[str, Any]:
        """What two runs must have in common to share results, as JSON has it."""
        return {
            "spec_hash": self.spec.spec_hash,
            "settings": settings_json(self.spec.settings),
            "patterns": hashlib.sha256(self.patterns.pixels.tobytes()).hexdigest()[:16],
            "seed": self.seed,
            "quick": self.quick,
            "flips": list(self.flips),
            "cuts": list(self.cuts),
            "board": self.board,
        }


def settings_json(settings: Settings) -> dict[str, Any]:
    """The settings as JSON gives them back."""
    return {**dataclasses.asdict(settings), "eta_shifts": list(settings.eta_shifts)}
