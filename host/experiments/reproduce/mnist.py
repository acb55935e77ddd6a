"""Figure 5: errors on five classes of MNIST against epochs, by the golden machine of 784-128-5."""

from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ohmprop.host.experiments.classifier import Curves
from ohmprop.host.experiments.jobs import Result, Store
from ohmprop.host.experiments.reproduce.finding import Finding, Target
from ohmprop.host.experiments.reproduce.plan import Plan, settings_json
from ohmprop.host.run.learner import Alone, golden_answers
from ohmprop.host.run.readings import error
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.task import ImageSource, ImageTask
from ohmprop.host.run.train import Training, train
from ohmprop.model.data.datasets import Choice, Dataset, load, pixels
from ohmprop.model.spec import MachineSpec

MACHINE = "mnist-784-128-5"
CLASSES = (0, 1, 2, 3, 4)
#: Training images per class, and images per point of the paper's curves.
PER_CLASS = 600
POINT_IMAGES = 100
EPOCHS = 6
#: The learning rates are halved after each epoch.
HALVINGS = 1.0
#: First seed of the choice of a point's images.
_POINT = 13
#: The curves: names in the result, colours and styles.
_CURVES = {
    "train_100": ("100 training images", "C1", "o--"),
    "test_100": ("100 test images", "C0", "o--"),
    "train": ("all training images", "C1", "-"),
    "test": ("all test images", "C0", "-"),
    "float64_train": ("all training images, float64", "C1", ":"),
    "float64_test": ("all test images, float64", "C0", ":"),
}


@dataclass(frozen=True)
class Classify:
    """One training of the classifier.

    Members
    -------
    seed : of the initial weights, the choice of training images, their order, and the images of each point.
    """

    seed: int

    @property
    def name(self) -> str:
        """The name of the cell's file."""
        return f"{MACHINE}-{EPOCHS}epochs-seed{self.seed}"

    def compute(self) -> Result:
        """Shares of misread images after each epoch, by the names of the curves."""
        start = fresh(MachineSpec.load(MACHINE), self.seed)
        dataset = images(self.seed)
        task = ImageTask(ImageSource("mnist", halvings=HALVINGS), dataset, self.seed, start.spec.pixel_bits)
        learner = Alone(start.spec, start.weights, start.lfsr)
        curves = Curves(task, learner.machine, start)
        points: dict[str, list[float]] = {"train_100": [], "test_100": []}

        def after_epoch(epoch: int, training: Training) -> None:
            curves.after_epoch(epoch, training)
            rng = np.random.default_rng([_POINT, self.seed, epoch])
            points["train_100"].append(self._point(learner, dataset.train_images, dataset.train_labels, rng))
            points["test_100"].append(self._point(learner, dataset.test_images, dataset.test_labels, rng))

        train(Run(start, task, EPOCHS), learner, after_epoch=after_epoch)
        return {
            **points,
            "train": curves.train_error,
            "test": curves.golden_test_error,
            "float64_train": curves.reference_train_error,
            "float64_test": curves.reference_test_error,
            "counts": [len(dataset.train_labels), len(dataset.test_labels)],
            "dead_outputs": [asdict(dead) for dead in curves.dead_outputs],
        }

    def _point(
        self, learner: Alone, chosen: NDArray[np.uint8], labels: NDArray[np.int64], rng: np.random.Generator
    ) -> float:
        """The error on random ones of these images (count, pixels)."""
        which = rng.choice(len(labels), POINT_IMAGES, replace=False)
        answers = golden_answers(learner.machine, pixels(chosen[which], learner.machine.spec.pixel_bits))
        return error(labels[which], answers)


def images(seed: int) -> Dataset:
    """The training and test images; UserError, naming the command that fetches them, if the cache lacks MNIST."""
    return load("mnist", Choice(CLASSES, PER_CLASS), seed)


def _figure5(plan: Plan, store: Store) -> Finding:
    results = {seed: store.load(Classify(seed)) or {} for seed in plan.seeds}
    epochs = range(1, EPOCHS + 1)
    means = {curve: np.mean([result[curve] for result in results.values()], axis=0) for curve in _CURVES}
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for curve, (label, colour, style) in _CURVES.items():
        axes.plot(epochs, 100 * means[curve], f"{colour}{style}", label=label, markersize=4)
    axes.set(xlabel="epochs", ylabel="misread, %", xticks=epochs)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    train_count, test_count = results[plan.seed]["counts"]
    counts = {"train_100": POINT_IMAGES, "test_100": POINT_IMAGES, "train": train_count, "test": test_count}
    counts |= {"float64_train": train_count, "float64_test": test_count}
    spec = MachineSpec.load(MACHINE)
    return Finding(
        f"Figure 5: five classes of MNIST, {PER_CLASS} images per class, 784-128-5, {plan.repeats}",
        "Errors on 100 random training and 100 test images fall over the epochs, consistent with Scellier and Bengio 2017.",
        {"machine": MACHINE, "classifier_spec_hash": spec.spec_hash, "ep": settings_json(spec.settings)},
        ("epoch", "seed", "curve", "images", "error"),
        [
            (epoch, seed, _CURVES[curve][0], counts[curve], result[curve][epoch - 1])
            for seed, result in results.items()
            for curve in _CURVES
            for epoch in epochs
        ],
        ("epoch", *(label for label, _, _ in _CURVES.values())),
        [(str(epoch), *(f"{means[curve][epoch - 1]:.2%}" for curve in _CURVES)) for epoch in epochs],
        figure,
    )


FIGURE5 = Target(lambda plan: [Classify(seed) for seed in plan.seeds], _figure5)
