"""A machine's network as a circuit: its equations, and its elements.

Each neuron is an amplifier whose summing node stands at ground. Its feedback, a resistor of 1 / g_one beside a capacitor, is the
leak and the state, so that with states in units and time in RC

    dv/dt = -v + W g(v) + I + beta (T - g(v))

(Zoppo, Marrone, Corinto 2020, eq. 12 in the Hopfield form; Scellier and Bengio 2017 of layers, where g clips to 0..1). A weight
is two cells: one from the row's inverted activity, since the amplifier inverts, and one from the activity itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmprop.analog.spec import PAIR, AnalogSpec
from ohmprop.model.errors import UserError
from ohmprop.model.float64.recurrent import signed, synapse_mask
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.settings import NEGATIVE

Floats = NDArray[np.float64]
#: Of a differential pair: its current, its collectors' resistors, its supplies, and its transistors.
TAIL, COLLECTOR, SUPPLY = 1e-3, 1e3, 5.0
TRANSISTOR = "npn (is=1e-15 bf=200 vaf=100)"


class Element(NamedTuple):
    """An element of SPICE: its first letter says what it is; nodes, and what stands behind them."""

    name: str
    nodes: tuple[str, ...]
    value: str


@dataclass(frozen=True, eq=False)
class Circuit:
    """One phase of one pattern.

    Members
    -------
    analog : what it is built from.
    recurrent : activities are tanh of the states; else the states clipped to 0..1.
    cells : which synapses there are, bool (inputs + neurons, neurons).
    weights : row drives column, inputs before neurons; (inputs + neurons, neurons).
    inputs : where the inputs stand, in units; empty for a recurrent machine.
    clamps : currents into the neurons, in units; zero for a layered machine.
    nudge, target : beta, 0 where there is none, and T; (neurons,).
    start : states at the beginning, in units; (neurons,).
    """

    analog: AnalogSpec
    recurrent: bool
    cells: NDArray[np.bool_]
    weights: Floats
    inputs: Floats
    clamps: Floats
    nudge: Floats
    target: Floats
    start: Floats

    def activities(self, states: Floats) -> Floats:
        """g of the states."""
        return np.tanh(states) if self.recurrent else np.clip(states, 0.0, 1.0)

    def flow(self, states: Floats) -> Floats:
        """dv/dt of the states (neurons,), in units for each RC."""
        activities = self.activities(states)
        currents = np.concatenate([self.inputs, activities]) @ self.weights + self.clamps
        flow: Floats = currents - states + self.nudge * (self.target - activities)
        return flow

    def nudged(self, states: Floats, target: Floats, beta: float, outputs: int) -> "Circuit":
        """The phase that begins with these states and draws the last ``outputs`` neurons to their target (outputs,)."""
        nudge, goal = np.zeros(len(states)), np.zeros(len(states))
        nudge[-outputs:], goal[-outputs:] = beta, target
        return replace(self, nudge=nudge, target=goal, start=states)

    def elements(self) -> Iterator[Element]:
        """Every element, the same ones in the same order for the same circuit."""
        analog = self.analog
        rng = np.random.default_rng(analog.seed)
        offsets = rng.normal(0, 1, (2, len(self.start))) * np.array([[analog.offset], [analog.mismatch]])
        for index, state in enumerate(self.inputs):
            yield Element(f"Vp{index}", (f"p{index}", "0"), number(state * analog.unit))
            yield Element(f"Vq{index}", (f"q{index}", "0"), number(-state * analog.unit))
        if analog.activation == PAIR:
            yield Element("Vhigh", ("high", "0"), number(SUPPLY))
            yield Element("Vlow", ("low", "0"), number(-SUPPLY))
        for index in range(len(self.start)):
            yield from self._neuron(index, *offsets[:, index])
        rows = [(f"p{row}", f"q{row}") for row in range(len(self.inputs))]
        rows += [(f"a{row}", f"b{row}") for row in range(len(self.start))]
        if analog.wire:
            yield from self._wires([line for pair in rows for line in pair])
        for row, column in zip(*np.nonzero(self.cells), strict=True):
            weight, (straight, inverted) = self.weights[row, column], rows[row]
            # The inverted line lies below the straight one.
            for index, letter, line, part in (
                (1, "u", inverted, max(weight, 0.0)),
                (0, "d", straight, max(-weight, 0.0)),
            ):
                conductance = analog.g_min + part * analog.g_one
                ends = (f"{line}_{column}", f"x{column}_{2 * row + index}") if analog.wire else (line, f"x{column}")
                yield Element(f"R{letter}{row}_{column}", ends, number(1 / conductance))

    def _wires(self, lines: Sequence[str]) -> Iterator[Element]:
        """Segments of the lines, driven at the left, and of the columns, which end at the summing nodes at the bottom."""
        ohms, columns = number(self.analog.wire), range(len(self.start))
        for line in lines:
            for column in columns:
                before = f"{line}_{column - 1}" if column else line
                yield Element(f"Rw{line}_{column}", (before, f"{line}_{column}"), ohms)
        for column in columns:
            for row in range(len(lines)):
                after = f"x{column}_{row + 1}" if row + 1 < len(lines) else f"x{column}"
                yield Element(f"Rx{column}_{row}", (f"x{column}_{row}", after), ohms)

    def _neuron(self, index: int, amplifier: float, pair: float) -> Iterator[Element]:
        """One neuron's amplifier, activity, clamp and nudge."""
        analog = self.analog
        x, v, a, b = (f"{letter}{index}" for letter in "xvab")
        plus = "0"
        if amplifier:
            plus = f"o{index}"
            yield Element(f"Vo{index}", (plus, "0"), number(amplifier))
        yield Element(f"Ev{index}", (v, "0", plus, x), number(analog.gain))
        yield Element(f"Rf{index}", (x, v), number(1 / analog.g_one))
        # The capacitor's voltage is that of the summing node, which is ground, to the output.
        start = number(-self.start[index] * analog.unit)
        yield Element(f"Cf{index}", (x, v), f"{number(analog.rc * analog.g_one)} ic={start}")
        if analog.activation == PAIR:
            yield from self._pair(index, pair)
        else:
            unit = number(analog.unit)
            law = f"{unit}*tanh(v({v})/{unit})" if self.recurrent else f"min(max(v({v}),0),{unit})"
            yield Element(f"Ba{index}", (a, "0"), f"V={law}")
            yield Element(f"Eb{index}", (b, "0", "0", a), "1")
        if self.clamps[index]:
            current = -self.clamps[index] * analog.unit * analog.g_one
            yield Element(f"Ic{index}", ("0", x), number(current))
        if self.nudge[index]:
            # A negative nudge drives from the other side.
            sign = np.sign(self.nudge[index])
            ohms = number(1 / (abs(self.nudge[index]) * analog.g_one))
            yield Element(f"Vt{index}", (f"t{index}", "0"), number(-sign * self.target[index] * analog.unit))
            yield Element(f"Rt{index}", (f"t{index}", x), ohms)
            yield Element(f"Rn{index}", (a if sign > 0 else b, x), ohms)

    def _pair(self, index: int, offset: float) -> Iterator[Element]:
        """The activity by two transistors: the difference of their collectors' voltages, brought to the unit."""
        a, b, left, right, tail = (f"{letter}{index}" for letter in ("a", "b", "l", "r", "e"))
        yield Element(f"Vm{index}", (f"m{index}", "0"), number(offset))
        yield Element(f"Ql{index}", (left, f"v{index}", tail), "pair")
        yield Element(f"Qr{index}", (right, f"m{index}", tail), "pair")
        yield Element(f"Il{index}", (tail, "low"), number(TAIL))
        yield Element(f"Rl{index}", ("high", left), number(COLLECTOR))
        yield Element(f"Rr{index}", ("high", right), number(COLLECTOR))
        gain = number(self.analog.unit / (TAIL * COLLECTOR))
        yield Element(f"Ea{index}", (a, "0", right, left), gain)
        yield Element(f"Eb{index}", (b, "0", left, right), gain)


def number(value: float) -> str:
    """A number as netlists have it; seven digits, so that a netlist is the same on every computer. Zero has no sign."""
    return f"{value + 0.0:.7g}"


class Network:
    """A machine and its weights, as circuits of its patterns.

    Parameters
    ----------
    spec : the machine, whatever rule its weights were learnt by.
    weights : float64, a matrix each, as the machine has them.
    analog : what the circuit is built from.

    UserError for weights that the cells cannot hold, for kernels, and for a layered machine with a differential pair.
    """

    def __init__(self, spec: MachineSpec, weights: Sequence[Floats], analog: AnalogSpec) -> None:
        if spec.kernels:
            raise UserError("A machine with kernels has no circuit yet; give one without them.")
        if analog.activation == PAIR and not spec.recurrent:
            raise UserError("A layered machine's activities are clipped to 0 to 1, which a differential pair is not; write "
                            "activation = \"ideal\" in [analog].")  # fmt: skip
        self.spec, self.analog = spec, analog
        self.cells, self.weights = _placed(spec, weights)
        largest = float(np.abs(self.weights).max())
        if largest * analog.g_one + analog.g_min > analog.g_on * (1 + 1e-9):
            raise UserError(
                f"The largest weight, {largest:.3g}, needs {largest * analog.g_one * 1e6:.4g} uS above the smallest conductance, "
                f"{analog.g_min * 1e6:.4g} uS, and cells reach {analog.g_on * 1e6:.4g} uS; write in [analog] a larger g_on, a "
                "larger on_off or a smaller g_one."
            )

    def free(self, pattern: NDArray[Any]) -> Circuit:
        """The free phase of a pattern (inputs,), from rest."""
        spec = self.spec
        zero = np.zeros(spec.neurons)
        if spec.recurrent:
            inputs, clamps = np.zeros(0), signed(pattern, spec.input_level / spec.state.one)
        else:
            biased = np.append(pattern, spec.brightest) if spec.biases else pattern
            inputs, clamps = biased / (1 << spec.pixel_bits), zero
        return Circuit(self.analog, spec.recurrent, self.cells, self.weights, inputs, clamps, zero, zero, zero)

    def nudged(self, free: Circuit, states: Floats, target: NDArray[np.bool_]) -> Circuit:
        """The nudged phase that follows a free one, towards a target (outputs,), or away from it by the setting ``nudge``.

        A sign that the machine draws, or takes both of, is positive here.
        """
        spec = self.spec
        sign = -1.0 if spec.settings.nudge == NEGATIVE else 1.0
        goal = signed(target, spec.target_level / spec.activity_limit) if spec.recurrent else target.astype(np.float64)
        return free.nudged(states, goal, sign * spec.settings.beta, spec.outputs)


def _placed(spec: MachineSpec, weights: Sequence[Floats]) -> tuple[NDArray[np.bool_], Floats]:
    """Which synapses there are, and their weights; (inputs + neurons, neurons), the biases' input last of the inputs."""
    if spec.recurrent:
        return synapse_mask(spec), np.asarray(weights[0], np.float64)
    firsts = np.cumsum([0, *spec.layers[1:]])
    inputs = spec.inputs + bool(spec.biases)
    placed = np.zeros((inputs + spec.neurons, spec.neurons))
    cells = np.zeros(placed.shape, np.bool_)

    def put(row: int, column: int, matrix: Floats) -> None:
        area = slice(row, row + matrix.shape[0]), slice(column, column + matrix.shape[1])
        placed[area], cells[area] = matrix, True

    put(0, 0, weights[0])
    if spec.biases:
        put(spec.inputs, 0, weights[-1])
    for index in range(1, len(firsts) - 1):
        low, high = int(firsts[index - 1]), int(firsts[index])
        # Up, then back; symmetric matrices have the upper layer's units as rows.
        up, back = (
            (weights[2 * index - 1], weights[2 * index]) if spec.asymmetric else (weights[index].T, weights[index])
        )
        put(inputs + low, high, up)
        put(inputs + high, low, back)
    return cells, placed
