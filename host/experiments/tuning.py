"""What ``ohmprop tune`` does: a search for settings at which a machine learns a user's images.

By successive halving (Jamieson and Talwalkar 2016): all candidates learn for one epoch, the better third of them for three,
and the best of those for the whole run. Images that are held out of the training set choose; the test images are not read.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

import click
import numpy as np
from rich.table import Table

from ohmprop.host.experiments.held_out import by_class, dead_outputs, held_out, learnt, misread
from ohmprop.host.experiments.jobs import Result, Store, compute
from ohmprop.host.experiments.pools import Pool
from ohmprop.host.run.task import ImageSource, check_layered, default_halvings
from ohmprop.host.show.console import print_table
from ohmprop.host.show.files import check_writable, write_file, write_json
from ohmprop.model.data.datasets import Choice, Dataset, load
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import MachineFields
from ohmprop.model.spec.options import equipped
from ohmprop.model.spec.topology import topology_of

#: Candidates besides the own and the default settings; of each round a third goes on to the next.
CANDIDATES, GOES_ON = 27, 3
#: Epochs of the first two rounds.
SHORT = (1, 3)
#: How candidates differ: all rates are halved so often; each matrix's once more than the one before; most nudged steps, in
#: shares of the default; fine bits; order with Euler's steps.
SLOWER, STEEPER, NUDGED, FINE_BITS = (-1, 0, 1, 2), (0, 1), (0.5, 1, 2), (0, 4)
ORDERS = (("together", 0.5, 0.5), ("layers", 1.0, 1.0), ("layers", 1.0, 0.5))


@dataclass(frozen=True)
class Trial:
    """A machine that learns for some epochs.

    Members
    -------
    machine : its TOML text.
    data, choice : the images.
    epochs, seed : of the run.
    """

    machine: str
    data: str
    choice: Choice
    epochs: int
    seed: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{crc32(self.machine.encode()):08x}-epochs{self.epochs}-seed{self.seed}"

    def compute(self) -> Result:
        """The share of held-out images that are misread, and how many outputs are 0 for all others."""
        spec = MachineSpec.from_saved(self.machine)
        dataset = _dataset(self.data, replace(self.choice, two_values=spec.pixel_bits == 1), self.seed)
        part = held_out(dataset, by_class(dataset))
        machine = learnt(spec, part, self.epochs, default_halvings(self.epochs), self.seed)
        return {
            "held_out_error": misread(machine, part.test_images, part.test_labels),
            "dead_outputs": dead_outputs(machine, part.train_images),
        }


@lru_cache(maxsize=1)
def _dataset(data: str, choice: Choice, seed: int) -> Dataset:
    """The images, which a process loads once."""
    return load(data, choice, seed)


@dataclass(frozen=True)
class Search:
    """How it is searched.

    Members
    -------
    epochs : of the run that the machine is tuned for.
    seed : of the candidates and of their runs.
    settings_only : no setting is tried that wants other hardware.
    pool : who computes.
    """

    epochs: int
    seed: int
    settings_only: bool
    pool: Pool


def run_tune(
    source: ImageSource,
    machine: Path | None,
    search: Search,
    save: Path | None,
    json_file: Path | None,
    out: Path,
) -> None:
    """Search, say what was found, and write the best machine; KeyboardInterrupt after Ctrl-C, with what is done in ``out``."""
    spec = source.machine(machine)
    check_layered(spec)
    source.load(spec, search.seed)
    for path in (save, json_file):
        check_writable(path)
    own, epochs, seed = spec.to_toml(), search.epochs, search.seed
    identity = {
        "machine": own,
        "data": source.data,
        "choice": _plain(asdict(source.choice)),
        "epochs": epochs,
        "seed": seed,
    }
    store = Store(out, {**identity, "settings_only": search.settings_only})
    field = list(dict.fromkeys(one.to_toml() for one in candidates(spec, seed, search.settings_only)))
    for number, length in enumerate(sorted({min(length, epochs) for length in (*SHORT, epochs)})):
        trials = [Trial(text, source.data, source.choice, length, seed) for text in field]
        what = f"round {number + 1}: {len(field)} candidates, {length} {'epoch' if length == 1 else 'epochs'} each"
        compute(what, trials, store, search.pool)
        ranked = sorted(trials, key=lambda trial: _rank(store, trial))
        # The machine's own settings stay, to be compared with.
        field = list(dict.fromkeys([*(trial.machine for trial in ranked[: -(-len(field) // GOES_ON)]), own]))
    best = save or out / "tuned.toml"
    write_file(best, ranked[0].machine.encode())
    rows = [_row(store, trial) for trial in ranked]
    first = _row(store, next(trial for trial in ranked if trial.machine == own))
    figures = {"own": first, "best": rows[0], "rows": rows, "machine": str(best)}
    write_json(out / "tune.json", figures)
    if json_file:
        write_json(json_file, figures)
    _show(rows)
    before, after = (f"{row['held_out_error']:.2%}" for row in (first, rows[0]))
    click.echo(
        f"{before} of the held-out images are misread with the machine's own settings, and {after} with the best; {best} is the "
        f"machine for `ohmprop train --data {shlex.quote(source.data)} --machine {shlex.quote(str(best))} --epochs {epochs}`."
    )


def candidates(spec: MachineSpec, seed: int, settings_only: bool) -> Iterator[MachineSpec]:
    """The machine as it is, as it is by default, and CANDIDATES others, drawn by the seed; none that cannot be."""
    yield spec
    fixed = settings_only or spec.pulses
    defaults = spec.topology.defaults(spec)
    hardware = {} if fixed else {name: defaults[name] for name in ("fine_bits", "in_turn")}
    standard = _fields(spec, **hardware)
    plain = replace(spec.topology.settings(standard), rule=spec.settings.rule)
    reached = _within_reach(standard, plain.eta_shifts)
    yield replace(spec, **hardware, settings=replace(plain, eta_shifts=reached))
    fine = (spec.fine_bits,) if fixed else FINE_BITS
    orders = ORDERS if spec.in_turn or not fixed else ORDERS[:1]
    possible = list(product(SLOWER, STEEPER, NUDGED, fine, orders))
    left = CANDIDATES
    for index in np.random.default_rng(seed).permutation(len(possible)).tolist():
        if not left:
            return
        slower, steeper, nudged, fine_bits, (turns, free_eps, nudged_eps) = possible[index]
        shifts = [shift + slower + steeper * number for number, shift in enumerate(plain.eta_shifts)]
        reached = _within_reach(_fields(spec, fine_bits=fine_bits), shifts)
        try:
            machine = equipped(
                replace(spec, fine_bits=fine_bits, settings=replace(spec.settings, eta_shifts=reached)),
                free_steps=plain.free_steps,
                driven_steps=plain.driven_steps,
                nudged_steps=max(1, round(nudged * plain.nudged_steps)),
                order=turns,
                free_eps=free_eps,
                nudged_eps=nudged_eps,
            )
        except UserError:
            # Fine bits do not fit the memory, or stand below weights that are wide by themselves.
            continue
        left -= 1
        yield machine


def _fields(spec: MachineSpec, **changes: Any) -> MachineFields:
    """The machine's fields with others among them, of which nothing is checked."""
    return MachineFields(**{item.name: getattr(spec, item.name) for item in fields(MachineFields)} | changes)


def _within_reach(machine: MachineFields, shifts: Sequence[int]) -> tuple[int, ...]:
    """The learning rates, each moved to the nearest that its matrix can have."""
    matrices = topology_of(machine.layers, machine.kernels).matrices(machine)
    return tuple(
        min(max(shift, matrix.eta_shifts[0]), matrix.eta_shifts[-1])
        for shift, matrix in zip(shifts, matrices, strict=True)
    )


def _rank(store: Store, trial: Trial) -> tuple[int, float]:
    """First whose outputs live, then who misreads least."""
    found = store.load(trial) or {}
    return found["dead_outputs"], found["held_out_error"]


def _plain(choice: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in choice.items()}


def _row(store: Store, trial: Trial) -> dict[str, Any]:
    """A candidate and what it came to, by the names that the JSON uses."""
    spec = MachineSpec.from_saved(trial.machine)
    settings = spec.settings
    return {
        "eta_shifts": list(settings.eta_shifts),
        "free_steps": settings.free_steps,
        "nudged_steps": settings.nudged_steps,
        "order": settings.order,
        "eps": [settings.free_eps, settings.nudged_eps],
        "fine_bits": spec.fine_bits,
        **(store.load(trial) or {}),
    }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    """Print a row for each candidate of the last round, the best first."""
    head = ("eta_shifts", "steps", "nudged", "order", "eps", "fine bits", "held out", "dead outputs")
    table = Table(*head, title="The candidates of the last round")
    for row in rows:
        table.add_row(
            ", ".join(map(str, row["eta_shifts"])),
            str(row["free_steps"]),
            str(row["nudged_steps"]),
            row["order"],
            ", ".join(f"{eps:g}" for eps in row["eps"]),
            str(row["fine_bits"]),
            f"{row['held_out_error']:.2%}",
            str(row["dead_outputs"]),
        )
    print_table(table)
