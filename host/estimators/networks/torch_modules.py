"""PyTorch modules as layers of a machine, and back; only what needs PyTorch imports this."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ohmprop.host.estimators.conventions import InputError
from ohmprop.host.estimators.networks.layers import Floats, Layers

#: What from_torch takes.
FITS = (
    "give a Sequential of nn.Linear with nn.Hardtanh(0, 1) or nn.Hardsigmoid, or nn.ReLU with data, after each; nn.Flatten and "
    "nn.Dropout may stand between them"
)


@dataclass
class _Layer:
    """A linear layer and what follows it: s = a rho(g z / a + o) for z = W s_below + b.

    Members
    -------
    linear : the module.
    activation : what stands after it, as it is named; empty if nothing does.
    top : a; None where data must say it.
    gain, offset : g and o.
    """

    linear: Any
    activation: str = ""
    top: float | None = None
    gain: float = 1.0
    offset: float = 0.0


class FixedPoint(nn.Module):  # type: ignore[misc]
    """A network that relaxes: its outputs are the states at the fixed point of its couplings, in float64.

    Samples (count, features) become inputs as the machine has them, but are not rounded to pixels; then all neurons take
    ``steps`` Euler steps of 1/2: s <- clip(s + (W s_below + W' s_above + b - s) / 2, 0, 1).
    """

    def __init__(self, layers: Layers, span: tuple[float, float], brightest: float, steps: int = 100) -> None:
        super().__init__()
        self.span, self.brightest, self.steps = span, brightest, steps
        self.layers = nn.ModuleList()
        for index, matrix in enumerate(layers.weights):
            linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias=bool(layers.biases), dtype=torch.float64)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(matrix))
                if layers.biases:
                    linear.bias.copy_(torch.from_numpy(layers.biases[index]))
            self.layers.append(linear)

    def couplings(self) -> Layers:
        """The layers as arrays."""
        biases = [layer.bias for layer in self.layers if layer.bias is not None]
        return Layers.of(list(map(_array, (layer.weight for layer in self.layers))), list(map(_array, biases)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs' states (count, outputs), 0 to 1."""
        low, high = self.span
        x = ((x.to(torch.float64) - low) / (high - low)).clamp(0, 1) * self.brightest
        below = self.layers[0](x)
        states = [torch.zeros(len(x), layer.out_features, dtype=torch.float64) for layer in self.layers]
        for _ in range(self.steps):
            old = list(states)
            for index in range(len(states)):
                drive = below if index == 0 else self.layers[index](old[index - 1])
                if index + 1 < len(states):
                    drive = drive + old[index + 1] @ self.layers[index + 1].weight
                states[index] = ((old[index] + drive) / 2).clamp(0, 1)
        return states[-1]


def check_shapes(module: Any, inputs: Floats | None) -> None:
    """InputError if samples (count, features) are not of a module's inputs, or its layers do not stand one above the other."""
    linears = list(module.layers) if isinstance(module, FixedPoint) else [layer.linear for layer in _stack(module)]
    for below, above in pairwise(linears):
        if above.in_features != below.out_features:
            raise InputError(
                f"An nn.Linear of {above.in_features} inputs stands above one of {below.out_features} outputs; make them as many."
            )
    if inputs is not None and inputs.shape[1] != linears[0].in_features:
        raise InputError(
            f"X has {inputs.shape[1]} features, and the module has {linears[0].in_features} inputs; give samples as it takes "
            "them."
        )


def module_layers(module: Any, inputs: Floats | None, span: tuple[float, float]) -> Layers:
    """The couplings of a stack of linear layers; InputError, naming it, if there is anything that the machine has not.

    ``inputs`` (count, features) are samples, which say how far the states of an unbounded activation go; ``span`` are the
    numbers that become pixels 0 and 255, which stand at 0 and 255 / 256 in the machine.
    """
    if isinstance(module, FixedPoint):
        return module.couplings()
    stack = list(_stack(module))
    weights: list[Floats] = []
    biases: list[Floats] = []
    low, high = span
    # x = low + u (high - low) 256 / 255 for a pixel at u; then s = a s' for states in the machine.
    scale, shift = (high - low) * 256 / 255, low
    states = inputs
    for number, layer in enumerate(stack):
        matrix = _array(layer.linear.weight)
        offset = 0.0 if layer.linear.bias is None else _array(layer.linear.bias)
        sums = None if states is None else states @ matrix.T + offset
        last = number == len(stack) - 1
        if layer.top is None:
            _bound(layer, sums, last)
        top = layer.top or 1.0
        weights.append(matrix * scale * layer.gain / top)
        biases.append((matrix.sum(axis=1) * shift + offset) * layer.gain / top + layer.offset)
        if sums is not None:
            states = top * np.clip(sums * layer.gain / top + layer.offset, 0, 1)
        scale, shift = top, 0.0
    return Layers.of(weights, biases if any(offset.any() for offset in biases) else None)


def _array(tensor: Any) -> Floats:
    """A tensor as an array."""
    found: Floats = tensor.detach().cpu().numpy().astype(np.float64)
    return found


def _bound(layer: _Layer, sums: Floats | None, last: bool) -> None:
    """Where the states of a layer without bounds end, by data."""
    if sums is None:
        what = f"nn.{layer.activation}" if layer.activation else "A last layer without an activation"
        raise InputError(
            f"{what} has no bounds, and the machine's states are 0 to 1; give X, samples that say how far it goes, or train "
            "with nn.Hardtanh(0, 1)."
        )
    if last and layer.activation != "ReLU":
        # Of outputs only the order counts.
        low, high = float(sums.min()), float(sums.max())
        layer.top, layer.gain = 1.0, 1 / ((high - low) or 1.0)
        layer.offset = -low * layer.gain
    else:
        # A layer that no sample drives stays at 0, whatever its scale.
        layer.top = max(float(sums.max()), 0.0) or 1.0


def _stack(module: Any) -> Iterator[_Layer]:
    """The linear layers of a module, each with its activation."""
    layer: _Layer | None = None
    if not isinstance(module, nn.Module):
        raise InputError(f"A {type(module).__name__} is no PyTorch module; {FITS}.")
    for part in _parts(module):
        if isinstance(part, nn.Flatten | nn.Dropout | nn.Identity):
            continue
        if isinstance(part, nn.Linear):
            if layer:
                yield _after(layer)
            layer = _Layer(part)
            continue
        name = type(part).__name__
        if layer is None or layer.activation:
            raise InputError(f"nn.{name} stands where a layer is expected, and the machine has none such; {FITS}.")
        layer.activation = name
        # ReLU6 is a Hardtanh from 0 to 6.
        if isinstance(part, nn.Hardtanh) and part.min_val == 0 and part.max_val > 0:
            layer.top = float(part.max_val)
        elif isinstance(part, nn.Hardsigmoid):
            layer.top, layer.gain, layer.offset = 1.0, 1 / 6, 0.5
        elif not isinstance(part, nn.ReLU | nn.Softmax | nn.LogSoftmax):
            bounds = f"({part.min_val:g}, {part.max_val:g})" if isinstance(part, nn.Hardtanh) else ""
            raise InputError(f"The machine has no nn.{name}{bounds}; {FITS}.")
    if layer is None:
        raise InputError(f"The module has no nn.Linear; {FITS}.")
    yield layer


def _after(layer: _Layer) -> _Layer:
    """A layer below others; InputError if it has no activation of its own."""
    if layer.activation in ("", "Softmax", "LogSoftmax"):
        what = f"nn.{layer.activation}" if layer.activation else "no activation"
        raise InputError(f"A hidden layer has {what}, and the machine's have a hard sigmoid; {FITS}.")
    return layer


def _parts(module: Any) -> Iterator[Any]:
    """The modules inside, in their order."""
    if isinstance(module, nn.Sequential):
        for part in module:
            yield from _parts(part)
    else:
        yield module


def span_of(module: Any, span: tuple[float, float]) -> tuple[float, float]:
    """The numbers that become pixels 0 and 255: those of a module that ``to_torch`` made, or ``span``."""
    return module.span if isinstance(module, FixedPoint) else span


def places(module: Any, inputs: Floats) -> NDArray[np.int64]:
    """The number (count,) of the largest output for each of the inputs (count, features)."""
    training, first = module.training, next(module.parameters())
    module.eval()
    try:
        with torch.no_grad():
            found = module(torch.from_numpy(inputs).to(first.dtype).to(first.device))
    finally:
        module.train(training)
    return np.asarray(found.cpu().numpy().argmax(axis=1), np.int64)
