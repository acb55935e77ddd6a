"""Convolution: errors on MNIST epoch by epoch, of the golden machine and of float64, beside a machine of full layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ohmprop.host.experiments.jobs import Result, Store
from ohmprop.host.experiments.reproduce.finding import Finding, Target
from ohmprop.host.experiments.reproduce.plan import Plan, settings_json
from ohmprop.host.run.learner import Alone, golden_answers
from ohmprop.host.run.readings import error
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.task import ImageSource, ImageTask
from ohmprop.host.run.train import Training, train
from ohmprop.model.data.datasets import Choice, load
from ohmprop.model.float64.reference import Reference, initial_weights
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.kernels import joints

GOLDEN, FLOAT64 = "golden", "float64"


class Course(NamedTuple):
    """How a machine is trained: its epochs, and how often its rates are halved in each."""

    machine: str
    epochs: int
    halvings: float


#: Those of a full reproduction, those of a quick one, and its training images in each class.
COURSES = (
    Course("mnist-p16-s32-10", 5, 0.8),
    Course("mnist-s16-s32-10", 8, 0.5),
    Course("mnist-p8-s16-10", 6, 0.67),
    Course("mnist-784-500-10", 6, 0.4),
)
QUICK = tuple(course._replace(epochs=2, halvings=0.5) for course in COURSES)
QUICK_PER_CLASS = 400


@dataclass(frozen=True)
class Learn:
    """One training by the golden machine or by float64.

    Members
    -------
    course : machine, epochs and rates.
    engine : GOLDEN or FLOAT64.
    per_class : training images of each class; None: all.
    seed : of the initial weights, the choice of images and their order.
    """

    course: Course
    engine: str
    per_class: int | None
    seed: int

    @property
    def name(self) -> str:
        """The name of the cell's file."""
        machine, epochs, _ = self.course
        return f"{machine}-{epochs}epochs-{self.per_class or 'all'}-{self.engine}-seed{self.seed}"

    def compute(self) -> Result:
        """Shares of test images that are misread after each epoch; of the golden machine what its phases took, too."""
        start = fresh(MachineSpec.load(self.course.machine), self.seed)
        spec, dataset = start.spec, load("mnist", Choice(None, self.per_class), self.seed)
        source = ImageSource("mnist", halvings=self.course.halvings)
        task = ImageTask(source, dataset, self.seed, spec.pixel_bits)
        test: list[float] = []
        if self.engine == FLOAT64:
            reference = Reference(spec, spec.settings, initial_weights(spec, self.seed))
            for epoch in range(self.course.epochs):
                chosen = task.order(epoch)
                reference.settings = task.settings(spec, epoch)
                reference.learn_many(task.inputs[chosen], task.targets[chosen])
                test.append(error(dataset.test_labels, reference.recall_many(task.test_inputs)))
            return {"test": test}
        learner = Alone(spec, start.weights, start.lfsr)

        def after_epoch(epoch: int, training: Training) -> None:
            test.append(error(dataset.test_labels, golden_answers(learner.machine, task.test_inputs)))

        found = train(Run(start, task, self.course.epochs), learner, after_epoch=after_epoch)
        sweeps = {"free": found.free_steps, "nudged": found.nudged_steps}
        return {"test": test, **sweeps, "unsettled": found.unsettled, "images": len(task.inputs)}


def products(spec: MachineSpec, steps: float) -> float:
    """Multiplications in this number of sweeps or steps, none skipped: the inputs' once, all others there and back in each."""
    if spec.kernels:
        found = joints(spec.layers, spec.kernels)
        sizes = [
            rows * columns * (joint.kernel.windows(joint.below) ** 2 if joint.kernel else 1)
            for joint in found
            for rows, columns in [joint.shape]
        ]
    else:
        sizes = [matrix.rows * matrix.columns for matrix in spec.matrices]
    return sizes[0] + 2 * steps * sum(sizes[1:])


def _courses(plan: Plan) -> tuple[Course, ...]:
    return QUICK if plan.quick else COURSES


def _cells(plan: Plan) -> Sequence[Learn]:
    per_class = QUICK_PER_CLASS if plan.quick else None
    golden = [Learn(course, GOLDEN, per_class, seed) for course in _courses(plan) for seed in plan.seeds]
    # Float64 takes several times as long, so of it there is one seed.
    return [*golden, *(Learn(course, FLOAT64, per_class, plan.seed) for course in _courses(plan))]


def _finding(plan: Plan, store: Store) -> Finding:
    results = {cell: store.load(cell) or {} for cell in _cells(plan)}
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    rows, records = [], []
    for number, course in enumerate(_courses(plan)):
        spec, epochs = MachineSpec.load(course.machine), range(1, course.epochs + 1)
        own = [(cell, result) for cell, result in results.items() if cell.course == course]
        golden = [result for cell, result in own if cell.engine == GOLDEN]
        (exact,) = (result["test"] for cell, result in own if cell.engine == FLOAT64)
        curves = np.array([result["test"] for result in golden])
        axes.plot(epochs, 100 * curves.mean(axis=0), f"C{number}o-", label=course.machine, markersize=4)
        axes.fill_between(epochs, 100 * curves.min(axis=0), 100 * curves.max(axis=0), color=f"C{number}", alpha=0.2)
        axes.plot(epochs, 100 * np.array(exact), f"C{number}:", label=f"{course.machine}, float64")
        steps = float(np.mean([result["free"] + result["nudged"] for result in golden]))
        last = 100 * curves[:, -1]
        rows.append(
            (
                course.machine,
                f"{spec.synapses * spec.matrices[0].stored.bits:,}",
                f"{products(spec, steps) / 1e6:.2f}",
                str(course.epochs),
                f"{last.mean():.2f} ({last.min():.2f}-{last.max():.2f})",
                f"{100 * exact[-1]:.2f}",
                f"{np.mean([result['free'] for result in golden]):.1f}",
                f"{sum(sum(result['unsettled']) for result in golden):,}",
            )
        )
        records += [
            (course.machine, cell.engine, cell.seed, epoch, result["test"][epoch - 1])
            for cell, result in own
            for epoch in epochs
        ]
    axes.set(xlabel="epochs", ylabel="test images misread, %")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    images = f"{QUICK_PER_CLASS} training images per class" if plan.quick else "all training images"
    return Finding(
        f"Convolution on MNIST, {images}, {plan.repeats}",
        "Ernoult et al. 2019 report about 1 % with kernels of 32 and 64 channels and 40 epochs, in floating point.",
        {course.machine: settings_json(MachineSpec.load(course.machine).settings) for course in _courses(plan)},
        ("machine", "engine", "seed", "epoch", "error"),
        records,
        (
            *("machine", "weight bits", "M products per pattern, none skipped", "epochs"),
            *("misread, %", "float64", "free sweeps", "unsettled"),
        ),
        rows,
        figure,
    )


CONVOLUTION = Target(_cells, _finding)
