"""Nonlinear resistive networks that learn by equilibrium propagation (Kendall et al. 2020, arXiv 2006.01981).

Input lines stand at x, -x, 1 and -1 times ``swing``. A cell joins each of them to each hidden node, from which two diodes lead
to plus and minus ``clamp``. An amplifier brings a hidden node's voltage, ``gain`` times, to the second layer's lines, and a
1 / gain of the current of such a line back to the node. Cells join these lines to the outputs' nodes, two for each output
o = o+ - o-, and the nudge is a resistor of 1 / beta between the two and a current beta T. All nodes rest where

    E = sum G1 (u - v)^2 / 2 + D(v) + sum G2 (gain v - o)^2 / (2 gain^2)  +  beta / gain^2 sum (T - o)^2 / 2

is least, so that the loss sum (T - o)^2 / 2 has the gradient of every cell's (volts across it)^2 / (2 beta) between the two
phases, of the first layer times gain^2: what lies below an amplifier is moved by 1 / gain of what lies above it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.analog.circuit import Element, number
from ohmprop.model.errors import MachineError

Floats = NDArray[np.float64]
#: k T / q at 27 degrees, where SPICE computes.
THERMAL = 1.380649e-23 * 300.15 / 1.602176634e-19
#: Newton's steps at most, amperes that may be left at a node, and how far a step leads beyond the clamps, in thermal voltages.
STEPS, LEFT, BEYOND = 60, 1e-13, 4.0


@dataclass(frozen=True)
class ResistiveSpec:
    """What such a network is built from.

    Members
    -------
    swing : volts of an input of 1.
    gain : of the amplifiers; their backward gain is one over it.
    clamp : volts to which the diodes lead.
    saturation : amperes, the diodes' saturation current; their emission coefficient is 1.
    g_min, g_max : siemens between which the cells can be.
    g_start : siemens up to which cells are drawn at the beginning, from g_min on.
    target : volts of the right output; the others' target is minus it.
    """

    swing: float = 4.0
    gain: float = 4.0
    clamp: float = 0.05
    saturation: float = 1e-12
    g_min: float = 1e-6
    g_max: float = 1e-3
    g_start: float = 1e-4
    target: float = 0.3


class Cells(NamedTuple):
    """Siemens of the cells, or a gradient by them: (2 inputs + 2, hidden), and (hidden, 2 outputs), o+ before o-."""

    first: Floats
    second: Floats


def alike(one: Cells, other: Cells) -> tuple[float, float]:
    """Cosine of the angle between two gradients, and the first one's length over the second's."""
    mine, theirs = (np.concatenate([matrix.ravel() for matrix in cells]) for cells in (one, other))
    lengths = float(np.linalg.norm(mine)), float(np.linalg.norm(theirs))
    return float(mine @ theirs) / (lengths[0] * lengths[1]), lengths[0] / lengths[1]


class ResistiveNetwork:
    """A network of one hidden layer.

    Parameters
    ----------
    layers : inputs, hidden nodes, outputs.
    spec : what it is built from.
    seed : of its cells.

    Attributes
    ----------
    cells : the present conductances, changed in place by ``learn``.
    """

    def __init__(self, layers: tuple[int, int, int], spec: ResistiveSpec, seed: int) -> None:
        self.layers, self.spec = layers, spec
        inputs, hidden, outputs = layers
        rng = np.random.default_rng(seed)
        drawn = (
            rng.uniform(spec.g_min, spec.g_start, size) for size in ((2 * inputs + 2, hidden), (hidden, 2 * outputs))
        )
        self.cells = Cells(*drawn)

    def lines(self, inputs: Floats) -> Floats:
        """Volts of the input lines (count, 2 inputs + 2) for inputs (count, inputs) from -1 to 1."""
        ones = np.ones((len(inputs), 1))
        return self.spec.swing * np.hstack([inputs, -inputs, ones, -ones])

    def outputs(self, nodes: Floats) -> Floats:
        """The outputs o (count, outputs) of nodes."""
        count = self.layers[2]
        pairs = nodes[:, self.layers[1] :]
        return pairs[:, :count] - pairs[:, count:]

    def solve(self, lines: Floats, targets: Floats, beta: Floats, start: Floats | None = None) -> Floats:
        """Volts of the nodes (count, hidden + 2 outputs) at rest, by Newton's method on all patterns side by side.

        ``targets`` (count, outputs) in volts and ``beta`` (count,) in siemens are the nudge, 0 the free phase. MachineError if
        it does not converge.
        """
        hidden, spec = self.layers[1], self.spec
        nodes = np.zeros((len(lines), hidden + 2 * self.layers[2])) if start is None else start.copy()
        constant, matrix = self._linear(lines, targets, beta)
        index = np.arange(hidden)
        for _ in range(STEPS):
            currents, slopes = self._diodes(nodes[:, :hidden])
            left = constant - np.einsum("bij,bj->bi", matrix, nodes)
            left[:, :hidden] -= currents
            jacobian = matrix.copy()
            jacobian[:, index, index] += slopes
            step = np.linalg.solve(jacobian, left[..., None])[..., 0]
            # Exponentials: beyond the clamps no further than they can be followed.
            reach = np.maximum(np.abs(nodes[:, :hidden]), spec.clamp) + BEYOND * THERMAL
            moved = nodes + step
            moved[:, :hidden] = np.clip(moved[:, :hidden], -reach, reach)
            largest = float(np.abs(moved - nodes).max())
            nodes = moved
            if largest < 1e-9:
                return nodes
        raise MachineError(
            f"Newton's method did not converge in {STEPS} steps (a node still moves by {largest:.2g} V); give a smaller --rate "
            "or --beta."
        )

    def _linear(self, lines: Floats, targets: Floats, beta: Floats) -> tuple[Floats, Floats]:
        """Currents into the nodes at 0 V (count, nodes), and what each volt takes of them (count, nodes, nodes)."""
        (first, second), hidden, outputs = self.cells, self.layers[1], self.layers[2]
        gain = self.spec.gain
        matrix = np.zeros((hidden + 2 * outputs, hidden + 2 * outputs))
        index = np.arange(hidden)
        matrix[index, index] = first.sum(axis=0) + second.sum(axis=1)
        matrix[:hidden, hidden:], matrix[hidden:, :hidden] = -second / gain, -gain * second.T
        ends = hidden + np.arange(2 * outputs)
        matrix[ends, ends] = second.sum(axis=0)
        matrices = np.repeat(matrix[None], len(lines), axis=0)
        plus, minus = ends[:outputs], ends[outputs:]
        for row, column, sign in ((plus, plus, 1), (minus, minus, 1), (plus, minus, -1), (minus, plus, -1)):
            matrices[:, row, column] += sign * beta[:, None]
        constant = np.hstack([lines @ first, beta[:, None] * targets, -beta[:, None] * targets])
        return constant, matrices

    def _diodes(self, volts: Floats) -> tuple[Floats, Floats]:
        """Currents out of hidden nodes into their diodes, and their slopes."""
        spec = self.spec
        up = spec.saturation * np.exp((volts - spec.clamp) / THERMAL)
        down = spec.saturation * np.exp((-volts - spec.clamp) / THERMAL)
        return up - down, (up + down) / THERMAL

    def _squares(self, lines: Floats, nodes: Floats) -> Cells:
        """The square of the volts across every cell, of each pattern."""
        hidden = nodes[:, : self.layers[1]]
        first = (lines[:, :, None] - hidden[:, None, :]) ** 2
        second = (self.spec.gain * hidden[:, :, None] - nodes[:, None, self.layers[1] :]) ** 2
        return Cells(first, second)

    def loss(self, nodes: Floats, targets: Floats) -> float:
        """sum (T - o)^2 / 2, mean of the patterns, in V^2."""
        return float(((targets - self.outputs(nodes)) ** 2).sum(axis=1).mean() / 2)

    def contrast(self, inputs: Floats, targets: Floats, beta: Floats, symmetric: bool = False) -> Cells:
        """EP's estimate of the loss's gradient by every cell, V^2 / S, mean of the patterns.

        ``inputs`` (count, inputs) are -1 to 1, ``targets`` (count, outputs) in volts, ``beta`` (count,) in siemens; ``symmetric``
        compares a nudge of beta with one of -beta instead of the free phase.
        """
        lines = self.lines(inputs)
        free = self.solve(lines, targets, np.zeros(len(lines)))
        nudged = self.solve(lines, targets, beta, free)
        other = self.solve(lines, targets, -beta, free) if symmetric else free
        scale = 1 / (2 * beta * (2 if symmetric else 1))
        after, before = self._squares(lines, nudged), self._squares(lines, other)
        # What lies below an amplifier is moved by 1 / gain of what lies above it.
        first, second = (
            np.einsum("b,bij->ij", scale, late - early) / len(lines) for late, early in zip(after, before, strict=True)
        )
        return Cells(self.spec.gain**2 * first, second)

    def adjoint(self, inputs: Floats, targets: Floats) -> Cells:
        """The loss's gradient by every cell, V^2 / S, mean of the patterns, by the adjoint of the equations at rest."""
        lines, hidden = self.lines(inputs), self.layers[1]
        nothing = np.zeros(len(lines))
        nodes = self.solve(lines, targets, nothing)
        _, jacobian = self._linear(lines, targets, nothing)
        index = np.arange(hidden)
        jacobian[:, index, index] += self._diodes(nodes[:, :hidden])[1]
        error = self.outputs(nodes) - targets
        slope = np.hstack([np.zeros((len(lines), hidden)), error, -error])
        weight = np.linalg.solve(np.swapaxes(jacobian, 1, 2), slope[..., None])[..., 0]
        # What a siemens adds to the current into the nodes at its ends, times what a current there adds to the loss.
        first = np.einsum("bih,bh->ih", lines[:, :, None] - nodes[:, None, :hidden], weight[:, :hidden])
        across = self.spec.gain * nodes[:, :hidden, None] - nodes[:, None, hidden:]
        second = (across * (weight[:, None, hidden:] - weight[:, :hidden, None] / self.spec.gain)).sum(axis=0)
        return Cells(first / len(lines), second / len(lines))

    def learn(self, inputs: Floats, targets: Floats, beta: Floats, rate: float) -> None:
        """Move every cell against EP's gradient, within its rails; ``rate`` in S^2 / V^2."""
        gradient = self.contrast(inputs, targets, beta)
        for cells, slope in zip(self.cells, gradient, strict=True):
            np.clip(cells - rate * slope, self.spec.g_min, self.spec.g_max, out=cells)

    def read(self, inputs: Floats) -> NDArray[np.int64]:
        """The outputs that stand highest, (count,)."""
        lines = self.lines(inputs)
        free = self.solve(lines, np.zeros((len(lines), self.layers[2])), np.zeros(len(lines)))
        answers: NDArray[np.int64] = self.outputs(free).argmax(axis=1)
        return answers

    def elements(self, inputs: Floats, targets: Floats, beta: float) -> Iterator[Element]:
        """The circuit of one pattern, inputs (inputs,) and targets (outputs,), with a nudge of beta siemens."""
        spec, (_, hidden, outputs) = self.spec, self.layers
        for index, volts in enumerate(self.lines(inputs[None])[0]):
            yield Element(f"Vu{index}", (f"u{index}", "0"), number(volts))
        yield Element("Vhigh", ("high", "0"), number(spec.clamp))
        yield Element("Vlow", ("low", "0"), number(-spec.clamp))
        for index in range(hidden):
            yield Element(f"Dh{index}", (f"h{index}", "high"), "clamp")
            yield Element(f"Dl{index}", ("low", f"h{index}"), "clamp")
            yield Element(f"Ea{index}", (f"s{index}", "0", f"h{index}", "0"), number(spec.gain))
            # What flows into the line is measured, and a part of it taken from the node.
            yield Element(f"Vs{index}", (f"s{index}", f"a{index}"), "0")
            yield Element(f"Fb{index}", (f"h{index}", "0"), f"Vs{index} {number(1 / spec.gain)}")
        for (row, column), siemens in np.ndenumerate(self.cells.first):
            yield Element(f"Rf{row}_{column}", (f"u{row}", f"h{column}"), precise(1 / siemens))
        for (row, column), siemens in np.ndenumerate(self.cells.second):
            yield Element(f"Rs{row}_{column}", (f"a{row}", f"o{column}"), precise(1 / siemens))
        for index in range(outputs) if beta else ():
            plus, minus = f"o{index}", f"o{outputs + index}"
            yield Element(f"Rn{index}", (plus, minus), precise(1 / beta))
            yield Element(f"In{index}", (minus, plus), precise(beta * targets[index]))

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes as the netlist calls them, in the order of ``solve``."""
        return (
            *(f"h{index}" for index in range(self.layers[1])),
            *(f"o{index}" for index in range(2 * self.layers[2])),
        )

    @property
    def resistors(self) -> tuple[str, ...]:
        """The cells as the netlist calls them, the first layer's before the second's, row after row."""
        first = [f"Rf{row}_{column}" for row, column in np.ndindex(self.cells.first.shape)]
        return (*first, *(f"Rs{row}_{column}" for row, column in np.ndindex(self.cells.second.shape)))

    def netlist(self, inputs: Floats, targets: Floats, beta: float = 0.0) -> str:
        """The operating point of one pattern as SPICE text, with the nodes h0, h1, ... and o0, o1, ..."""
        lines = ["* ohmprop, a nonlinear resistive network", ".options reltol=1e-6 abstol=1e-15 vntol=1e-9 gmin=1e-15"]
        lines.append(f".model clamp d(is={number(self.spec.saturation)} n=1)")
        lines += [
            " ".join((element.name, *element.nodes, element.value)) for element in self.elements(inputs, targets, beta)
        ]
        return "\n".join([*lines, ".op", ".end", ""])


def precise(value: float) -> str:
    """A number in full, for what is learnt."""
    return f"{value:.15g}"
