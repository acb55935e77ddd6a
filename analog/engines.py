"""What solves a circuit in time, behind one protocol: the project's own equations, neospice, and ngspice."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ohmprop.analog.circuit import Circuit
from ohmprop.analog.netlist import netlist
from ohmprop.model.errors import MachineError, UserError

Floats = NDArray[np.float64]
#: Of the own solver: steps of Runge and Kutta for each RC.
STEPS = 32
#: RC that a circuit is given for a free and for a nudged phase, and how many times at most, until no activity moves by more
#: than this in an RC.
SPANS, MOST_SPANS, RESTING = (30.0, 10.0), 8, 1e-5
#: Seconds that ngspice may take for one phase.
LIMIT = 600
INSTALL = "pip install 'ohmprop[analog]'"


class Waves(NamedTuple):
    """What the neurons do: times in RC (points,), and their states in units (points, neurons)."""

    times: Floats
    states: Floats


class Engine(Protocol):
    """What solves a circuit in time."""

    name: str

    def run(self, circuit: Circuit, span: float) -> Waves:
        """The states from the circuit's start over ``span`` RC; MachineError if they cannot be computed."""


class Spice(Engine, Protocol):
    """An engine that reads netlists."""

    def operating_point(self, text: str, nodes: Sequence[str]) -> Floats:
        """Volts of these nodes (nodes,) at rest; MachineError if they cannot be computed."""


class Equations:
    """The circuit's equations with ideal amplifiers, by the method of Runge and Kutta: what SPICE is compared with."""

    name = "equations"

    def run(self, circuit: Circuit, span: float) -> Waves:
        """As Engine.run says."""
        count, step = round(span * STEPS), 1 / STEPS
        states = np.empty((count + 1, len(circuit.start)))
        states[0] = circuit.start
        for index in range(count):
            here = states[index]
            first = circuit.flow(here)
            second = circuit.flow(here + step / 2 * first)
            third = circuit.flow(here + step / 2 * second)
            fourth = circuit.flow(here + step * third)
            states[index + 1] = here + step / 6 * (first + 2 * second + 2 * third + fourth)
        return Waves(np.arange(count + 1, dtype=np.float64) / STEPS, states)


class Neospice:
    """SPICE in this process, from the Python package neospice."""

    name = "neospice"

    def __init__(self) -> None:
        try:
            import neospice
        except ModuleNotFoundError:
            raise UserError(f"The engine neospice is not installed; install it with `{INSTALL}`.") from None
        self._package = neospice

    def run(self, circuit: Circuit, span: float) -> Waves:
        """As Engine.run says."""
        analog = circuit.analog
        result = self._run(netlist(circuit, span, "ohmprop"), "transient")
        states = np.column_stack([np.asarray(result.voltage(f"v{index}")) for index in range(len(circuit.start))])
        return checked(self.name, Waves(np.asarray(result.time) / analog.rc, states / analog.unit), span)

    def operating_point(self, text: str, nodes: Sequence[str]) -> Floats:
        """As Spice.operating_point says."""
        result = self._run(text, "dc")
        return np.array([result.voltage(node) for node in nodes])

    def slopes(self, text: str, nodes: Sequence[str], resistors: Sequence[str]) -> Floats:
        """What these nodes' volts at rest change by with each resistor's ohms (nodes, resistors), by SPICE's own adjoint."""
        found = self._package.sensitivity(text, [f"v({node})" for node in nodes], list(resistors))
        return np.array(found.jacobian)

    def _run(self, text: str, analysis: str) -> Any:
        try:
            result = getattr(self._package.run(text), analysis)
        except (RuntimeError, ValueError) as error:
            raise MachineError(_no_end(self.name, str(error))) from None
        if result is None:
            raise MachineError(_no_end(self.name, "it found nothing to analyse"))
        return result


class Ngspice:
    """The program ngspice, where it is on the PATH."""

    name = "ngspice"

    def __init__(self) -> None:
        found = shutil.which("ngspice")
        if not found:
            raise UserError("The engine ngspice is not on the PATH; install it, as with `apt-get install ngspice`.")
        self._program = found

    def run(self, circuit: Circuit, span: float) -> Waves:
        """As Engine.run says."""
        analog = circuit.analog
        names, values = self._run(netlist(circuit, span, "ohmprop"))
        places = [names.index(f"v(v{index})") for index in range(len(circuit.start))]
        waves = Waves(values[:, names.index("time")] / analog.rc, values[:, places] / analog.unit)
        return checked(self.name, waves, span)

    def operating_point(self, text: str, nodes: Sequence[str]) -> Floats:
        """As Spice.operating_point says."""
        names, values = self._run(text)
        return values[0, [names.index(f"v({node})") for node in nodes]]

    def _run(self, text: str) -> tuple[list[str], Floats]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "circuit.cir").write_text(text)
            command = [self._program, "-b", "-r", "waves.raw", "circuit.cir"]
            try:
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
            except subprocess.TimeoutExpired:
                raise MachineError(_no_end(self.name, f"no end after {LIMIT} s")) from None
            raw = folder / "waves.raw"
            if done.returncode or not raw.exists():
                words = (done.stderr.strip() or done.stdout.strip()).splitlines()
                raise MachineError(_no_end(self.name, words[-1] if words else f"exit code {done.returncode}"))
            return read_raw(raw.read_bytes())


def settle(solver: Engine, circuit: Circuit) -> tuple[Waves, bool]:
    """The states from the circuit's start until they rest, and whether they do; MachineError if they cannot be computed."""
    span = SPANS[bool(circuit.nudge.any())]
    times, states = np.zeros(1), circuit.start[None]
    for _ in range(MOST_SPANS):
        more = solver.run(replace(circuit, start=states[-1]), span)
        times, states = np.append(times, times[-1] + more.times[1:]), np.vstack([states, more.states[1:]])
        last = circuit.activities(states[int(np.searchsorted(times, times[-1] - 1.0)) :])
        if np.abs(last - last[-1]).max() <= RESTING:
            return Waves(times, states), True
    return Waves(times, states), False


def read_raw(data: bytes) -> tuple[list[str], Floats]:
    """Names of the variables in a binary file of ngspice's, and their values (points, variables)."""
    header, _, body = data.partition(b"Binary:\n")
    lines = header.decode("utf-8", "replace").splitlines()
    said = dict(line.split(": ", 1) for line in lines if ": " in line)
    variables, points = int(said["No. Variables"]), int(said["No. Points"])
    first = next(index for index, line in enumerate(lines) if line.startswith("Variables:")) + 1
    names = [line.split()[1].lower() for line in lines[first : first + variables]]
    return names, np.frombuffer(body, np.float64, variables * points).reshape(points, variables)


def checked(engine: str, waves: Waves, span: float) -> Waves:
    """The waves, if they reach the end and are numbers."""
    if not len(waves.times) or waves.times[-1] < span * 0.999 or not np.isfinite(waves.states).all():
        reached = waves.times[-1] if len(waves.times) else 0.0
        raise MachineError(_no_end(engine, f"it ends after {reached:.3g} of {span:.3g} RC"))
    return waves


def _no_end(engine: str, why: str) -> str:
    return f"{engine} did not solve the circuit ({why}); try another --engine, or a smaller gain in [analog]."


#: By name, the default first where it is installed.
ENGINES: dict[str, type[Engine]] = {"neospice": Neospice, "ngspice": Ngspice, "equations": Equations}


def engine(name: str | None) -> Engine:
    """The engine of this name, or the first SPICE that is installed; UserError if there is none."""
    if name:
        return ENGINES[name]()
    for kind in (Neospice, Ngspice):
        try:
            return kind()
        except UserError:
            continue
    raise UserError(
        f"No SPICE is installed; install one with `{INSTALL}`, put ngspice on the PATH, or give --engine equations, which "
        "solves the same equations without SPICE."
    )
