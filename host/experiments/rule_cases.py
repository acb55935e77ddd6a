"""The learning rules and orders on the machines that have them: what `bench rules` and `reproduce family` run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ohmprop.host.experiments.jobs import Result
from ohmprop.host.run.learner import Alone, golden_answers
from ohmprop.host.run.readings import error
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.task import ImageSource, ImageTask, PatternSource, Source
from ohmprop.host.run.train import train
from ohmprop.model.data.datasets import Choice
from ohmprop.model.data.patterns import Pixels, corrupt, glyphs, recalled
from ohmprop.model.float64.bptt import symmetry
from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped, needed

#: Probabilities that a pixel is flipped, corrupted images per class and seed, and the first seed of their noise.
FLIPS, IMAGES, _NOISE = (0.1, 0.2), 500, 29


@dataclass(frozen=True)
class Task:
    """What a ready machine learns, and for how long: the run that it ships with."""

    machine: str
    source: Source
    epochs: int


GLYPHS = Task("glyphs-100", PatternSource("glyphs"), 100)
SHALLOW = Task("digits-64-32-10", ImageSource("digits", halvings=0.5), 12)
DEEP = Task("digits-64-64-64-10", ImageSource("digits", halvings=0.07), 30)
DEEPEST = Task("digits-64-32-32-32-10", ImageSource("digits", halvings=0.07), 30)
SMALL = Task("mnist-196-128-5", ImageSource("mnist", Choice((0, 1, 2, 3, 4), 600, 14), 0.4), 6)
FIVE = Task("mnist-784-128-5", ImageSource("mnist", Choice((0, 1, 2, 3, 4), 600), 0.4), 6)
NARROW = Task("mnist-784-128-10", ImageSource("mnist", halvings=0.4), 6)
TEN = Task("mnist-784-500-10", ImageSource("mnist", halvings=0.4), 6)

#: All neurons together by half steps, as any machine can; and blocks of lanes in turn by whole steps.
TOGETHER: dict[str, Any] = {"order": "together", "free_eps": 0.5, "nudged_eps": 0.5}
_BLOCKS: dict[str, Any] = {"order": "blocks", "free_eps": 1.0}
_LAYERS: dict[str, Any] = {"order": "layers", "free_eps": 1.0, "nudged_eps": 1.0}


@dataclass(frozen=True)
class Case:
    """A machine, with settings other than its own.

    Members
    -------
    task : the machine and what it learns.
    changes : settings to change, by their names; the machine gets the hardware that they need.
    fine_bits : of the weights; None: the machine's own.
    """

    task: Task
    changes: tuple[tuple[str, Any], ...] = ()
    fine_bits: int | None = None

    @classmethod
    def of(cls, task: Task, fine_bits: int | None = None, **changes: Any) -> "Case":
        """A case with these settings."""
        return cls(task, tuple(sorted(changes.items())), fine_bits)

    @cached_property
    def spec(self) -> MachineSpec:
        """The machine as it learns, without the hardware for turns that it does not take, which costs clocks."""
        spec = MachineSpec.load(self.task.machine)
        if self.fine_bits is not None:
            spec = replace(spec, fine_bits=self.fine_bits)
        spec = equipped(spec, **dict(self.changes))
        learning: MachineSpec = replace(spec, in_turn="in_turn" in [field for _, field in needed(spec.settings)])
        return learning

    def row(self, results: Sequence[Result]) -> dict[str, Any]:
        """What the case is, and the means of what ``learn`` came to with several seeds, by the names that the JSON uses."""
        settings = self.spec.settings
        return {
            "machine": self.task.machine,
            "rule": settings.rule,
            "order": settings.order,
            "eps": [settings.free_eps, settings.nudged_eps],
            "fine_bits": self.spec.fine_bits,
            **{name: np.mean([result[name] for result in results], axis=0).tolist() for name in results[0]},
        }

    def learn(self, seed: int, compare: bool) -> Result:
        """What a run comes to, as JSON can hold it; ``compare``: with float64 beside the machine."""
        start = fresh(self.spec, seed)
        task = self.task.source.load(self.spec, seed)
        learner = Alone(self.spec, start.weights, start.lfsr)
        reference = Reference(self.spec, self.spec.settings, initial_weights(self.spec, seed)) if compare else None

        def after_epoch(epoch: int, training: Any) -> None:
            if reference:
                chosen = task.order(epoch - 1)
                reference.settings = task.settings(self.spec, epoch - 1)
                reference.learn_many(task.inputs[chosen], task.targets[chosen])

        training = train(Run(start, task, self.task.epochs), learner, after_epoch=after_epoch)
        result: dict[str, Any] = {
            "free_steps": training.free_steps,
            "nudged_steps": training.nudged_steps,
            "clocks_per_pattern": training.clocks_per_pattern,
        }
        machine = learner.machine
        if self.spec.asymmetric:
            result["cosine"] = symmetry(self.spec, machine.weights)
        if isinstance(task, ImageTask):
            labels, unseen = task.dataset.test_labels, task.test_inputs
            answers = golden_answers(machine, task.inputs)
            result["dead_outputs"] = int((answers.max(axis=0) == 0).sum())
            result["test_error"] = error(labels, golden_answers(machine, unseen))
            if reference:
                result["reference_test_error"] = error(labels, reference.recall_many(unseen))
            return result
        result["recall"] = [_share(seed, p, machine.recall_many) for p in FLIPS]
        if reference:
            result["reference_recall"] = [
                _share(seed, p, lambda images: (reference.recall_many(images),)) for p in FLIPS
            ]
        return result


def _share(seed: int, p: float, recall_many: Any) -> float:
    """The share of corrupted glyphs that are recalled without error."""
    images, labels = corrupt(glyphs(), p, IMAGES, np.random.default_rng([_NOISE, seed, round(p * 1e9)]))
    signs: Pixels = recall_many(images)[0]
    return float(recalled(glyphs(), labels, signs).mean())


#: The first of each machine has all neurons step together, and the others are compared with it; one without changes is the
#: machine as it ships.
CASES: Sequence[Case] = (
    Case.of(GLYPHS),
    Case.of(GLYPHS, **_BLOCKS),
    Case.of(GLYPHS, rule="rbp", nudged_steps=20),
    Case.of(GLYPHS, rule="continual"),
    Case.of(GLYPHS, rule="vector-field"),
    Case.of(GLYPHS, rule="continual-vector-field"),
    Case.of(SHALLOW),
    Case.of(SHALLOW, **_LAYERS),
    Case.of(SHALLOW, rule="continual"),
    Case.of(SHALLOW, rule="vector-field"),
    Case.of(DEEP, **TOGETHER, nudged_steps=8),
    Case.of(DEEP),
    Case.of(DEEP, 0),
    Case.of(DEEP, 8),
    Case.of(DEEPEST, **TOGETHER, nudged_steps=20),
    Case.of(DEEPEST),
    Case.of(SMALL, **TOGETHER),
    Case.of(SMALL),
    Case.of(FIVE, **TOGETHER),
    Case.of(FIVE),
    Case.of(FIVE, rule="continual", eta_shifts=(4, 6)),
    Case.of(FIVE, **TOGETHER, rule="continual", eta_shifts=(4, 6)),
    Case.of(FIVE, **TOGETHER, rule="vector-field"),
    Case.of(NARROW, **TOGETHER),
    Case.of(NARROW),
    Case.of(TEN, **TOGETHER, nudged_steps=4),
    Case.of(TEN),
)


def first_of(task: Task) -> Case:
    """The case of this task in which all neurons step together."""
    return next(case for case in CASES if case.task == task)
