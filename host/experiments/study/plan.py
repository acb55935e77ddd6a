"""What a study computes: its points, the settings tried at each of them, and the trials."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ohmprop.host.experiments.jobs import Result, Store
from ohmprop.host.experiments.study.parameters import PARAMETERS, Value
from ohmprop.host.experiments.study.trial import Trial
from ohmprop.model.errors import UserError

#: Rates that are tried where the study names none: of the digits' first matrix, or of the glyphs' one.
RATES = {"glyphs": (4, 5, 6, 7, 8, 9), "digits": (2, 3, 4, 5, 6)}
#: Rounds through the patterns and corrupted images a glyph and probability, of a quick study and of a full one.
EPOCHS = {"glyphs": (30, 100), "digits": (4, 12)}
IMAGES = (25, 100)
#: The seed of the trials that choose settings; the reported ones have the seeds from 1 on.
CHOOSING_SEED = 0
#: They recall one image in this many, which halves their time.
CHOOSING_SHARE = 4

Values = dict[str, Value]


@dataclass(frozen=True)
class Plan:
    """One study.

    Members
    -------
    data : "glyphs" or "digits".
    fixed, varied, tuned : parameters with their one value, with the values of the points, with those to choose from.
    seeds : trainings reported for each point.
    quick : fewer epochs and images.
    """

    data: str
    fixed: Mapping[str, Value]
    varied: Mapping[str, Sequence[Value]]
    tuned: Mapping[str, Sequence[Value]]
    seeds: int
    quick: bool

    @classmethod
    def of(
        cls,
        data: str,
        fixed: Sequence[tuple[str, Sequence[Value]]],
        varied: Sequence[tuple[str, Sequence[Value]]],
        tuned: Sequence[tuple[str, Sequence[Value]]],
        seeds: int,
        quick: bool,
    ) -> "Plan":
        """The plan of the command line's options; UserError if they do not go together."""
        if not 1 <= len(varied) <= 2:
            raise UserError(f"A study varies one parameter or two, not {len(varied)}; give --vary once or twice.")
        names = [name for name, _ in (*fixed, *varied, *tuned)]
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"{name} is given more than once; give it to one of --set, --vary and --tune, once.")
        for name, values in fixed:
            if len(values) > 1:
                raise UserError(f"--set {name} has {len(values)} values; give one, or --vary.")
        choices = dict(tuned) if "rate" in names else {**dict(tuned), "rate": RATES[data]}
        return cls(data, {name: values[0] for name, values in fixed}, dict(varied), choices, seeds, quick)

    def points(self) -> list[Values]:
        """The values of the varied parameters, point by point, the first parameter slowest."""
        return [dict(zip(self.varied, values, strict=True)) for values in itertools.product(*self.varied.values())]

    def candidates(self, point: Values) -> list[Values]:
        """The values of the tuned parameters that a point can have; UserError if it can have none."""
        found, refused = [], None
        for values in itertools.product(*self.tuned.values()):
            candidate = dict(zip(self.tuned, values, strict=True))
            try:
                self.trial(point, candidate, CHOOSING_SEED).machine()
                found.append(candidate)
            except UserError as error:
                refused = refused or error
        if refused and not found:
            raise refused
        return found

    def trial(self, point: Values, candidate: Values, seed: int) -> Trial:
        """The training of a point with these settings; seed CHOOSING_SEED is for choosing."""
        values = {**self.fixed, **point, **candidate}
        named = tuple(sorted(item for item in values.items() if item[1] != PARAMETERS[item[0]].default))
        size, choosing = 0 if self.quick else 1, seed == CHOOSING_SEED
        images = IMAGES[size] // CHOOSING_SHARE if choosing else IMAGES[size]
        return Trial(self.data, named, EPOCHS[self.data][size], images, seed, choosing)

    def trials(self, point: Values, candidate: Values) -> list[Trial]:
        """The trainings that are reported."""
        return [self.trial(point, candidate, seed) for seed in range(1, self.seeds + 1)]

    def choosing(self, point: Values, candidates: Sequence[Values]) -> list[Trial]:
        """The trainings that choose between settings, none if there is no choice."""
        return [self.trial(point, one, CHOOSING_SEED) for one in candidates] if len(candidates) > 1 else []

    def best(self, point: Values, candidates: Sequence[Values], store: Store) -> Values:
        """The settings of the highest mean score, the first of equals; all choosing trials are in the store."""
        trials = self.choosing(point, candidates)
        if not trials:
            return candidates[0]
        means = [mean_score(loaded(store, trial)) for trial in trials]
        return candidates[means.index(max(means))]

    def identity(self) -> dict[str, Any]:
        """What two studies must have in common to share a folder, as JSON has it; values and seeds may be added."""
        # JSON has no infinity.
        fixed = {name: str(value) for name, value in self.fixed.items()}
        return {
            "data": self.data,
            "varied": list(self.varied),
            "set": fixed,
            "tuned": list(self.tuned),
            "quick": self.quick,
        }


def loaded(store: Store, trial: Trial) -> Result:
    """What a computed trial has come to."""
    result = store.load(trial)
    assert result, "the trials are computed first"
    return result


def mean_score(result: Result) -> float:
    """The mean of a trial's scores."""
    scores = list(result["scores"].values())
    return float(sum(scores) / len(scores))
