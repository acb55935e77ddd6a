"""``AssociativeMemory``: a recurrent machine that stores patterns and recalls them from corrupted ones."""

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.estimators.carried import image_shape
from ohmprop.host.estimators.conventions import (
    InputError,
    checked_labels,
    checked_samples,
    input_errors,
    require_fitted,
    seed_of,
)
from ohmprop.host.estimators.learned import Learned
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.task import ARRAYS, PatternSource, PatternTask, check_recurrent
from ohmprop.host.show.picture import Picture
from ohmprop.model.data.patterns import Patterns, Pixels, nearest, recalled
from ohmprop.model.float64.recurrent import synapse_mask
from ohmprop.model.float64.reference import as_float64
from ohmprop.model.spec import MachineSpec

#: Units of a recurrent machine.
LEAST_UNITS, MOST_UNITS = 2, 256


class AssociativeMemory(Learned):
    """A memory of patterns that an FPGA, or its model in every bit, learns by equilibrium propagation.

    Numbers are white above the middle between the smallest and the largest that it is fitted to, and black else.

    Parameters
    ----------
    machine : a ready machine's name, a TOML file's path, or a MachineSpec, recurrent; None for one that is made for the data: a
        unit a feature, 2 to 256.
    board, epochs, settings, device, random_state, verbose : as those of EPClassifier.

    Attributes
    ----------
    patterns_ : what is stored, bool (patterns, features), white is true.
    middle_ : numbers above it are white.
    n_features_in_, checkpoint_, epochs_, training_, spec_, weights_ : as those of EPClassifier.

    Examples
    --------
    >>> from ohmprop import AssociativeMemory
    >>> patterns = [[1, 1, 1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0, 1, 0]]
    >>> memory = AssociativeMemory(epochs=30).fit(patterns)
    >>> memory.recall([[1, 1, 1, 1, 0, 0, 0, 1]]).astype(int).tolist()
    [[1, 1, 1, 1, 0, 0, 0, 0]]
    """

    # -- learning ----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Store patterns X (count, features), from fresh weights; ``y`` is not used. Returns itself.

        InputError, a ValueError, if the data or the parameters are wrong; MachineError if a board fails or a bit differs.
        After Ctrl-C it holds what was learnt up to there.
        """
        with input_errors(self):
            X = checked_samples(X, self, fits=True)
            self._start(X)
            self._go_on(X, self.epochs)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn one epoch of patterns more, those before or others, with the weights as they are. Returns itself."""
        with input_errors(self):
            first = not hasattr(self, "checkpoint_")
            X = checked_samples(X, self, fits=first)
            if first:
                self._start(X)
            self._go_on(X, 1)
        return self

    def _start(self, X: NDArray[np.float64]) -> None:
        features = X.shape[1]
        if not LEAST_UNITS <= features <= MOST_UNITS:
            raise InputError(
                f"X has {features} feature(s), n_features = {features}, and a recurrent machine has {LEAST_UNITS} to "
                f"{MOST_UNITS} units; give patterns of that size."
            )
        # Half of each, since their sum may be beyond float64.
        self.middle_ = float(X.min()) / 2 + float(X.max()) / 2
        start = self._begin(lambda: MachineSpec(layers=(features,)), seed_of(self.random_state))
        check_recurrent(start.spec)
        if start.spec.neurons != features:
            raise InputError(
                f"The patterns have {features} features and this machine has {start.spec.neurons} units; give another machine, "
                "or None for one that is made for the data."
            )
        self.checkpoint_, self.epochs_ = start, 0
        self.patterns_ = np.zeros((0, features), np.bool_)

    def _go_on(self, X: NDArray[np.float64], epochs: int) -> None:
        white = self._white(X)
        loaded = Patterns(white, (1, white.shape[1]), tuple(map(str, range(len(white)))))
        known = np.concatenate([self.patterns_, white])
        # Each once, in the order in which they came.
        self.patterns_ = known[np.sort(np.unique(known, axis=0, return_index=True)[1])]
        self._learn(self.checkpoint_, PatternTask(ARRAYS, loaded), epochs, self.epochs_)

    def _white(self, X: NDArray[np.float64]) -> Pixels:
        white: Pixels = self.middle_ < X
        return white

    def encode(self, X: Any) -> Pixels:
        """The pixels, bool (count, features), that the machine gets for images X."""
        require_fitted(self, "checkpoint_")
        with input_errors(self):
            return self._white(checked_samples(X, self, fits=False))

    # -- answers -----------------------------------------------------------------------------------------------------

    def recall(self, X: Any) -> Pixels:
        """What images X (count, features) become, bool (count, features): the input is taken away, and the network settles."""
        require_fitted(self, "checkpoint_")
        with input_errors(self):
            signs: Pixels = self._answers(self.encode(X))
            return signs

    def score(self, X: Any, y: Any = None) -> float:
        """The share of images X (count, features) that become a stored pattern in every pixel.

        ``y`` (count,) are the rows of ``patterns_`` that they are to become; by default that which is nearest to each image.
        """
        require_fitted(self, "checkpoint_")
        signs = self.recall(X)
        with input_errors(self):
            white = self.encode(X)
            return float(recalled(self.patterns_, self._rows(white, y), signs).mean())

    def _rows(self, white: Pixels, y: Any) -> NDArray[np.int64]:
        """The rows (count,) of ``patterns_`` that images are to become; InputError if there are none such."""
        if not len(self.patterns_):
            raise InputError("This memory stores no patterns that are known; give them to from_arrays, or fit some.")
        rows = nearest(self.patterns_, white) if y is None else checked_labels(y, len(white), "AssociativeMemory")
        if not np.isin(rows, np.arange(len(self.patterns_))).all():
            raise InputError(f"y holds rows that are not in patterns_, which has {len(self.patterns_)}; give 0 and up.")
        return rows.astype(np.int64)

    def picture(self, X: Any, y: Any = None) -> Picture:
        """Up to 16 images X (count, features) as they come, the patterns they are to become, and what they become, errors in red.

        ``y`` as for ``score``. A notebook shows it by itself.
        """
        from ohmprop.host.show.pictures import recall_figure

        recalled, white = self.recall(X), self.encode(X)
        patterns = self.patterns_[self._rows(white, y)]
        shape = image_shape(self.n_features_in_)
        return Picture(
            recall_figure(shape, (patterns, white, recalled), "What images become; errors that remain are red")
        )

    def _beside(self) -> dict[str, NDArray[Any]]:
        return {"beside_patterns": self.patterns_, "beside_middle": np.array(self.middle_)}

    # -- networks in and out -----------------------------------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls, weights: Any, patterns: Any = None, *, middle: float = 0.5, **params: Any
    ) -> "AssociativeMemory":
        """A memory with the weights (units, units) of a network in floating point, symmetric and with no unit on itself.

        ``patterns`` (count, units) are those that it stores, white above the ``middle``; ``params`` those of ``__init__``. What
        became of the weights is in ``scaled_``.
        """
        memory = cls(**params)
        try:
            matrix: NDArray[np.float64] = np.array(weights, np.float64)
        except (TypeError, ValueError):
            raise InputError(
                "The weights cannot be read as an array of numbers; give a matrix (units, units)."
            ) from None
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
            raise InputError(f"Weights of shape {matrix.shape} do not fit; give a finite matrix (units, units).")
        with input_errors(memory):
            start = memory._begin(lambda: MachineSpec(layers=(len(matrix),)), seed_of(memory.random_state))
            check_recurrent(start.spec)
        if start.spec.neurons != len(matrix):
            raise InputError(f"The weights are of {len(matrix)} units, and this machine has {start.spec.neurons}.")
        if (matrix * ~synapse_mask(start.spec)).any() or (not start.spec.asymmetric and (matrix != matrix.T).any()):
            raise InputError(
                "The weights have a unit on itself, one that this machine has not, or are not symmetric; give (W + W.T) / 2 with "
                "a diagonal of 0."
            )
        held = memory._holding(start, (matrix,))
        memory.n_features_in_, memory.middle_, memory.epochs_ = len(matrix), middle, 0
        found = np.zeros((0, len(matrix))) if patterns is None else checked_samples(patterns, memory, fits=False)
        memory.patterns_ = memory._white(found)
        memory.checkpoint_ = replace(held, beside=memory._beside())
        return memory

    def to_arrays(self) -> NDArray[np.float64]:
        """The weights (units, units) in floating point, as ``from_arrays`` takes them; row i is what unit i drives."""
        return as_float64(self.spec_, self.weights_)[0]

    # -- files -------------------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, path: str | PathLike[str], **params: Any) -> "AssociativeMemory":
        """A memory with what a file holds that ``save`` or ``ohmprop train --save`` wrote.

        A command's file holds no patterns, so they are read again from where they came. ``params`` are those of ``__init__``.
        UserError as for --load.
        """
        start = Checkpoint.load(Path(path))
        if not start.spec.recurrent:
            raise InputError(f"{path} holds a classifier and no memory of patterns; give it to EPClassifier.load.")
        run = start.run
        learnt = {"epochs": run["epochs"]} if "epochs" in run else {}
        memory = cls(**{"machine": start.spec, "random_state": start.seed, **learnt, **params})
        memory.n_features_in_ = start.spec.neurons
        memory.checkpoint_, memory.epochs_, memory.middle_ = start, run.get("epochs", 0), 0.5
        if start.beside:
            stored, middle = start.beside["beside_patterns"], start.beside["beside_middle"]
            kinds, shapes = (stored.dtype.char, middle.dtype.char), (stored.shape[1:], middle.shape)
            if kinds != ("?", "d") or shapes != ((start.spec.neurons,), ()):
                raise InputError(f"The patterns in {path} are damaged; fit and save again.")
            memory.patterns_, memory.middle_ = stored, float(middle)
        else:
            memory.patterns_ = PatternSource(run.get("patterns", "glyphs")).load(start.spec, start.seed).inputs
        return memory

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "checkpoint_")
