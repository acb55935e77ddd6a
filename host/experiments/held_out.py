"""Learning of the golden machine by which settings are chosen: from some of the training images, the others being held out."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.run.readings import error
from ohmprop.model.data.datasets import Dataset, order, pixels
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.golden.machine import GoldenMachine, eta_shifts_at
from ohmprop.model.spec import MachineSpec

#: One in this many training images is held out.
SHARE = 5


def held_out(dataset: Dataset, held: NDArray[np.bool_]) -> Dataset:
    """The training images alone, those of the mask in place of the test images."""
    images, labels = dataset.train_images, dataset.train_labels
    return replace(
        dataset,
        train_images=images[~held],
        train_labels=labels[~held],
        test_images=images[held],
        test_labels=labels[held],
    )


def by_place(dataset: Dataset) -> NDArray[np.bool_]:
    """Every fifth training image, whatever its class: for data in no order, as the digits."""
    held: NDArray[np.bool_] = np.arange(len(dataset.train_labels)) % SHARE == 0
    return held


def by_class(dataset: Dataset) -> NDArray[np.bool_]:
    """Every fifth training image of each class, however the data are ordered; none of a class of fewer."""
    held = np.zeros(len(dataset.train_labels), np.bool_)
    for place in range(len(dataset.classes)):
        held[np.flatnonzero(dataset.train_labels == place)[SHARE - 1 :: SHARE]] = True
    return held


def learnt(spec: MachineSpec, dataset: Dataset, epochs: int, halvings: float, seed: int) -> GoldenMachine:
    """A golden machine that has learnt the training images from the seed's initial weights."""
    images = pixels(dataset.train_images, spec.pixel_bits)
    targets = dataset.train_labels[:, None] == np.arange(spec.outputs)
    machine = GoldenMachine(spec)
    machine.weights = quantise(spec, initial_weights(spec, seed))
    for epoch in range(epochs):
        machine.settings = replace(spec.settings, eta_shifts=eta_shifts_at(spec, epoch, halvings))
        chosen = order(dataset, epoch, seed)
        machine.learn_many(images[chosen], targets[chosen])
    return machine


def misread(machine: GoldenMachine, images: NDArray[np.uint8], labels: NDArray[Any]) -> float:
    """The share of images (count, inputs), 0 to 255, that the machine misreads."""
    return error(labels, machine.recall_many(pixels(images, machine.spec.pixel_bits))[0])


def dead_outputs(machine: GoldenMachine, images: NDArray[np.uint8]) -> int:
    """Outputs that are 0 for all of these images."""
    answers = machine.recall_many(pixels(images, machine.spec.pixel_bits))[0]
    return int((answers.max(axis=0) == 0).sum())
