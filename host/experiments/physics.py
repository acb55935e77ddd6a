"""What ``ohmprop train --physics`` does: a circuit settles, the host changes the weights, and float64 learns beside it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ohmprop.analog.comparing import EULER_STEPS
from ohmprop.analog.engines import engine
from ohmprop.analog.learning import CircuitLearner
from ohmprop.analog.spec import AnalogSpec
from ohmprop.host.run.checkpoint import INTERRUPTED, Checkpoint
from ohmprop.host.run.readings import read
from ohmprop.host.run.run import Beginning
from ohmprop.host.run.task import ImageTask, Source, Task
from ohmprop.host.show.console import print_table, progress, show, stoppable
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.data.patterns import corrupt
from ohmprop.model.float64.reference import Reference, initial_weights, quantise

#: The engine by the name that --physics has.
PHYSICS = {"spice": None, "neospice": "neospice", "ngspice": "ngspice", "equations": "equations"}
#: Flip probability of the images that are recalled at each checkpoint, how many of each pattern, and of test images.
FLIP, COPIES, TEST_IMAGES = 0.10, 2, 50
#: Checkpoints in a run.
CHECKPOINTS = 4


@dataclass
class Beside:
    """The circuit and float64, which learn the same.

    Members
    -------
    images, wanted : what is recalled at a checkpoint, and the right answers.
    """

    circuit: CircuitLearner
    reference: Reference
    images: Any
    wanted: Any

    def row(self, epoch: int) -> dict[str, Any]:
        """What both recall after an epoch, and by how much their weights differ."""
        answers = np.array([self.circuit.recall(image) for image in self.images])
        expected = self.reference.recall_many(self.images)
        pairs = zip(self.circuit.weights, self.reference.weights, strict=True)
        return {
            "epoch": epoch,
            "circuit": self._share(answers),
            "float64": self._share(expected),
            "weights_differ": max(float(np.abs(mine - theirs).max()) for mine, theirs in pairs),
        }

    def _share(self, answers: Any) -> float:
        if self.wanted.ndim == 2:
            return float((answers == self.wanted).all(axis=1).mean())
        return float((read(answers) == self.wanted).mean())


def run_physics(
    beginning: Beginning,
    source: Source,
    epochs: int,
    physics: str,
    save: Path | None,
    json_file: Path | None,
) -> None:
    """Learn in closed loop with a circuit. Ctrl-C saves what was learnt."""
    for path in (save, json_file):
        check_writable(path)
    solver = engine(PHYSICS[physics])
    spec = source.machine(beginning.machine)
    # Both phases of float64 settle as those of the circuit do.
    settled = replace(spec.settings, free_steps=EULER_STEPS, nudged_steps=EULER_STEPS)
    recalled = replace(settled, driven_steps=EULER_STEPS, released_steps=EULER_STEPS if spec.recurrent else 0)
    weights = initial_weights(spec, beginning.seed)
    task = source.load(spec, beginning.seed)
    circuit = CircuitLearner(spec, weights, AnalogSpec.load(beginning.machine), solver)
    beside = Beside(circuit, Reference(spec, recalled, weights), *_images(task, beginning.seed))
    at = {max(1, epochs * number // CHECKPOINTS) for number in range(1, CHECKPOINTS + 1)}
    rows, learnt, count = [], 0, len(task.inputs)
    with stoppable() as stopped, progress("learning", epochs * count) as advance:
        for epoch in range(epochs):
            shifts = task.settings(spec, epoch).eta_shifts
            circuit.settings, beside.reference.settings = (
                replace(settings, eta_shifts=shifts) for settings in (spec.settings, recalled)
            )
            for number in task.order(epoch):
                if stopped():
                    break
                pattern, target = task.inputs[number], task.targets[number]
                circuit.learn(pattern, target)
                beside.reference.learn(pattern, target)
                learnt += 1
                advance()
            if stopped():
                break
            if epoch + 1 in at:
                rows.append(beside.row(epoch + 1))
    kept = save or (INTERRUPTED if stopped() else None)
    if kept:
        options = {**task.options, "epochs": epochs}
        Checkpoint(spec, quantise(spec, circuit.weights), DEFAULT_LFSR, learnt, beginning.seed, {}, options).save(kept)
    figures = {
        "spec_hash": spec.spec_hash,
        "engine": solver.name,
        "patterns": task.name,
        "learnt": learnt,
        "phases_solved": circuit.solved,
        "phases_unsettled": circuit.unsettled,
    }
    if json_file:
        write_json(json_file, {**figures, "checkpoints": rows})
    table = Table(
        "epoch", "circuit", "float64", "largest difference of weights", title="Read or recalled without error"
    )
    for row in rows:
        table.add_row(
            str(row["epoch"]), f"{row['circuit']:.4f}", f"{row['float64']:.4f}", f"{row['weights_differ']:.6f}"
        )
    print_table(table)
    show("Closed loop", figures)
    if stopped():
        raise KeyboardInterrupt(
            f"Interrupted after {learnt} patterns; the machine's weights that are nearest are in {kept}."
        )


def _images(task: Task, seed: int) -> tuple[Any, Any]:
    """Images (count, inputs) and what they are: corrupted copies and their patterns, or test images and their classes."""
    if isinstance(task, ImageTask):
        return task.test_inputs[:TEST_IMAGES], task.dataset.test_labels[:TEST_IMAGES]
    images, labels = corrupt(task.targets, FLIP, COPIES, np.random.default_rng(seed))
    return images, task.targets[labels]
