"""One training of a study on the golden machine, and what it has come to."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.experiments.held_out import by_place, held_out
from ohmprop.host.experiments.jobs import Result
from ohmprop.host.experiments.reproduce.plan import SIDE_STEPS
from ohmprop.host.experiments.study.parameters import Value, completed
from ohmprop.host.run.readings import read
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.data.datasets import load, order, pixels
from ohmprop.model.data.patterns import corrupt, glyphs, recalled
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.formats import Format
from ohmprop.model.golden.machine import GoldenMachine, eta_shifts_at
from ohmprop.model.memristors.curves import Device
from ohmprop.model.memristors.fitted import device_named
from ohmprop.model.memristors.presets import PRESETS
from ohmprop.model.memristors.tables import NOISE_UNIT, step_tables
from ohmprop.model.memristors.unit import PulseUnit, pulse_unit, stuck_cells
from ohmprop.model.memristors.variants import symmetric, with_levels, with_nonlinearity
from ohmprop.model.memristors.wires import Wires
from ohmprop.model.rules import RULES, Second
from ohmprop.model.spec import MachineSpec

#: The machine of each data set.
LAYERS = {"glyphs": (100,), "digits": (64, 32, 10)}
#: Flip probabilities of the recalls.
FLIPS = (0.10, 0.20)
#: What is measured, the first being what is plotted.
SCORES = {"glyphs": tuple(f"p = {p:.2f}" for p in FLIPS), "digits": ("accuracy",)}
#: How often the digits' learning rates are halved an epoch.
HALVINGS = 0.5
#: An ideal device has as many levels as a conductance of a 7-bit cell.
IDEAL_LEVELS = 128
#: First seeds of the random choices.
_NOISE, _FAULTS = 21, 22

Matrices = Sequence[NDArray[np.integer[Any]]]


def device_of(values: dict[str, Any]) -> Device:
    """The device of a point with all that the point changes in it."""
    device, ideal = device_named(values["device"]), values["ideal"]
    if values["nonlinearity"] is not None:
        device = with_nonlinearity(device, values["nonlinearity"])
    if values["levels"] is not None:
        device = with_levels(device, values["levels"])
    if ideal in ("symmetry", "all"):
        device = symmetric(device)
    if ideal in ("levels", "all"):
        device = with_levels(device, IDEAL_LEVELS)
    noise = 0.0 if ideal in ("noise", "all") else values["noise"]
    if noise is not None:
        device = replace(device, noise=noise, noise_floor=0.0, noise_slope=0.0, range_noise=0.0)
    spread = 0.0 if ideal in ("spread", "all") else values["spread"]
    return device if spread is None else replace(device, spread=spread)


@dataclass(frozen=True)
class Trial:
    """One training.

    Members
    -------
    data : "glyphs" or "digits".
    point : names and values of the parameters that are not as by default, sorted by name; the rate is always there.
    epochs : rounds through the patterns.
    images : corrupted images a glyph and probability.
    seed : of the initial weights, the orders, the noise and the faults. Device-to-device spread is of the cells' addresses.
    choosing : the trial is one of those that choose settings; of the digits it then sees no test image.
    """

    data: str
    point: tuple[tuple[str, Value], ...]
    epochs: int
    images: int
    seed: int
    choosing: bool

    @property
    def name(self) -> str:
        """The name of the cell's file."""
        values = "-".join(f"{name}={_label(name, value)}" for name, value in self.point)
        return f"{self.data}-{values}-{self.epochs}x{self.images}-seed{self.seed}{'-choosing' * self.choosing}"

    def machine(self) -> tuple[MachineSpec, PulseUnit]:
        """The machine and its cells, without what is stuck; UserError if values do not go together."""
        values = completed(dict(self.point))
        layers, bits = LAYERS[self.data], values["bits"]
        plain, rule = MachineSpec(layers=layers), RULES[values["rule"]]
        settings = replace(plain.settings, rule=rule.name)
        if plain.topology.name not in rule.topologies:
            raise UserError(f"rule = {rule.name!r} needs a recurrent machine; give --data glyphs, or rule=ep.")
        if rule.second is Second.SIDE:
            settings = replace(settings, nudged_steps=SIDE_STEPS)
        if values["wire"] and not plain.recurrent:
            raise UserError("wire needs a recurrent machine; give --data glyphs, or wire=0.")
        # The later matrices keep their distance from the first one's rate.
        first = settings.eta_shifts[0]
        shifts = tuple(values["rate"] + shift - first for shift in settings.eta_shifts)
        spec = MachineSpec(
            layers=layers,
            weight=Format(True, bits, bits - 1),
            input_weight=Format(True, bits, bits) if self.data == "digits" else MachineSpec.input_weight,
            settings=replace(settings, eta_shifts=shifts),
            adc_bits=values["adc"],
            adc_range=values["adc_range"],
            dac_bits=values["dac"],
        )
        device, scheme = device_of(values), values["scheme"]
        unit = pulse_unit(device, spec, values["pulses"], scheme)
        scheme = unit.tables.scheme
        if np.isfinite(values["on_off"]):
            # An amplifier set for currents from 0 up has this share of its range left.
            limit = spec.matrices[0].weight.high
            levels = round((2 * limit + 1 if scheme == "reference" else limit + 1) * (1 - 1 / values["on_off"]))
            unit = replace(unit, tables=step_tables(device, spec.matrices[0].weight, scheme, max(3, levels)))
        current = 1 << spec.matrices[-1].weight.fraction + spec.activity.fraction
        unit = replace(unit, read_noise=round(values["read_noise"] * current / NOISE_UNIT))
        unit.check(spec)
        return spec, unit

    def compute(self) -> Result:
        """Scores by their names; of learning: pulses up, down and lost of each matrix, reads of its weights, patterns."""
        spec, unit = self.machine()
        values = completed(dict(self.point))
        learn = _learn_glyphs if self.data == "glyphs" else _learn_digits
        drawn = quantise(spec, initial_weights(spec, self.seed))
        start = [np.clip(matrix, unit.tables.low, unit.tables.high) for matrix in drawn]
        faulty = [matrix.copy() for matrix in start]
        stuck = stuck_cells(spec, faulty, unit.tables, _faults(spec, values["stuck"], values["frozen"], self.seed))
        if values["training"].startswith("array"):
            return learn(self, spec, replace(unit, stuck=stuck), faulty, [])
        return learn(self, spec, unit, start, list(zip(stuck, faulty, strict=True)))


def _label(name: str, value: Value) -> Value:
    """A value as a file name has it: of a fitted device its file's name and content, which may change."""
    if name != "device" or value in PRESETS:
        return value
    return f"{Path(str(value)).stem}~{zlib.crc32(repr(device_named(str(value))).encode()):08x}"


#: Which cells of a matrix are stuck, and weights that those have.
Faults = Sequence[tuple[NDArray[np.bool_], NDArray[np.integer[Any]]]]


def _faults(spec: MachineSpec, stuck: float, frozen: float, seed: int) -> list[tuple[int, int, int, str]]:
    """Cells stuck at an end, as many at either on average, and cells frozen; more of a share include those of a smaller one."""
    rng, cells = np.random.default_rng([_FAULTS, seed]), []
    for index, matrix in enumerate(spec.matrices):
        chance, end = rng.random((2, matrix.rows, matrix.columns))
        wanted = chance < stuck + frozen
        if spec.recurrent:
            wanted &= np.tri(matrix.rows, k=-1, dtype=bool)
        for row, column in np.argwhere(wanted).tolist():
            at_end = "min" if end[row, column] < 0.5 else "max"
            where = at_end if chance[row, column] < stuck else "frozen"
            cells.append((index, row, column, where))
    return cells


def _learn_glyphs(trial: Trial, spec: MachineSpec, unit: PulseUnit, start: Matrices, later: Faults) -> Result:
    """Learn the glyphs, apply the faults of ``later``, and recall corrupted ones, with wires if they are not ideal."""
    values, patterns = completed(dict(trial.point)), glyphs()
    wires, limit = _wires(values), spec.weight_limit

    def learnt(on: Wires | None) -> GoldenMachine:
        machine = GoldenMachine(spec, lfsr=DEFAULT_LFSR ^ trial.seed)
        machine.weights = tuple(start)
        machine.device, machine.wires = unit, on
        for _ in range(trial.epochs):
            machine.learn_many(patterns)
        return machine

    on_array, gain = values["training"].startswith("array"), values["training"].endswith("gain")
    if wires and (gain or not on_array):
        # What the wires take is measured on a memory that was learnt without them.
        machine = learnt(None)
        if gain:
            wires.gain = 1 / wires.scale(machine.weights[0], limit)
        if on_array:
            machine = learnt(wires)
        machine.wires = wires
    else:
        machine = learnt(wires)
    # Each step reads each weight, a symmetric pair's in both directions.
    reads = [machine.steps * spec.synapses]
    for mask, weights in later:
        machine.weights[0][mask] = weights[mask]
    rng, scores = np.random.default_rng([_NOISE, trial.seed]), {}
    for name, p in zip(SCORES["glyphs"], FLIPS, strict=True):
        images, labels = corrupt(patterns, p, trial.images, rng)
        scores[name] = float(recalled(patterns, labels, machine.recall_many(images)[0]).mean())
    return {"scores": scores, "pulses": machine.pulses.tolist(), "reads": reads, "learnt": machine.learnt}


def _wires(values: dict[str, Any]) -> Wires | None:
    """A point's wires; without a ratio of the cells' conductances the smallest is a hundredth of the largest."""
    if not values["wire"]:
        return None
    on_off = {"on_off": values["on_off"]} if np.isfinite(values["on_off"]) else {}
    return Wires(values["wire"], every=values["wire_every"], **on_off)


def _learn_digits(trial: Trial, spec: MachineSpec, unit: PulseUnit, start: Matrices, later: Faults) -> Result:
    """Learn the digits, apply the faults of ``later``, and read the test images."""
    digits = load("digits")
    if trial.choosing:
        digits = held_out(digits, by_place(digits))
    images, unseen = (pixels(part, spec.pixel_bits) for part in (digits.train_images, digits.test_images))
    targets = digits.train_labels[:, None] == np.arange(spec.outputs)
    machine = GoldenMachine(spec, lfsr=DEFAULT_LFSR ^ trial.seed)
    machine.weights = tuple(start)
    machine.device = unit
    for epoch in range(trial.epochs):
        machine.settings = replace(spec.settings, eta_shifts=eta_shifts_at(spec, epoch, HALVINGS))
        chosen = order(digits, epoch, trial.seed)
        machine.learn_many(images[chosen], targets[chosen])
    # The inputs' weights are read once a pattern where the pixel is not 0, the others in both directions each step.
    first, *others = spec.matrices
    lit = trial.epochs * int(np.count_nonzero(images))
    reads = [lit * first.columns, *(2 * machine.steps * matrix.rows * matrix.columns for matrix in others)]
    for learnt, (mask, faulty) in zip(machine.weights, later, strict=False):
        learnt[mask] = faulty[mask]
    right = read(machine.recall_many(unseen)[0]) == digits.test_labels
    scores = {SCORES["digits"][0]: float(right.mean())}
    return {"scores": scores, "pulses": machine.pulses.tolist(), "reads": reads, "learnt": machine.learnt}
