"""What a run learns: patterns, each its own target, or the images of a data set, each with its class."""

import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.data.datasets import NAMES, Dataset, load, order, pixels
from ohmprop.model.data.patterns import Patterns, load_patterns
from ohmprop.model.errors import UserError
from ohmprop.model.golden.machine import eta_shifts_at
from ohmprop.model.spec import MachineSpec, Settings

Bits = NDArray[np.bool_]


class Task(Protocol):
    """What is learnt, round after round.

    Members
    -------
    inputs, targets : the patterns or images, (count, inputs), and their targets, (count, outputs).
    options : where they come from, by the names that a saved run has; `content` among them knows them again.
    alone : with --board golden the golden machine learns without a board and its protocol beside it.
    """

    @property
    def inputs(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def targets(self) -> Bits: ...  # noqa: D102
    @property
    def options(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def alone(self) -> bool: ...  # noqa: D102

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The numbers of the inputs in the order in which epoch 0, 1, ... has them."""

    def settings(self, spec: MachineSpec, epoch: int) -> Settings:
        """The settings of epoch 0, 1, ..."""


class Source(Protocol):
    """Where a task comes from, before a machine is known."""

    def machine(self, path: Path | None) -> MachineSpec:
        """The machine of a file or a name, or the default one; UserError if there is none."""

    def load(self, spec: MachineSpec, seed: int) -> Task:
        """The task for a machine; UserError if the two do not fit."""


def machine_of(path: Path | None) -> MachineSpec:
    """The machine of a file or a name; the default one if there is none."""
    return MachineSpec.load(path) if path else MachineSpec()


def check_recurrent(spec: MachineSpec) -> None:
    """Refuse a machine with inputs and outputs of their own, which learns images and not patterns."""
    if not spec.recurrent:
        raise UserError(
            f"This machine is a layered one, {'-'.join(map(str, spec.layers))}, and patterns need a recurrent one; give "
            "`ohmprop train` or `ohmprop eval` some --data, or another --machine."
        )


def check_layered(spec: MachineSpec) -> None:
    """Refuse a machine without inputs and outputs of their own, which learns patterns and not images."""
    if spec.recurrent:
        raise UserError(
            f"This machine is a recurrent one of {spec.neurons} units, and --data needs a layered one; give a --machine with "
            "inputs, hidden layers and outputs, or give --patterns."
        )


# -- patterns ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PatternSource:
    """Patterns as --patterns names them."""

    patterns: str

    def machine(self, path: Path | None) -> MachineSpec:
        """The machine of a file or a name; the default one if there is none."""
        return machine_of(path)

    def load(self, spec: MachineSpec, seed: int) -> "PatternTask":
        """The patterns; UserError if they are not as large as the machine, or the machine is a layered one."""
        check_recurrent(spec)
        return PatternTask(self.patterns, load_patterns(self.patterns, spec.neurons))


@dataclass(frozen=True)
class PatternTask:
    """Patterns that are learnt in their order, each its own target."""

    name: str
    loaded: Patterns
    alone = False

    @property
    def inputs(self) -> Bits:
        """The patterns (count, neurons)."""
        return self.loaded.pixels

    @property
    def targets(self) -> Bits:
        """The patterns themselves."""
        return self.loaded.pixels

    @property
    def options(self) -> Mapping[str, Any]:
        """Where the patterns come from; a file by its full path, so that a run goes on in another folder."""
        source = self.name if self.name == "glyphs" else os.path.abspath(self.name)
        return {"patterns": source, "content": content_of(self.loaded.pixels)}

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The same in each epoch."""
        return np.arange(len(self.loaded.pixels))

    def settings(self, spec: MachineSpec, epoch: int) -> Settings:
        """The same in each epoch."""
        return spec.settings


# -- images --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageSource:
    """A data set as --data and the options with it name it; ``halvings`` is how often learning rates are halved per epoch."""

    data: str
    classes: tuple[int, ...] | None = None
    per_class: int | None = None
    resize: int | None = None
    halvings: float = 1.0

    def machine(self, path: Path | None) -> MachineSpec:
        """The machine of a file or a name; UserError if there is none, as data sets differ in their size."""
        if path is None:
            raise UserError("--data needs a layered machine; give --machine a TOML file or a name, as mnist-784-128-5.")
        return MachineSpec.load(path)

    def load(self, spec: MachineSpec, seed: int) -> "ImageTask":
        """The images; UserError if they or their classes are not this machine's."""
        check_layered(spec)
        if self.data not in NAMES and not os.path.isdir(self.data):
            raise UserError(
                f"There is no data set and no folder {self.data}; give {', '.join(NAMES)} or the folder of MNIST's four IDX "
                "files."
            )
        name, folder = (self.data, None) if self.data in NAMES else ("mnist", Path(self.data))
        dataset = load(name, folder, self.classes, self.per_class, self.resize, seed)
        check_fits(spec, dataset)
        return ImageTask(self, dataset, seed, spec.pixel_bits)


def check_fits(spec: MachineSpec, dataset: Dataset) -> None:
    """Refuse images or classes that are not this layered machine's."""
    height, width = dataset.shape
    if prod(dataset.shape) != spec.inputs:
        raise UserError(
            f"The images of {dataset.name} have {width} x {height} = {width * height} pixels and this machine has "
            f"{spec.inputs} inputs; give --resize or another --machine."
        )
    if len(dataset.classes) != spec.outputs:
        raise UserError(
            f"The data have the {len(dataset.classes)} classes {', '.join(map(str, dataset.classes))} and this machine has "
            f"{spec.outputs} outputs; name {spec.outputs} --classes, or give another --machine."
        )


@dataclass(frozen=True)
class ImageTask:
    """Training images, which each epoch has in an order of its own; an output per class."""

    source: ImageSource
    dataset: Dataset
    seed: int
    pixel_bits: int
    alone = True

    @cached_property
    def inputs(self) -> NDArray[np.uint8]:
        """The training images (count, inputs), of pixel_bits each."""
        return pixels(self.dataset.train_images, self.pixel_bits)

    @cached_property
    def test_inputs(self) -> NDArray[np.uint8]:
        """The test images (count, inputs), of pixel_bits each."""
        return pixels(self.dataset.test_images, self.pixel_bits)

    @cached_property
    def targets(self) -> Bits:
        """The training images' targets (count, outputs)."""
        targets: Bits = self.dataset.train_labels[:, None] == np.arange(len(self.dataset.classes))
        return targets

    @property
    def options(self) -> Mapping[str, Any]:
        """Where the images come from; a folder by its full path, so that a run goes on in another folder."""
        source, dataset = self.source, self.dataset
        options = asdict(source) | {"content": content_of(dataset.train_images, dataset.train_labels)}
        options["data"] = source.data if source.data in NAMES else os.path.abspath(source.data)
        options["classes"] = list(source.classes) if source.classes else None
        return options

    def order(self, epoch: int) -> NDArray[np.int64]:
        """An order that follows from the seed and the epoch."""
        return order(self.dataset, epoch, self.seed)

    def settings(self, spec: MachineSpec, epoch: int) -> Settings:
        """The spec's, with the learning rates of the epoch."""
        return replace(spec.settings, eta_shifts=eta_shifts_at(spec, epoch, self.source.halvings))


# -- both ----------------------------------------------------------------------------------------------------------


def content_of(*arrays: NDArray[Any]) -> int:
    """CRC-32 of arrays, to know the same patterns or images again."""
    crc = 0
    for array in arrays:
        crc = zlib.crc32(np.ascontiguousarray(array).tobytes(), crc)
    return crc


def source_of(options: Mapping[str, Any]) -> Source:
    """The source of a saved run, from its options."""
    if "patterns" in options:
        return PatternSource(options["patterns"])
    names = ("data", "per_class", "resize", "halvings")
    return ImageSource(classes=tuple(options["classes"] or ()) or None, **{name: options[name] for name in names})
