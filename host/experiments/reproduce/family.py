"""The family of rules: each on the machines that learn by it, beside float64, and how well its updates follow the gradient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ohmprop.host.experiments.jobs import Result, Store
from ohmprop.host.experiments.reproduce.finding import Finding, Target
from ohmprop.host.experiments.reproduce.plan import Plan, settings_json
from ohmprop.host.experiments.rule_cases import CASES, DEEP, FLIPS, GLYPHS, NARROW, SHALLOW, TEN, Task, first_of
from ohmprop.host.experiments.rules import with_data
from ohmprop.host.run.learner import Alone
from ohmprop.host.run.run import Run, fresh
from ohmprop.host.run.train import train
from ohmprop.model.float64.bptt import alignment, couplings, error_signals
from ohmprop.model.float64.layered import LayeredNetwork, Nudge
from ohmprop.model.float64.recurrent import relax, signed
from ohmprop.model.float64.reference import as_float64
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.options import equipped
from ohmprop.model.spec.settings import BETAS

#: Patterns whose summed update is compared with their summed gradient, epochs learnt before, and steps that settle.
PATTERNS, EPOCHS, SETTLED = 60, 2, 250
#: Machines that it is compared on, and the sizes of the nudge; the machine's own are BETAS.
ALIGNED = tuple(map(first_of, (GLYPHS, SHALLOW, DEEP)))
SIZES = (*BETAS, 0.125, 0.01)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Learn:
    """One run of a case.

    Members
    -------
    number : the case's place in CASES.
    seed : of the initial weights and the order of the images.
    """

    number: int
    seed: int

    @property
    def name(self) -> str:
        """The name of the cell's file."""
        return f"family-{self.number}-seed{self.seed}"

    def compute(self) -> Result:
        """What Case.learn says, with float64 beside the machine; that of 60,000 images would take hours."""
        case = CASES[self.number]
        return case.learn(self.seed, compare=case.task not in (NARROW, TEN))


@dataclass(frozen=True)
class Align:
    """How well the updates of a machine that has learnt a little follow the exact gradient.

    Members
    -------
    number : the case's place in ALIGNED.
    seed : as above.
    """

    number: int
    seed: int

    @property
    def name(self) -> str:
        """The name of the cell's file."""
        return f"alignment-{self.number}-seed{self.seed}"

    def compute(self) -> Result:
        """For each size of the nudge the cosine in float64, and in the machine's integers for those that it has."""
        case = ALIGNED[self.number]
        spec = equipped(case.spec, nudge="random", free_steps=SETTLED)
        spec = replace(spec, settings=replace(spec.settings, nudge="positive"))
        start, learnt = fresh(spec, self.seed), case.task.source.load(spec, self.seed)
        learner = Alone(spec, start.weights, start.lfsr)
        train(Run(start, learnt, EPOCHS), learner)
        inputs, targets = learnt.inputs[:PATTERNS], learnt.targets[:PATTERNS]
        weights = learner.machine.weights
        floats = as_float64(spec, weights)
        exact = _gradient(spec, floats, inputs, targets)
        return {
            "float64": {
                str(beta): alignment(_float_update(spec, floats, inputs, targets, beta), exact) for beta in SIZES
            },
            "machine": {
                str(beta): alignment(_machine_update(spec, weights, inputs, targets, beta), exact) for beta in BETAS
            },
        }


def _free(spec: MachineSpec, weights: Sequence[Floats], pattern: NDArray[Any]) -> tuple[Floats, Floats]:
    """A settled free phase's activities and their slopes, (neurons,) each."""
    if spec.recurrent:
        activities: Floats = np.tanh(relax(weights[0], np.zeros(spec.neurons), _drive(spec, pattern), SETTLED))
        slopes: Floats = 1 - activities**2
        return activities, slopes
    states = LayeredNetwork(spec).relaxed(tuple(weights), pattern, np.zeros(spec.neurons), SETTLED, 0.5)
    return states, ((states > 0) & (states < 1)).astype(np.float64)


def _drive(spec: MachineSpec, pattern: NDArray[Any]) -> Floats:
    return signed(pattern, spec.input_level / spec.state.one)


def _goal(spec: MachineSpec, target: NDArray[np.bool_]) -> Floats:
    return signed(target, spec.target_level / spec.activity_limit) if spec.recurrent else target.astype(np.float64)


def _gradient(
    spec: MachineSpec, weights: Sequence[Floats], patterns: NDArray[Any], targets: NDArray[np.bool_]
) -> Floats:
    """Minus dL/dw between neurons (neurons, neurons), summed over the patterns, from settled free phases."""
    total, matrix = np.zeros((spec.neurons, spec.neurons)), couplings(spec, weights)
    for pattern, target in zip(patterns, targets, strict=True):
        activities, slopes = _free(spec, weights, pattern)
        errors = np.zeros(spec.neurons)
        errors[-spec.outputs :] = _goal(spec, target) - activities[-spec.outputs :]
        signal = -0.5 * error_signals(matrix, slopes, errors, 0.5, SETTLED).sum(axis=0)
        total += np.outer(signal, activities) + np.outer(activities, signal)
    total *= matrix != 0
    return total


def _float_update(
    spec: MachineSpec,
    weights: Sequence[Floats],
    patterns: NDArray[Any],
    targets: NDArray[np.bool_],
    beta: float,
) -> Floats:
    """The summed update of equilibrium propagation in float64, with as many nudged steps as the machine takes."""
    total, steps = np.zeros((spec.neurons, spec.neurons)), spec.settings.nudged_steps
    for pattern, target in zip(patterns, targets, strict=True):
        goal = _goal(spec, target)
        if spec.recurrent:
            free = relax(weights[0], np.zeros(spec.neurons), _drive(spec, pattern), SETTLED)
            nudged = np.tanh(relax(weights[0], free, _drive(spec, pattern), steps, goal, beta))
            free = np.tanh(free)
        else:
            network = LayeredNetwork(spec)
            free, _ = _free(spec, weights, pattern)
            nudged = network.relaxed(tuple(weights), pattern, free, steps, 0.5, Nudge(goal, beta))
        total += np.outer(nudged, nudged) - np.outer(free, free)
    total *= couplings(spec, weights) != 0
    return total


def _machine_update(
    spec: MachineSpec,
    weights: Sequence[NDArray[np.int16]],
    patterns: NDArray[Any],
    targets: NDArray[np.bool_],
    beta: float,
) -> Floats:
    """The same from the states of the golden machine, whose weights are put back after each pattern."""
    machine = GoldenMachine(spec, replace(spec.settings, beta=beta, driven_steps=SETTLED, released_steps=0))
    total = np.zeros((spec.neurons, spec.neurons))
    for pattern, target in zip(patterns, targets, strict=True):
        machine.weights = tuple(weights)
        machine.recall(pattern)
        free = _activities(machine)
        machine.learn(pattern, target)
        nudged = _activities(machine)
        total += np.outer(nudged, nudged) - np.outer(free, free)
    total *= couplings(spec, [values.astype(np.float64) for values in weights]) != 0
    return total


def _activities(machine: GoldenMachine) -> Floats:
    spec = machine.spec
    states = machine.states.astype(np.float64)
    return np.tanh(states / spec.state.one) if spec.recurrent else states / spec.state.high


# -- the target --------------------------------------------------------------------------------------------------------


def _chosen(plan: Plan) -> list[int]:
    """The numbers of the cases; quick ones leave out the larger machines."""
    cases, _ = with_data(list(CASES))
    small: tuple[Task, ...] = (GLYPHS, SHALLOW)
    return [CASES.index(case) for case in cases if not plan.quick or case.task in small]


def _cells(plan: Plan) -> list[Learn | Align]:
    aligned = range(2 if plan.quick else len(ALIGNED))
    return [
        *(Learn(number, seed) for number in _chosen(plan) for seed in plan.seeds),
        *(Align(number, plan.seed) for number in aligned),
    ]


def _family(plan: Plan, store: Store) -> Finding:
    rows = []
    for number in _chosen(plan):
        results = [store.load(Learn(number, seed)) or {} for seed in plan.seeds]
        case = CASES[number]
        rows.append(case.row(results) | {"seeds": list(plan.seeds), "settings": settings_json(case.spec.settings)})
    aligned = [cell for cell in _cells(plan) if isinstance(cell, Align)]
    cosines = {ALIGNED[cell.number].task.machine: store.load(cell) or {} for cell in aligned}
    return Finding(
        title=f"The family of rules, {plan.repeats}",
        paper="Not in the paper: equilibrium propagation and recurrent backpropagation are, on the associative memory.",
        settings={f"{row['machine']}: {row['rule']}, {row['order']}": row["settings"] for row in rows},
        columns=("machine", "rule", "order", "fine_bits", "test_error", "recall", "clocks_per_pattern"),
        records=[
            (
                row["machine"],
                row["rule"],
                row["order"],
                row["fine_bits"],
                row.get("test_error"),
                row["recall"][-1] if "recall" in row else None,
                row["clocks_per_pattern"],
            )
            for row in rows
        ],
        head=(
            "machine",
            "rule",
            "order",
            "fine bits",
            "machine's",
            "float64's",
            "steps",
            "clocks per pattern",
            "cosine",
        ),
        rows=[_shown(row) for row in rows],
        picture=_picture(rows, cosines),
        further={"rows": rows, "flips": list(FLIPS), "alignment": cosines},
    )


def _shown(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row to be read: errors of images, shares of corrupted glyphs that are recalled."""

    def outcome(error: str, recall: str) -> str:
        if error in row:
            return f"{row[error]:.2%}"
        return " ".join(f"{share:.3f}" for share in row[recall]) if recall in row else "-"

    return (
        row["machine"],
        row["rule"],
        row["order"],
        str(row["fine_bits"]),
        outcome("test_error", "recall"),
        outcome("reference_test_error", "reference_recall"),
        f"{row['free_steps']:.1f} + {row['nudged_steps']:.1f}",
        f"{row['clocks_per_pattern']:,.0f}",
        f"{row['cosine']:.2f}" if "cosine" in row else "-",
    )


def _picture(rows: Sequence[Mapping[str, Any]], cosines: Mapping[str, Result]) -> Figure:
    """Misread shares against clocks, machine by machine, and alignment against the nudge's size."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    wrong, aligned = figure.subplots(1, 2)
    markers = dict(zip(dict.fromkeys(row["rule"] for row in rows), "osD^v", strict=False))
    colours = {machine: f"C{number}" for number, machine in enumerate(dict.fromkeys(row["machine"] for row in rows))}
    for row in rows:
        share = row["test_error"] if "test_error" in row else 1 - row["recall"][-1]
        whole = "none" if row["order"] == "together" else colours[row["machine"]]
        wrong.plot(
            row["clocks_per_pattern"],
            100 * share,
            markers[row["rule"]],
            color=colours[row["machine"]],
            markerfacecolor=whole,
        )
    for rule, marker in markers.items():
        wrong.plot([], [], marker, color="gray", markerfacecolor="none", label=rule)
    for machine, colour in colours.items():
        wrong.plot([], [], "-", color=colour, label=machine)
    wrong.plot([], [], "o", color="gray", label="filled: in turn")
    wrong.set(xscale="log", xlabel="busy clocks of a learnt pattern", ylabel="misread, or not recalled at p = 0.2, %")
    wrong.set_ylim(bottom=0)
    wrong.grid(alpha=0.3)
    wrong.legend(fontsize=6, ncols=2)
    for number, (machine, found) in enumerate(cosines.items()):
        for kind, style in (("float64", "--x"), ("machine", "-o")):
            sizes = [float(beta) for beta in found[kind]]
            aligned.plot(
                sizes, list(found[kind].values()), f"C{number}{style}", label=f"{machine}, {kind}", markersize=4
            )
    aligned.set(xscale="log", xlabel="beta", ylabel="cosine of update and exact gradient", ylim=(0, 1.02))
    aligned.grid(alpha=0.3)
    aligned.legend(fontsize=7)
    return figure


FAMILY = Target(_cells, _family)
