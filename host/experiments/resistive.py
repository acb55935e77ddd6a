"""What ``ohmprop resistive`` does: nonlinear resistive networks that learn by equilibrium propagation, and who solves them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.analog.engines import Neospice, Ngspice, Spice
from ohmprop.analog.resistive import Cells, ResistiveNetwork, ResistiveSpec, alike
from ohmprop.host.show.console import progress, show, stoppable
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import save
from ohmprop.host.show.resistive import training_figure
from ohmprop.model.data.datasets import Choice, choose, found
from ohmprop.model.errors import UserError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Of the seeds that share irises into images that are learnt and others, whatever the network's is; and how many are learnt.
IRIS_SEED, IRIS_LEARNT = 0, 100
#: Siemens of the nudges by which EP's gradient is compared with the adjoint's, and how many patterns it is taken of.
SMALL_BETA, COMPARED = 1e-6, 10


class Data(NamedTuple):
    """Patterns from -1 to 1 and their classes, to learn and to test; (count, inputs) and (count,)."""

    inputs: Floats
    labels: Integers
    test_inputs: Floats
    test_labels: Integers


@dataclass(frozen=True)
class Task:
    """How a data set is learnt if nobody says otherwise.

    Members
    -------
    layers : inputs, hidden nodes, outputs.
    epochs, batch : rounds through the patterns, and patterns of an update.
    rate : S^2 / V^2, of the gradient.
    """

    layers: tuple[int, int, int]
    epochs: int
    batch: int
    rate: float


TASKS = {
    "xor": Task((2, 6, 2), 100, 1, 6e-8),
    "iris": Task((4, 10, 3), 20, 1, 2e-8),
    "digits": Task((64, 64, 10), 12, 10, 6e-8),
}


def load(name: str) -> Data:
    """The data set; UserError if it cannot be had."""
    if name == "xor":
        inputs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float64)
        labels = np.array([0, 1, 1, 0])
        return Data(inputs, labels, inputs, labels)
    if name == "digits":
        digits = choose(found("digits"), Choice())
        learnt, unseen = (
            images.reshape(len(images), -1) / 127.5 - 1 for images in (digits.train_images, digits.test_images)
        )
        return Data(learnt, digits.train_labels, unseen, digits.test_labels)
    try:
        from sklearn.datasets import load_iris
    except ModuleNotFoundError:
        raise UserError(
            "The irises are those of scikit-learn; install it with `pip install 'ohmprop[data]'`."
        ) from None
    irises = load_iris()
    low, high = irises.data.min(axis=0), irises.data.max(axis=0)
    inputs, labels = 2 * (irises.data - low) / (high - low) - 1, irises.target.astype(np.int64)
    order = np.random.default_rng(IRIS_SEED).permutation(len(inputs))
    first, rest = order[:IRIS_LEARNT], order[IRIS_LEARNT:]
    return Data(inputs[first], labels[first], inputs[rest], labels[rest])


class Learning:
    """A network that learns a task.

    Attributes
    ----------
    rows : accuracies and loss after each epoch.
    """

    def __init__(self, name: str, hidden: int | None, seed: int) -> None:
        self.task, self.data = TASKS[name], load(name)
        inputs, middle, outputs = self.task.layers
        self.network = ResistiveNetwork((inputs, hidden or middle, outputs), ResistiveSpec(), seed)
        self.rows: list[dict[str, float]] = []
        self._rng = np.random.default_rng(seed)

    def targets(self, labels: Integers) -> Floats:
        """Volts that the outputs are to have (count, outputs)."""
        level = self.network.spec.target
        return np.where(labels[:, None] == np.arange(self.task.layers[2]), level, -level)

    def epoch(self, rate: float, beta: float) -> None:
        """Learn all patterns once, in an order of its own; each update's nudge has a random sign."""
        data, size, network = self.data, self.task.batch, self.network
        order = self._rng.permutation(len(data.inputs))
        for first in range(0, len(order), size):
            chosen = order[first : first + size]
            sign = self._rng.choice((-1.0, 1.0))
            nudge = np.full(len(chosen), sign * beta)
            network.learn(data.inputs[chosen], self.targets(data.labels[chosen]), nudge, rate)
        self.rows.append(
            {
                "train_accuracy": float((network.read(data.inputs) == data.labels).mean()),
                "test_accuracy": float((network.read(data.test_inputs) == data.test_labels).mean()),
            }
        )

    def gradients(self, count: int = COMPARED) -> tuple[Cells, Cells]:
        """EP's gradient of the first patterns with a small nudge either way, and that of the adjoint."""
        chosen = slice(0, count)
        inputs, targets = self.data.inputs[chosen], self.targets(self.data.labels[chosen])
        contrast = self.network.contrast(inputs, targets, np.full(len(inputs), SMALL_BETA), symmetric=True)
        return contrast, self.network.adjoint(inputs, targets)


def spice_gradient(learning: Learning, solver: Neospice) -> Cells:
    """The first pattern's gradient by every cell, by the adjoint of SPICE."""
    network, data = learning.network, learning.data
    targets = learning.targets(data.labels[:1])
    text = network.netlist(data.inputs[0], targets[0])
    outputs = network.nodes[network.layers[1] :]
    # Once a pattern is learnt its error is below what SPICE can resolve.
    error = network.outputs(network.solve(network.lines(data.inputs[:1]), targets, np.zeros(1)))[0] - targets[0]
    by_ohms = np.concatenate([error, -error]) @ solver.slopes(text, outputs, network.resistors)
    siemens = np.concatenate([cells.ravel() for cells in network.cells])
    by_siemens = -by_ohms / siemens**2
    first = network.cells.first
    return Cells(
        by_siemens[: first.size].reshape(first.shape), by_siemens[first.size :].reshape(network.cells.second.shape)
    )


@dataclass(frozen=True)
class Manner:
    """How a network learns: the data's name, hidden nodes, epochs and rate (None: the task's), beta in siemens, and the seed."""

    data: str
    hidden: int | None
    epochs: int | None
    rate: float | None
    beta: float
    seed: int

    def learnt(self) -> tuple[Learning, bool]:
        """What has been learnt, and whether Ctrl-C ended it before its time."""
        learning = Learning(self.data, self.hidden, self.seed)
        epochs, rate = self.epochs or learning.task.epochs, self.rate or learning.task.rate
        with stoppable() as stopped, progress("learning", epochs) as advance:
            for epoch in range(epochs):
                if stopped():
                    return learning, True
                # It falls to nothing, so that the last patterns do not undo the others.
                learning.epoch(rate * (1 - epoch / epochs), self.beta)
                advance()
        return learning, False


def run_train(manner: Manner, json_file: Path | None, out: Path | None) -> None:
    """Learn a data set, and say how well, and how near EP's gradient is to the adjoint's. Ctrl-C keeps the figures so far."""
    check_writable(json_file)
    if out:
        check_writable(out, folder=True)
    learning, cut_short = manner.learnt()
    network, rows = learning.network, learning.rows
    cosine, length = alike(*learning.gradients())
    figures: dict[str, Any] = {
        "data": manner.data,
        "layers": list(network.layers),
        "seed": manner.seed,
        "epochs": len(rows),
        **(rows[-1] if rows else {}),
        "adjoint_cosine": cosine,
        "adjoint_length": length,
        "cells_at_smallest": float(
            np.mean(np.concatenate([cells.ravel() for cells in network.cells]) <= network.spec.g_min)
        ),
    }
    if json_file:
        write_json(json_file, {**figures, "rows": rows})
    if out:
        save(training_figure(rows, network.cells), out / f"{manner.data}.png")
    show("Nonlinear resistive network, learnt by equilibrium propagation", figures)
    if cut_short:
        raise KeyboardInterrupt(f"Interrupted after {len(rows)} epochs; their figures are above.")


def run_compare(manner: Manner, images: int, json_file: Path | None) -> None:
    """Learn, then solve patterns by Newton's method and by every SPICE that is installed, and compare gradients."""
    check_writable(json_file)
    solvers: list[Spice] = []
    missing = []
    for kind in (Neospice, Ngspice):
        try:
            solvers.append(kind())
        except UserError as error:
            missing.append(str(error))
    if not solvers:
        raise UserError(" ".join(missing))
    learning, cut_short = manner.learnt()
    if cut_short:
        raise KeyboardInterrupt("Interrupted; nothing was compared.")
    network, data = learning.network, learning.data
    differences = dict.fromkeys((solver.name for solver in solvers), 0.0)
    for inputs, label in zip(data.inputs[:images], data.labels[:images], strict=True):
        targets = learning.targets(np.array([label]))[0]
        for beta in (0.0, manner.beta):
            own = network.solve(network.lines(inputs[None]), targets[None], np.full(1, beta))[0]
            for solver in solvers:
                volts = solver.operating_point(network.netlist(inputs, targets, beta), network.nodes)
                differences[solver.name] = max(differences[solver.name], float(np.abs(volts - own).max()))
    contrast, adjoint = learning.gradients()
    cosine, length = alike(contrast, adjoint)
    figures: dict[str, Any] = {
        "data": manner.data,
        "layers": list(network.layers),
        "images": min(images, len(data.inputs)),
        "microvolts_from_newton": {name: 1e6 * volts for name, volts in differences.items()},
        "adjoint_cosine": cosine,
        "adjoint_length": length,
    }
    for solver in solvers:
        if isinstance(solver, Neospice):
            cosine, length = alike(learning.gradients(1)[0], spice_gradient(learning, solver))
            figures |= {"spice_adjoint_cosine": cosine, "spice_adjoint_length": length}
    if json_file:
        write_json(json_file, figures)
    show("Newton's method, SPICE, and gradients", figures | ({"missing": missing} if missing else {}))
