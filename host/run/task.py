"""What a run learns: patterns, each its own target, or the images of a data set, each with its class."""

import math
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.model.data.datasets import NAMES, Choice, Dataset, choose, found, order, pixels
from ohmprop.model.data.labelled import Label, Labelled
from ohmprop.model.data.patterns import Patterns, load_patterns
from ohmprop.model.data.preparation import Preparation
from ohmprop.model.errors import UserError
from ohmprop.model.golden.machine import eta_shifts_at
from ohmprop.model.spec import MachineSpec, Settings

Bits = NDArray[np.bool_]


class Task(Protocol):
    """What is learnt, round after round.

    Members
    -------
    name : of the data.
    inputs, targets : the patterns or images, (count, inputs), and their targets, (count, outputs).
    options : where they come from, by the names that a saved run has; `content` among them knows them again.
    alone : with --board golden the golden machine learns without a board and its protocol beside it.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
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


#: What a run says of data that were given as arrays, so that there is no path.
ARRAYS = "arrays given to fit"


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
        source = self.name if self.name in ("glyphs", ARRAYS) else os.path.abspath(self.name)
        return {"patterns": source, "content": content_of(self.loaded.pixels)}

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The same in each epoch."""
        return np.arange(len(self.loaded.pixels))

    def settings(self, spec: MachineSpec, epoch: int) -> Settings:
        """The same in each epoch."""
        return spec.settings


# -- images --------------------------------------------------------------------------------------------------------


#: How often learning rates are halved in a whole run, and at most in an epoch, if nobody says.
HALVINGS, MOST_HALVINGS = 2.4, 1.0
#: Hidden units of a machine that is made for the data, by the number of its inputs.
_NARROW, _WIDE, _NARROW_INPUTS = 64, 128, 256


def default_halvings(epochs: int) -> float:
    """How often learning rates are halved per epoch of a run of this length."""
    # Rounded, so that 2.4 / 6 is the 0.4 that one would type, and epoch 6 begins with the second halving.
    return min(MOST_HALVINGS, round(HALVINGS / epochs, 6))


@dataclass(frozen=True)
class ImageSource:
    """A data set as --data and the options with it name it.

    Members
    -------
    data : its name or path; empty for that of a saved run.
    choice : what is taken of it.
    halvings : how often learning rates are halved per epoch.
    """

    data: str
    choice: Choice = field(default_factory=Choice)
    halvings: float = 1.0

    def machine(self, path: Path | None) -> MachineSpec:
        """The machine of a file or a name, or one that is made for the data."""
        if path is not None:
            return MachineSpec.load(path)
        dataset = choose(self._found, self.choice)
        return made_for(prod(dataset.shape), len(dataset.classes))

    def options(self, classes: Sequence[Label], preparation: Preparation, content: int) -> dict[str, Any]:
        """What a file keeps of a run with these classes, whose images were prepared like this; ``content`` is their CRC-32."""
        return {
            "data": self.data if self.data in (*NAMES, ARRAYS) else os.path.abspath(self.data),
            "classes": list(classes),
            "per_class": self.choice.per_class,
            "resize": self.choice.resize,
            "prepared": preparation.to_json(),
            "halvings": self.halvings,
            "content": content,
        }

    @cached_property
    def _found(self) -> Labelled:
        """The data as they are, which are read once."""
        return found(self.data)

    def load(self, spec: MachineSpec, seed: int) -> "ImageTask":
        """The images; UserError if they or their classes are not this machine's."""
        check_layered(spec)
        dataset = choose(self._found, replace(self.choice, two_values=spec.pixel_bits == 1), seed)
        check_fits(spec, dataset)
        return ImageTask(self, dataset, seed, spec.pixel_bits)

    def as_learnt(self, run: Mapping[str, Any]) -> "ImageSource":
        """The source with data, classes and preparation of a saved run, where others are not asked for."""
        if "data" not in run:
            if not self.data:
                raise UserError("The saved weights do not say what data they were learnt from; give --data.")
            return self
        if not self.data:
            per_class = self.choice.per_class or run["per_class"]
            return replace(self, data=run["data"], choice=replace(self.choice, per_class=per_class)).as_learnt(run)
        learnt, choice = _choice(run), self.choice
        own = (choice.resize, choice.threshold, choice.invert) != (None, None, None)
        return replace(
            self,
            choice=replace(
                choice,
                classes=choice.classes or learnt.classes,
                resize=choice.resize or learnt.resize,
                prepared=None if own else learnt.prepared,
            ),
        )

    def only_as_learnt(self, run: Mapping[str, Any], path: Path) -> "ImageSource":
        """The source as the run in a file had its classes and images; UserError if the options ask for others."""
        if "data" not in run:
            return self.as_learnt(run)
        learnt, choice = _choice(run), self.choice
        had: dict[str, Any] = {"classes": learnt.classes}
        if prepared := learnt.prepared:
            resize = prepared.shape[0] if prepared.shape[0] == prepared.shape[1] else None
            had |= {"resize": resize, "threshold": prepared.threshold, "invert": prepared.invert}
        for name, value in had.items():
            asked = getattr(choice, name)
            found = asked == "otsu" and value is not None
            if asked is not None and not found and _text(asked) != _text(value):
                raise UserError(
                    f"{path} was learnt with {name} = {_text(value)}, and --{name} asks for {_text(asked)}; leave the "
                    "option out, or give a file that was learnt so."
                )
        if prepared:
            choice = replace(choice, resize=None, threshold=None, invert=None)
        return replace(self, choice=choice).as_learnt(run)


def _text(value: Any) -> str:
    """A value of an option as it is typed."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _choice(run: Mapping[str, Any]) -> Choice:
    """What a saved run took of its data. Runs from before there was more than MNIST's files say less of it."""
    prepared = Preparation.from_json(run["prepared"]) if run["prepared"] else None
    invert = None if prepared else False
    return Choice(
        tuple(run["classes"] or ()) or None, run["per_class"], run["resize"], invert=invert, prepared=prepared
    )


def made_for(inputs: int, outputs: int, **fields: Any) -> MachineSpec:
    """A machine for data: an input per pixel, one hidden layer, an output per class; ``fields`` are others of its spec."""
    return MachineSpec(layers=(inputs, _NARROW if inputs <= _NARROW_INPUTS else _WIDE, outputs), **fields)


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
    """Training images, which each epoch has in an order of its own; an output per class.

    Members
    -------
    first_epoch : the number of its epoch 0 in a longer run, other images in former epochs.
    """

    source: ImageSource
    dataset: Dataset
    seed: int
    pixel_bits: int
    first_epoch: int = 0
    alone = True

    @property
    def name(self) -> str:
        """The data set's."""
        return self.dataset.name

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

    @cached_property
    def test_targets(self) -> Bits:
        """The test images' targets (count, outputs)."""
        targets: Bits = self.dataset.test_labels[:, None] == np.arange(len(self.dataset.classes))
        return targets

    @property
    def options(self) -> Mapping[str, Any]:
        """Where the images come from; a folder by its full path, so that a run goes on in another folder."""
        content = content_of(self.dataset.train_images, self.dataset.train_labels)
        return self.source.options(self.dataset.classes, self.dataset.preparation, content)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """An order that follows from the seed and the epoch."""
        return order(self.dataset, self.first_epoch + epoch, self.seed)

    def settings(self, spec: MachineSpec, epoch: int) -> Settings:
        """The spec's, with the learning rates of the epoch."""
        shifts = eta_shifts_at(spec, self.first_epoch + epoch, self.source.halvings)
        return replace(spec.settings, eta_shifts=shifts)


def learnt_as(start: Checkpoint) -> tuple[tuple[Label, ...], Preparation]:
    """The classes that a classifier's outputs stand for, and how its images are prepared.

    Files from before that was kept, or without a run, have numbers for classes and square images.
    """
    spec, run = start.spec, start.run
    learnt = _choice(run) if "data" in run else Choice()
    if learnt.prepared:
        classes = learnt.classes or ()
        if (prod(learnt.prepared.shape), len(classes)) != (spec.inputs, spec.outputs):
            raise UserError(
                "The file of saved weights contradicts itself (its images or classes are not its machine's); train and save "
                "again."
            )
        return classes, learnt.prepared
    side = math.isqrt(spec.inputs)
    shape = (side, side) if side * side == spec.inputs else (1, spec.inputs)
    return learnt.classes or tuple(range(spec.outputs)), Preparation(shape)


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
    return ImageSource(options["data"], _choice(options), options["halvings"])
