"""``EPClassifier``: a layered machine that learns classes, as scikit-learn's classifiers are used."""

import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.estimators.carried import Carried, image_shape
from ohmprop.host.estimators.conventions import (
    ClassifierMixin,
    InputError,
    checked_labels,
    checked_samples,
    input_errors,
    require_fitted,
    seed_of,
)
from ohmprop.host.estimators.data import pair
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.readings import read
from ohmprop.host.run.task import ARRAYS, ImageTask, check_layered, learnt_as, made_for
from ohmprop.model.data.datasets import MOST_CLASSES, MOST_INPUTS, Dataset, pixels
from ohmprop.model.data.preparation import Preparation
from ohmprop.model.spec import MachineSpec

#: Fields of a machine that is made for tables of numbers, where a value of 0 is no background as in images.
TABLES: dict[str, Any] = {"biases": True, "pixel_bits": 8}


class EPClassifier(ClassifierMixin, Carried):
    """A classifier that an FPGA, or its model in every bit, learns by equilibrium propagation.

    The samples' numbers are scaled by the smallest and the largest of those it is fitted to, and rounded to the pixels of the
    machine's inputs. With the images of a data set, its classes, the same machine and ``random_state`` it comes to the weights
    that ``ohmprop train --seed`` comes to, bit for bit.

    Parameters
    ----------
    machine : a ready machine's name, a TOML file's path, or a MachineSpec, layered; None for one that is made for the data: an
        input of 8 bits a feature (at most 1024), one hidden layer, biases, an output a class (2 to 64).
    board : who is the machine: ``golden`` (the numpy model), ``sim`` (a virtual board, compiled from the RTL), or the port of a
        board as ``/dev/ttyUSB0``; the golden machine stands beside a board, and every bit is compared.
    epochs : rounds through the samples in all.
    halvings : how often learning rates are halved per epoch; None for 2.4 times in all epochs, at most once in each.
    settings : settings of the machine that differ from its own, as ``{"rule": "vector-field"}``.
    device : a memristor's name in `ohmprop device list`, or a file of `ohmprop device fit`, for the synapses; None for linear
        cells. A dict says more of the options of `ohmprop train`: ``{"device": "epiram", "scheme": "pair", "pulses": 1}``.
    random_state : the seed of initial weights and of the samples' order; a generator; or None for another seed each time.
    verbose : show a progress bar.

    Attributes
    ----------
    classes_ : the classes, sorted; output i stands for classes_[i].
    n_features_in_ : features of the samples.
    feature_names_in_ : their names, if they came as a data frame with names.
    preparation_ : how numbers become pixels.
    checkpoint_, epochs_, training_, spec_, weights_ : what was learnt and how.

    Examples
    --------
    >>> from ohmprop import EPClassifier
    >>> X = [[0, 0, 9], [0, 1, 9], [9, 9, 0], [9, 8, 0]]
    >>> classifier = EPClassifier(epochs=20).fit(X, ["low", "low", "high", "high"])
    >>> classifier.predict([[0, 0, 8], [8, 8, 0]]).tolist()
    ['low', 'high']
    """

    def __init__(
        self,
        machine: str | PathLike[str] | MachineSpec | None = None,
        board: str = "golden",
        epochs: int = 20,
        *,
        halvings: float | None = None,
        settings: Mapping[str, Any] | None = None,
        device: str | Mapping[str, Any] | None = None,
        random_state: Any = 1,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            machine, board, epochs, settings=settings, device=device, random_state=random_state, verbose=verbose
        )
        self.halvings = halvings

    # -- learning ----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn samples X (count, features) of classes y (count,), from fresh weights. Returns itself.

        In place of both a tuple (X, y) may be given, or a Dataset of PyTorch.

        InputError, a ValueError, if the data or the parameters are wrong; MachineError if a board fails or a bit differs.
        After Ctrl-C it holds what was learnt up to there.
        """
        with input_errors(self):
            X, y = pair(X, y)
            X = checked_samples(X, self, fits=True)
            labels = checked_labels(y, len(X), "EPClassifier")
            self._start(X, labels, None)
            self._go_on(X, labels, self.epochs)
        return self

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None) -> Self:
        """Learn one epoch of samples more, with the board's weights as they are. Returns itself.

        The first call fixes the classes, those of y if ``classes`` does not name them, and the scale; as many calls with the
        same samples as ``epochs`` come to the bits of ``fit``.
        """
        with input_errors(self):
            X, y = pair(X, y)
            first = not hasattr(self, "checkpoint_")
            X = checked_samples(X, self, fits=first)
            labels = checked_labels(y, len(X), "EPClassifier")
            if first:
                self._start(X, labels, classes)
            self._go_on(X, labels, 1)
        return self

    def _start(self, X: NDArray[np.float64], labels: NDArray[Any], classes: Any) -> None:
        """Classes, scale and fresh weights."""
        try:
            self.classes_ = np.unique(labels if classes is None else np.asarray(classes))
        except TypeError:
            raise InputError(
                "y holds classes of kinds that cannot be sorted; give numbers only, or text only."
            ) from None
        features, count = X.shape[1], len(self.classes_)
        if not 2 <= count <= MOST_CLASSES:
            many = f"{count} class" if count == 1 else f"{count} classes"
            raise InputError(f"y holds {many} in {len(X)} samples, and a machine distinguishes 2 to {MOST_CLASSES}.")
        if features > MOST_INPUTS:
            raise InputError(f"X has {features} features, and a machine has at most {MOST_INPUTS} inputs; choose some.")
        low, high = float(X.min()), float(X.max())
        if not math.isfinite(high - low):
            raise InputError("X holds numbers too large for float64 to tell apart; scale them down.")
        self.preparation_ = Preparation(image_shape(features), (low, high) if low < high else (low - 1, low))
        seed = seed_of(self.random_state)
        self.checkpoint_ = self._begin(lambda: made_for(features, count, **TABLES), seed)
        self.epochs_ = 0
        spec = self.checkpoint_.spec
        check_layered(spec)
        for what, have, machine in (("features", features, spec.inputs), ("classes", count, spec.outputs)):
            if have != machine:
                ports = "inputs" if what == "features" else "outputs"
                raise InputError(
                    f"The data have {have} {what} and this machine has {machine} {ports}; give another machine, or None for one "
                    "that is made for the data."
                )

    def _go_on(self, X: NDArray[np.float64], labels: NDArray[Any], epochs: int) -> None:
        dataset = self._dataset(X, labels)
        start = self.checkpoint_
        task = ImageTask(self._source(), dataset, start.seed, start.spec.pixel_bits, self.epochs_)
        self._learn(start, task, epochs, self.epochs_)

    def _dataset(self, X: NDArray[np.float64], labels: NDArray[Any]) -> Dataset:
        """The samples as images of classes."""
        places = np.searchsorted(self.classes_, labels)
        unknown = self.classes_[np.minimum(places, len(self.classes_) - 1)] != labels
        if unknown.any():
            raise InputError(
                f"y holds the class {labels[unknown][0]!r}, which the first call did not name; its classes are "
                f"{', '.join(map(str, self.classes_))}, so name all of them with classes=."
            )
        nothing = np.zeros((0, X.shape[1]), np.uint8), np.zeros(0, np.int64)
        images, preparation = self._images(X), self.preparation_
        return Dataset(ARRAYS, "arrays", self._labels(), preparation, images, places.astype(np.int64), *nothing)

    def _images(self, X: NDArray[np.float64]) -> NDArray[np.uint8]:
        return self.preparation_.apply(X.reshape(-1, *self.preparation_.shape))

    def encode(self, X: Any) -> NDArray[np.uint8]:
        """The pixels, uint8 (count, features), that the machine gets for samples X."""
        require_fitted(self, "checkpoint_")
        with input_errors(self):
            return pixels(self._images(checked_samples(X, self, fits=False)), self.spec_.pixel_bits)

    # -- answers -----------------------------------------------------------------------------------------------------

    def outputs(self, X: Any) -> NDArray[np.uint8]:
        """The states of the outputs for samples X (count, features), in LSBs, uint8 (count, classes), 0 to 255."""
        require_fitted(self, "checkpoint_")
        with input_errors(self):
            states: NDArray[np.uint8] = self._answers(self.encode(X))
            return states

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """The outputs' states, 0 to 1, (count, classes); of two classes the second's minus the first's, (count,)."""
        states = self.outputs(X) / 255
        decision: NDArray[np.float64] = states[:, 1] - states[:, 0] if len(self.classes_) == 2 else states
        return decision

    def predict(self, X: Any) -> NDArray[Any]:
        """The class (count,) of each sample: that of the largest state, the first of equals."""
        places = read(self.outputs(X))
        classes: NDArray[Any] = self.classes_[places]
        return classes

    # -- files -------------------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, path: str | PathLike[str], **params: Any) -> "EPClassifier":
        """A classifier with what a file holds that ``save`` or ``ohmprop train --data --save`` wrote.

        ``params`` are those of ``__init__``, as ``board="sim"``. Classes are whole numbers or text. UserError as for --load.
        """
        start = Checkpoint.load(Path(path))
        if start.spec.recurrent:
            raise InputError(f"{path} holds a memory of patterns and no classifier; give it to AssociativeMemory.load.")
        run = start.run
        learnt = {name: run[name] for name in ("epochs", "halvings") if run.get(name)}
        classifier = cls(**{"machine": start.spec, "random_state": start.seed, **learnt, **params})
        classes, classifier.preparation_ = learnt_as(start)
        classifier.classes_ = np.array(classes)
        classifier.n_features_in_ = start.spec.inputs
        classifier.checkpoint_, classifier.epochs_ = start, run.get("epochs", 0)
        if len(set(map(type, classes))) > 1 or (np.sort(classifier.classes_) != classifier.classes_).any():
            raise InputError(
                f"The classes of {path} are not sorted, as an estimator's are; use `ohmprop predict --load` for it."
            )
        return classifier

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "checkpoint_")
