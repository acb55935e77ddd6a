"""``ohmprop device glyphs``: learn the glyphs with the golden machine made of each device, and recall corrupted ones."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ohmprop.host.show.console import note_uncompiled, print_table, progress
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.data.patterns import corrupt, glyphs, recalled
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.memristors.curves import Device
from ohmprop.model.memristors.fitted import device_named
from ohmprop.model.memristors.presets import PRESETS
from ohmprop.model.memristors.unit import pulse_unit, stuck_cells
from ohmprop.model.spec import MachineSpec

#: Flip probabilities of the recalls, and corrupted images of each glyph.
FLIPS, IMAGES = (0.10, 0.20), 100


@dataclass(frozen=True)
class Learning:
    """How each device learns.

    Members
    -------
    scheme : how a weight stands for two conductances; None for the device's own.
    rule : ``ep`` or ``rbp``.
    pulses : most pulses of an update and cell, 1 to 7.
    noise : with the device's noise and spread.
    stuck : share of the cells that stick at an end of their range.
    epochs : rounds through the glyphs.
    """

    scheme: str | None
    rule: str
    pulses: int
    noise: bool
    stuck: float
    epochs: int


def run_glyphs(
    names: tuple[str, ...], eta_shifts: tuple[int, ...], learning: Learning, seed: int, json_file: Path | None
) -> None:
    """Recall after learning with each device, at the rate that is best; all presets if none is named.

    The rate is chosen by a training with ``seed``; what is reported is another one's, with the next seed and other images,
    so that the choice does not flatter it.
    """
    check_writable(json_file)
    note_uncompiled()
    devices = {name: device_named(name) for name in names or PRESETS}
    figures: dict[str, Any] = {}
    with progress("learning", len(devices) * len(eta_shifts)) as advance:
        for name, device in devices.items():
            trials = []
            for shift in eta_shifts:
                trials.append(_learn(device, learning, shift, seed)["recalls"])
                advance()
            best = eta_shifts[max(range(len(trials)), key=lambda index: trials[index])]
            figures[name] = _learn(device, learning, best, seed + 1)
    table = Table("device", "scheme", "eta", *(f"p = {p:.2f}" for p in FLIPS), "pulses up", "down", "lost")
    for name, row in figures.items():
        recalls = (f"{share:.3f}" for share in row["recalls"])
        table.add_row(name, row["scheme"], f"2^-{row['eta_shift']}", *recalls, *(f"{n:,}" for n in row["pulses"]))
    if json_file:
        write_json(json_file, figures)
    print_table(table)


def _learn(device: Device, learning: Learning, shift: int, seed: int) -> dict[str, Any]:
    """One training of the default machine, and the shares of corrupted glyphs that it recalls."""
    settings = dataclasses.replace(MachineSpec().settings, eta_shifts=(shift,), rule=learning.rule)
    spec, patterns, rng = MachineSpec(settings=settings), glyphs(), np.random.default_rng(seed)
    machine = GoldenMachine(spec)
    machine.lfsr = DEFAULT_LFSR ^ seed
    unit = pulse_unit(device, spec, learning.pulses, learning.scheme)
    if not learning.noise:
        unit = dataclasses.replace(unit, noise=False, spread=0)
    if learning.stuck:
        pairs = np.argwhere(np.tri(spec.neurons, k=-1) * (rng.random((spec.neurons, spec.neurons)) < learning.stuck))
        cells = [(0, int(row), int(column), str(rng.choice(["min", "max"]))) for row, column in pairs]
        unit = dataclasses.replace(unit, stuck=stuck_cells(spec, machine.weights, unit.tables, cells))
    machine.device = unit
    for _ in range(learning.epochs):
        machine.learn_many(patterns)
    recalls = []
    for p in FLIPS:
        images, labels = corrupt(patterns, p, IMAGES, rng)
        recalls.append(float(recalled(patterns, labels, machine.recall_many(images)[0]).mean()))
    return {
        "scheme": unit.tables.scheme,
        "eta_shift": shift,
        "recalls": recalls,
        "pulses": machine.pulses[0].tolist(),
    }
