"""What ``ohmprop spice export``, ``run`` and ``compare`` do: a trained machine as a circuit."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ohmprop.analog.circuit import Network
from ohmprop.analog.comparing import Compared, Comparison, figures_of, settling
from ohmprop.analog.engines import SPANS, engine, settle
from ohmprop.analog.netlist import netlist
from ohmprop.analog.spec import AnalogSpec
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.task import ImageSource, ImageTask, PatternSource, Source, Task, source_of
from ohmprop.host.run.trace import trace
from ohmprop.host.show.console import note_uncompiled, print_table, progress, show, stoppable, warn
from ohmprop.host.show.files import check_writable, write_file, write_json
from ohmprop.host.show.pictures import save
from ohmprop.host.show.waveforms import waves_figure
from ohmprop.model.data.patterns import corrupt
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import as_float64
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.spec import MachineSpec

#: Neurons whose states `spice run` prints.
SHOWN = 12


class Sample(NamedTuple):
    """How many images are compared, with what probability a pixel of them is flipped, and the seed of that."""

    images: int
    flip: float
    seed: int


@dataclass(frozen=True)
class Trained:
    """A machine that has learnt, as a circuit, and what it has learnt.

    Members
    -------
    checkpoint : what a run has learnt.
    task : its patterns or images.
    network : the circuit.
    """

    checkpoint: Checkpoint
    task: Task
    network: Network

    @classmethod
    def of(cls, machine: Path | None, load: Path, data: str | None) -> "Trained":
        """What the options name; UserError if they do not go together, or the circuit cannot be built.

        ``machine`` is the file with the table [analog]; ``data`` replaces the patterns or the data set that was learnt.
        """
        checkpoint = Checkpoint.load(load, MachineSpec.load(machine) if machine else None)
        spec = checkpoint.spec
        analog = AnalogSpec.load(machine)
        if checkpoint.memristors:
            raise UserError(
                f"{load} holds weights in devices with pulses, and the circuit has ideal conductances; train without --device."
            )
        if data is None and not checkpoint.run:
            raise UserError(f"{load} does not say what was learnt; name the patterns or the data set with --data.")
        network = Network(spec, as_float64(spec, checkpoint.weights), analog)
        return cls(checkpoint, _source(checkpoint, data).load(spec, checkpoint.seed), network)

    def images(self, flip: float, seed: int) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
        """Patterns (inputs,) and targets (outputs,): the learnt ones, then corrupted ones without end; or test images."""
        task = self.task
        if isinstance(task, ImageTask):
            yield from zip(task.test_inputs, task.test_targets, strict=True)
            return
        yield from zip(task.inputs, task.targets, strict=True)
        rng = np.random.default_rng(seed)
        while True:
            yield from zip(corrupt(task.targets, flip, 1, rng)[0], task.targets, strict=True)

    def one(self, number: int, flip: float, seed: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Image ``number`` of ``images``, from 0; UserError if there is none."""
        found = next(itertools.islice(self.images(flip, seed), number, None), None)
        if found is None:
            raise UserError(f"There is no test image {number}; they are 0 to {len(self.task.test_inputs) - 1}.")  # type: ignore[attr-defined]
        return found


def _source(checkpoint: Checkpoint, data: str | None) -> Source:
    """What a run has learnt, or what is named in place of it."""
    if data is None:
        return source_of(checkpoint.run)
    return PatternSource(data) if checkpoint.spec.recurrent else ImageSource(data).as_learnt(checkpoint.run)


def run_export(machine: Path | None, load: Path, data: str | None, image: int, nudged: bool, out: Path) -> None:
    """Write the netlist of a phase of one pattern."""
    check_writable(out)
    trained = Trained.of(machine, load, data)
    pattern, target = trained.one(image, 0.1, 1)
    circuit, span = trained.network.free(pattern), SPANS[0]
    if nudged:
        # It begins where the free phase ends, by the project's own solution of the same equations.
        free, at_rest = settle(engine("equations"), circuit)
        if not at_rest:
            warn(
                f"The free phase of image {image} did not come to rest; the nudged one begins where it was when time was up."
            )
        circuit, span = trained.network.nudged(circuit, free.states[-1], target), SPANS[1]
    spec = trained.network.spec
    phase = "nudged" if nudged else "free"
    layers = "-".join(map(str, spec.layers))
    text = netlist(circuit, span, f"ohmprop {layers}, spec {spec.spec_hash}, image {image}, {phase} phase")
    write_file(out, text.encode())
    elements = sum(1 for _ in circuit.elements())
    show("Netlist", {"file": str(out), "phase": phase, "neurons": spec.neurons, "elements": elements, "span_rc": span})


def run_circuit(
    machine: Path | None,
    load: Path,
    data: str | None,
    image: int,
    engine_name: str | None,
    json_file: Path | None,
    out: Path | None,
) -> None:
    """Solve both phases of one pattern, and show where its neurons settle and when."""
    check_writable(json_file)
    if out:
        check_writable(out, folder=True)
    solver = engine(engine_name)
    trained = Trained.of(machine, load, data)
    pattern, target = trained.one(image, 0.1, 1)
    spec, network = trained.network.spec, trained.network
    waves, rests, circuit = [], [], network.free(pattern)
    for _ in range(2):
        wave, at_rest = settle(solver, circuit)
        waves.append(wave)
        rests.append(at_rest)
        circuit = network.nudged(circuit, waves[-1].states[-1], target)
    figures = {
        "engine": solver.name,
        "image": image,
        "neurons": spec.neurons,
        "settling_rc": settling(spec, waves[0]),
        "nudged_settling_rc": settling(spec, waves[1]),
        "settled": all(rests),
    }
    ends = [wave.states[-1] for wave in waves]
    if json_file:
        write_json(json_file, {**figures, "free_states": ends[0].tolist(), "nudged_states": ends[1].tolist()})
    if out:
        save(waves_figure(spec, (waves[0], waves[1]), None), out / "waveforms.png")
    table = Table("neuron", "free, V", "free, units", "nudged, V", "nudged, units")
    unit = network.analog.unit
    for index in range(min(SHOWN, spec.neurons)):
        free, nudged = (end[-SHOWN:][index] if not spec.recurrent else end[index] for end in ends)
        number = index if spec.recurrent else max(0, spec.neurons - SHOWN) + index
        table.add_row(str(number), f"{free * unit:.4f}", f"{free:.4f}", f"{nudged * unit:.4f}", f"{nudged:.4f}")
    print_table(table)
    show("Circuit", figures)


def run_compare(
    machine: Path | None,
    load: Path,
    data: str | None,
    sample: Sample,
    engine_name: str | None,
    json_file: Path | None,
    out: Path | None,
) -> None:
    """Compare machine, float64 and circuit over images. Ctrl-C keeps what was compared."""
    count = sample.images
    check_writable(json_file)
    if out:
        check_writable(out, folder=True)
    note_uncompiled()
    solver = engine(engine_name)
    trained = Trained.of(machine, load, data)
    spec, weights = trained.network.spec, trained.checkpoint.weights
    comparison = Comparison(trained.network, weights, solver)
    compared: list[Compared] = []
    with stoppable() as stopped, progress("solving", count) as advance:
        for pattern, target in itertools.islice(trained.images(sample.flip, sample.seed), count):
            if stopped():
                break
            compared.append(comparison.compare(pattern, target))
            if len(compared) == 1 and out:
                golden = GoldenMachine(spec)
                golden.weights = weights
                waves = compared[0].free.waves, compared[0].nudged.waves
                found = trace(golden, pattern, target)
                steps = found.states[: found.free_steps + 1], found.states[found.free_steps :]
                save(waves_figure(spec, waves, steps), out / "waveforms.png")
            advance()
    figures = {
        "spec_hash": spec.spec_hash,
        "engine": solver.name,
        "patterns": trained.task.name,
        **figures_of(spec, compared),
    }
    if json_file:
        write_json(json_file, figures)
    show("Machine, float64 and circuit; LSBs are those of a state", figures)
    if stopped():
        raise KeyboardInterrupt(f"Interrupted after {len(compared)} of {count} images; their figures are above.")
