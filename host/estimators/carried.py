"""What carries networks into a classifier's machine and out of it: arrays, PyTorch modules, NIR graphs."""

import math
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.estimators.conventions import InputError, checked_samples, input_errors, seed_of
from ohmprop.host.estimators.learned import Learned
from ohmprop.host.estimators.networks import needing
from ohmprop.host.estimators.networks.comparing import compare
from ohmprop.host.estimators.networks.layers import Layers, layers_of
from ohmprop.host.run.task import ARRAYS, ImageSource, check_layered, default_halvings
from ohmprop.model.data.labelled import Label
from ohmprop.model.data.preparation import Preparation


class Carried(Learned):
    """A classifier's layers as networks in and out.

    Attributes
    ----------
    accuracies_ : shares of the samples given to from_torch that network and machine classify right, or alike.
    """

    classes_: NDArray[Any]
    preparation_: Preparation
    accuracies_: dict[str, float]
    halvings: float | None

    @classmethod
    def from_arrays(
        cls,
        weights: Sequence[Any],
        biases: Sequence[Any] | None = None,
        *,
        classes: Any = None,
        span: tuple[float, float] = (0.0, 1.0),
        **params: Any,
    ) -> Self:
        """A classifier that has learnt what a network in floating point has, and can go on.

        ``weights`` (units, units below) and ``biases`` (units,) are those of its layers of hard sigmoids, from the inputs on;
        in the machine they act both ways. ``classes`` are those of the outputs, sorted, 0 and up if not given; ``span`` the
        numbers that become pixels 0 and 255, which stand at 0 and 255 / 256. ``params`` are those of ``__init__``; without
        ``machine`` one is made for the network. What became of each matrix is in ``scaled_``.
        """
        return cls._carrying(Layers.of(weights, biases), classes, span, params)

    @classmethod
    def from_torch(
        cls, module: Any, X: Any = None, y: Any = None, *, span: tuple[float, float] | None = None, **options: Any
    ) -> Self:
        """A classifier that has learnt what a PyTorch module has: a stack of nn.Linear with hard sigmoids, or one of `to_torch`.

        ``X`` (count, features), samples, say how far unbounded activations go, and are compared: a NetworkWarning says if the
        machine knows fewer of the classes ``y`` (count,) than the module, or without ``y``, if the two differ. ``span`` are the
        numbers that become pixels 0 and 255: those of X, or else 0 and 1. ``options`` are others of ``from_arrays``.
        """
        torch = needing("torch_modules")
        X = None if X is None else checked_samples(X, cls(), fits=True)
        torch.check_shapes(module, X)
        if span is None:
            span = torch.span_of(module, (0.0, 1.0) if X is None else (float(X.min()), float(X.max())))
        layers = torch.module_layers(module, X, span)
        made = cls._carrying(layers, options.pop("classes", None), span, options)
        if X is not None:
            compare(made, X, y, torch.places(module, X))
        return made

    @classmethod
    def from_nir(cls, graph: Any, **options: Any) -> Self:
        """A classifier that has learnt what a NIR graph of nir.Linear and nir.Affine has, or the file of one.

        NIR knows no hard sigmoid, so it is understood after each of them. ``options`` are those of ``from_arrays``.
        """
        layers = needing("nir_graphs").graph_layers(graph)
        return cls.from_arrays(layers.weights, layers.biases, **options)

    def to_arrays(self) -> tuple[tuple[NDArray[np.float64], ...], tuple[NDArray[np.float64], ...]]:
        """Weights and biases of its layers as ``from_arrays`` takes them; InputError with a weight for each direction."""
        layers = layers_of(self.spec_, self.weights_)
        return layers.weights, layers.biases

    def to_torch(self) -> Any:
        """A PyTorch module whose outputs are the states at the fixed point of these couplings, in float64."""
        scale = self.preparation_.scale
        layers, torch = layers_of(self.spec_, self.weights_), needing("torch_modules")
        return torch.FixedPoint(layers, scale, self.spec_.white)

    def to_nir(self, path: str | PathLike[str]) -> None:
        """Write its layers into a file as a NIR graph of nir.Affine, or nir.Linear where there are no biases."""
        needing("nir_graphs").write(Path(path), layers_of(self.spec_, self.weights_))

    @classmethod
    def _carrying(cls, layers: Layers, classes: Any, span: tuple[float, float], params: dict[str, Any]) -> Self:
        """A classifier whose machine has these layers and has learnt nothing more."""
        made = cls(**params)
        low, high = map(float, span)
        if not low < high or not math.isfinite(high - low):
            raise InputError(f"span = {span} is no range of numbers; give the smaller one first.")
        features, count = layers.sizes[0], layers.sizes[-1]
        made.classes_ = np.arange(count) if classes is None else np.asarray(classes)
        if made.classes_.shape != (count,) or (np.unique(made.classes_) != made.classes_).any():
            raise InputError(f"classes = {classes!r} do not fit {count} outputs; give {count} different ones, sorted.")
        made.n_features_in_ = features
        made.preparation_ = Preparation(image_shape(features), (low, high))
        with input_errors(made):
            start = made._begin(layers.machine, seed_of(made.random_state))
            check_layered(start.spec)
            held = made._holding(start, layers.of_machine(start.spec))
        kept = made._source().options(made._labels(), made.preparation_, 0)
        made.checkpoint_, made.epochs_ = replace(held, run={**kept, "epochs": 0}), 0
        return made

    def _source(self) -> ImageSource:
        """Arrays as the data of a run, whose learning rates are halved as the parameters say."""
        return ImageSource(ARRAYS, halvings=default_halvings(self.epochs) if self.halvings is None else self.halvings)

    def _labels(self) -> tuple[Label, ...]:
        """The classes as a file names them: whole numbers or text."""
        return tuple(
            int(label) if isinstance(label, float | np.number | bool | np.bool_ | int) else str(label)
            for label in self.classes_.tolist()
        )


def image_shape(features: int) -> tuple[int, int]:
    """Height and width of so large an image: a square if the pixels make one."""
    side = math.isqrt(features)
    return (side, side) if side * side == features else (1, features)
