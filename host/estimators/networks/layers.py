"""Layers of couplings in floating point, what becomes of them in a machine's number formats, and back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.estimators.conventions import InputError
from ohmprop.host.link.weights import Weights
from ohmprop.model.errors import reason
from ohmprop.model.float64.reference import as_float64
from ohmprop.model.formats import Format
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.matrix import layered_pre_shift

Floats = NDArray[np.float64]
#: Bits of fraction that a format of a layered machine's weights may have, and its bits if nobody says.
FRACTIONS = range(1, 17)
BITS = 8


@dataclass(frozen=True)
class Layers:
    """Couplings between layers of hard sigmoids, which act both ways: s = clip(W s_below + W' s_above + b, 0, 1).

    Members
    -------
    weights : from the inputs on, (units, units below) each, as nn.Linear has them; inputs stand at pixel / 2**pixel_bits.
    biases : (units,) each; empty if there are none.
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...] = ()

    @classmethod
    def of(cls, weights: Sequence[Any], biases: Sequence[Any] | None) -> "Layers":
        """From arrays of any kind; InputError if they are no layers one above the other."""
        try:
            matrices = tuple(np.array(matrix, np.float64) for matrix in weights)
            offsets = tuple(np.array(offset, np.float64) for offset in biases or ())
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The weights cannot be read as arrays of numbers ({reason(error)}); give a list of matrices "
                " (units, units below)."
            ) from None
        shapes = [matrix.shape for matrix in matrices]
        if len(shapes) < 2 or any(len(shape) != 2 for shape in shapes):
            raise InputError(
                f"Weights of shapes {shapes} are no layers; give two matrices (units, units below) or more, from the inputs on."
            )
        for below, above in pairwise(shapes):
            if above[1] != below[0]:
                raise InputError(
                    f"A matrix of shape {above} does not fit above one of {below[0]} units; give (units, {below[0]}), as "
                    "nn.Linear has its weights."
                )
        if offsets and [offset.shape for offset in offsets] != [shape[:1] for shape in shapes]:
            raise InputError(
                f"Biases of shapes {[offset.shape for offset in offsets]} do not fit; give one per unit, in shapes "
                f"{[shape[:1] for shape in shapes]}, or None."
            )
        if not all(np.isfinite(array).all() for array in (*matrices, *offsets)):
            raise InputError("The weights hold NaN or infinity; every number must be finite.")
        return cls(matrices, offsets)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of each layer, the inputs first."""
        return (self.weights[0].shape[1], *(len(matrix) for matrix in self.weights))

    def machine(self) -> MachineSpec:
        """A machine for these layers; its formats are those of 8 bits that lose the least of the weights."""
        fields: dict[str, Any] = {"layers": self.sizes, "biases": bool(self.biases), "pixel_bits": 8, "fine_bits": 0}
        plain = MachineSpec(**fields)
        first, later = _best([self.weights[0], *self.biases]), _best(self.weights[1:])
        rates = []
        for shift, matrix in zip(plain.settings.eta_shifts, plain.matrices, strict=True):
            weight = first if matrix.weight == plain.input_weight else later
            pre_shift = layered_pre_shift(weight.fraction, matrix.product)
            # The rates that are within reach follow from the format.
            within = replace(matrix, weight=weight, pre_shift=pre_shift).eta_shifts
            rates.append(min(max(shift, within[0]), within[-1]))
        settings = replace(plain.settings, eta_shifts=tuple(rates))
        return MachineSpec(**fields, input_weight=first, weight=later, settings=settings)

    def of_machine(self, spec: MachineSpec) -> tuple[Floats, ...]:
        """The same numbers as a machine has them, matrix after matrix; InputError if it is not of these layers."""
        if spec.layers != self.sizes or spec.asymmetric or (self.biases and not spec.biases):
            kind = "a weight for each direction" if spec.asymmetric else f"layers {'-'.join(map(str, spec.layers))}"
            raise InputError(
                f"The network has layers {'-'.join(map(str, self.sizes))}{' and biases' if self.biases else ''}, and this "
                f"machine has {kind}{' without biases' if self.biases and not spec.biases else ''}; give another machine, or "
                "None for one that is made for the network."
            )
        biases = np.concatenate(self.biases or [np.zeros(spec.neurons)])[None] / spec.white
        return (self.weights[0].T, *self.weights[1:], *([biases] if spec.biases else []))


def layers_of(spec: MachineSpec, weights: Weights) -> Layers:
    """What a machine's integers stand for; InputError if it has no such layers."""
    if spec.asymmetric:
        raise InputError(
            "This machine has a weight for each direction, which layers of a feedforward network have not; use `weights_`."
        )
    if spec.kernels:
        raise InputError(
            "This machine's first layers are joined by kernels, and kernels have no place in it; use `weights_`."
        )
    first, *rest = as_float64(spec, weights)
    if not spec.biases:
        return Layers((first.T.copy(), *rest))
    biases = rest.pop()[0] * spec.white
    return Layers((first.T.copy(), *rest), tuple(np.split(biases, np.cumsum(spec.layers[1:])[:-1])))


@dataclass(frozen=True)
class Scaled:
    """What became of one matrix.

    Members
    -------
    name : which it is.
    format : of its weights; an LSB is the scale.
    clipped : the share of weights beyond the format or a device's rails, 0 to 1.
    rounded : the root mean square of what rounding and clipping changed, to that of the weights.
    """

    name: str
    format: Format
    clipped: float
    rounded: float

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.format}, LSB 2**-{self.format.fraction}, {self.clipped:.2%} clipped, changed by "
            f"{self.rounded:.2%}"
        )


def scaled(spec: MachineSpec, floats: Sequence[Floats], weights: Weights) -> tuple[Scaled, ...]:
    """What became of each matrix of numbers, in the machine's integers that they are now."""
    found = []
    for name, matrix, values, integers in zip(spec.matrix_names, spec.matrices, floats, weights, strict=True):
        exact = values * matrix.stored.one
        size = float(np.sqrt((exact**2).mean()))
        changed = float(np.sqrt(((integers - exact) ** 2).mean())) / size if size else 0.0
        # Beyond the format, or beyond the rails of a device.
        clipped = float((integers != np.rint(exact)).mean())
        found.append(Scaled(name, matrix.stored, clipped, changed))
    return tuple(found)


def _best(arrays: Sequence[Floats]) -> Format:
    """The format whose rounding and clipping together change these numbers least, in the mean of squares."""
    values = np.concatenate([array.reshape(-1) for array in arrays])

    def lost(fraction: int) -> float:
        kept = np.clip(np.rint(values * 2.0**fraction), 1 - (1 << BITS - 1), (1 << BITS - 1) - 1) / 2.0**fraction
        return float(((kept - values) ** 2).mean())

    return Format(True, BITS, min(FRACTIONS, key=lost))
