"""A convolutional network in float64: Ernoult et al. 2019 (NeurIPS), whose units see a map through shared kernels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.float64.network import Network, Weights
from ohmprop.model.spec import MachineSpec, Settings
from ohmprop.model.spec.kernels import Joint, joints
from ohmprop.model.spec.settings import NEGATIVE, RANDOM

Floats = NDArray[np.float64]
#: One LSB of a state.
LSB = 1 / 256


class _Windows:
    """The windows of a kernel over the map below: which positions each of them has."""

    def __init__(self, joint: Joint) -> None:
        below, _, kernel = joint
        assert kernel is not None
        self.side, self.channels, self.size, self.stride = below.side, below.channels, kernel.size, kernel.stride
        self.count = kernel.windows(below)
        corners = np.arange(self.count) * kernel.stride
        taps = np.arange(kernel.size)
        rows, columns = (corners[:, None] + taps for _ in range(2))
        places = rows[:, None, :, None] * below.side + columns[None, :, None, :]
        self.places = places.reshape(self.count**2, kernel.size**2)

    def of(self, lower: Floats) -> Floats:
        """A map's units (units,) as windows (count**2, taps * channels)."""
        return lower.reshape(-1, self.channels)[self.places].reshape(len(self.places), -1)

    def back(self, windows: Floats) -> Floats:
        """The sum over windows (count**2, taps * channels) of what each gives the units below; (units,)."""
        grid = windows.reshape(self.count, self.count, self.size, self.size, self.channels)
        result = np.zeros((self.side, self.side, self.channels))
        reach = self.stride * (self.count - 1) + 1
        for row in range(self.size):
            for column in range(self.size):
                part = slice(row, row + reach, self.stride), slice(column, column + reach, self.stride)
                result[part] += grid[:, :, row, column]
        return result.reshape(-1)


class ConvolutionalNetwork(Network):
    """Layers joined by kernels; a pattern is uint8 (inputs,), pixels of pixel_bits each, an answer the outputs' states, 0 to 1.

    Its phases end as the machine's do: after a sweep in which no state moved by more than the tolerance.
    """

    def __init__(self, spec: MachineSpec) -> None:
        super().__init__(spec)
        self._joints = joints(spec.layers, spec.kernels)
        self._windows = [_Windows(joint) if joint.kernel else None for joint in self._joints]
        self._firsts = np.cumsum([0, *spec.layers[1:]])
        self._signs = np.random.default_rng(0)

    # -- currents ----------------------------------------------------------------------------------------------------

    def _up(self, weights: Weights, index: int, lower: Floats) -> Floats:
        windows = self._windows[index]
        return weights[index] @ lower if windows is None else (windows.of(lower) @ weights[index]).reshape(-1)

    def _down(self, weights: Weights, index: int, upper: Floats) -> Floats:
        windows = self._windows[index]
        if windows is None:
            return upper @ weights[index]
        return windows.back(upper.reshape(-1, weights[index].shape[1]) @ weights[index].T)

    def drive(self, weights: Weights, pattern: NDArray[Any]) -> tuple[Floats, NDArray[np.intp]]:
        """The inputs' currents of the first layer, and the window that each comes from; (units,)."""
        currents = self._up(weights, 0, np.asarray(pattern, np.float64) / (1 << self.spec.pixel_bits))
        kernel, windows = self._joints[0].kernel, self._windows[0]
        assert kernel is not None and windows is not None
        numbers = np.arange(windows.count**2)
        if not kernel.pool:
            return currents, np.repeat(numbers, kernel.channels)
        half = windows.count // 2

        def pooled(values: NDArray[Any]) -> NDArray[Any]:
            four = values.reshape(half, 2, half, 2, -1).transpose(0, 2, 4, 1, 3)
            return four.reshape(half * half * values.shape[1], 4)

        four = pooled(currents.reshape(windows.count**2, -1))
        places = pooled(np.repeat(numbers[:, None], kernel.channels, axis=1))
        each, best = np.arange(len(four)), four.argmax(axis=1)
        return four[each, best], places[each, best]

    def _layer(self, index: int) -> slice:
        return slice(self._firsts[index], self._firsts[index + 1])

    def _current(self, weights: Weights, drive: Floats, states: Floats, layer: int) -> Floats:
        below = self._up(weights, layer, states[self._layer(layer - 1)]) if layer else drive
        if layer + 2 == len(self._firsts):
            return below
        return below + self._down(weights, layer + 1, states[self._layer(layer + 1)])

    def currents(self, weights: Weights, pattern: NDArray[Any], states: Floats) -> Floats:
        """What drives the neurons (neurons,), as Network.currents says."""
        drive = self.drive(weights, pattern)[0]
        return np.concatenate([self._current(weights, drive, states, layer) for layer in range(len(self._firsts) - 1)])

    # -- phases ------------------------------------------------------------------------------------------------------

    def _relax(
        self,
        weights: Weights,
        states: Floats,
        drive: Floats,
        most: int,
        settings: Settings,
        nudge: tuple[Floats, float] | None = None,
    ) -> int:
        """Sweeps from the first layer up or, with a nudge (goal, beta), from the outputs down; returns how many."""
        settled = settings.tolerance * LSB if settings.stop_when_settled else -1.0
        layers = list(range(len(self._firsts) - 1))
        for sweep in range(most):
            moved = 0.0
            for layer in layers[::-1] if nudge else layers:
                old = states[self._layer(layer)].copy()
                new = self._current(weights, drive, states, layer)
                if nudge and layer == layers[-1]:
                    new = new + nudge[1] * (nudge[0] - old)
                    new = old + settings.nudged_eps * (new - old)
                states[self._layer(layer)] = np.clip(new, 0, 1 - LSB)
                moved = max(moved, float(np.abs(states[self._layer(layer)] - old).max()))
            if moved <= settled:
                return sweep + 1
        return most

    def gradients(self, weights: Weights, pattern: NDArray[Any], free: Floats, nudged: Floats) -> list[Floats]:
        """Each matrix's sum over positions of s' t' - s t, of the states (neurons,) free and nudged; not divided by beta."""
        winners, windows = self.drive(weights, pattern)[1], self._windows[0]
        assert windows is not None
        moved = np.zeros((windows.count**2, weights[0].shape[1]))
        own = self._layer(0)
        np.add.at(moved, (winners, np.arange(len(winners)) % moved.shape[1]), (nudged - free)[own])
        result = [windows.of(np.asarray(pattern, np.float64) / (1 << self.spec.pixel_bits)).T @ moved]
        for index in range(1, len(self._joints)):
            pairs = [(states[self._layer(index - 1)], states[self._layer(index)]) for states in (free, nudged)]
            before, after = (self._products(index, *pair) for pair in pairs)
            result.append(after - before)
        return result

    def _products(self, index: int, lower: Floats, upper: Floats) -> Floats:
        windows = self._windows[index]
        if windows is None:
            return np.outer(upper, lower)
        return windows.of(lower).T @ upper.reshape(len(windows.places), -1)

    # -- learning and recall -----------------------------------------------------------------------------------------

    def learn(self, weights: Weights, patterns: NDArray[Any], targets: NDArray[np.bool_], settings: Settings) -> None:
        """Learn pattern after pattern, as Network.learn says."""
        for pattern, target in zip(patterns, targets, strict=True):
            self._learn(weights, pattern, target, settings)

    def states_after(
        self, weights: Weights, pattern: NDArray[Any], target: NDArray[np.bool_], settings: Settings
    ) -> Floats:
        """The states (neurons,) at the end of one pattern, as Network.states_after says."""
        return self._learn(tuple(matrix.copy() for matrix in weights), pattern, target, settings)

    def _learn(self, weights: Weights, pattern: NDArray[Any], target: NDArray[np.bool_], settings: Settings) -> Floats:
        sign = float(self._signs.choice((-1.0, 1.0))) if settings.nudge == RANDOM else 1.0
        sign = -1.0 if settings.nudge == NEGATIVE else sign
        drive, states = self.drive(weights, pattern)[0], np.zeros(self.spec.neurons)
        most = max(1, settings.free_steps)
        if self._relax(weights, states, drive, most, settings) == most and settings.settled_only:
            return states
        free, goal = states.copy(), np.where(target, 1 - LSB, 0.0)
        self._relax(weights, states, drive, settings.nudged_steps, settings, (goal, sign * settings.beta))
        parts = self.gradients(weights, pattern, free, states)
        for matrix, shift, part in zip(weights, settings.eta_shifts, parts, strict=True):
            matrix += sign * 2.0**-shift * part
        return states

    def recall(self, weights: Weights, patterns: NDArray[Any], settings: Settings) -> Floats:
        """The outputs' states (count, outputs), as Network.recall says."""
        answers = np.zeros((len(patterns), self.spec.outputs))
        for index, pattern in enumerate(patterns):
            drive, states = self.drive(weights, pattern)[0], np.zeros(self.spec.neurons)
            self._relax(weights, states, drive, max(1, settings.driven_steps), settings)
            answers[index] = states[-self.spec.outputs :]
        return answers
