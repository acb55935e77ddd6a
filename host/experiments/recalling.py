"""What ``ohmprop recall`` does: recall corrupted patterns with learnt weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ohmprop.host.link.board import connect
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.recall import Corruption, recall
from ohmprop.host.run.task import PatternSource
from ohmprop.host.run.twin import Twin
from ohmprop.host.show.console import flip_text, progress, show, show_recall
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import recall_picture
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec


@dataclass(frozen=True)
class Noise:
    """Flip probabilities, corrupted images of each pattern at each of them, and the seed of both."""

    flips: tuple[float, ...]
    images: int
    seed: int


def run_recall(
    machine: Path | None,
    board: str,
    patterns: str,
    load: Path | None,
    noise: Noise,
    json_file: Path | None,
    out: Path | None,
) -> None:
    """Recall corrupted patterns; MachineError if board and golden machine differ."""
    if load is None and board in ("sim", "golden"):
        raise UserError(
            f"A new board ({board}) has learnt nothing; give --load FILE.npz or the port of a board that has."
        )
    source = PatternSource(patterns)
    checkpoint = Checkpoint.load(load, MachineSpec.load(machine) if machine else None) if load else None
    spec = checkpoint.spec if checkpoint else source.machine(machine)
    task = source.load(spec, noise.seed)
    check_writable(json_file)
    if out:
        check_writable(out, folder=True)
    rng = np.random.default_rng(noise.seed)
    rows: dict[str, dict[str, float | int]] = {}
    with connect(board, spec) as connected:
        weights = checkpoint.weights if checkpoint else connected.read_weights()
        lfsr, unit = (checkpoint.lfsr, checkpoint.unit) if checkpoint else (connected.read_settings()[1], None)
        twin = Twin(connected, spec.settings, weights, lfsr, unit)
        with progress("recalling", len(noise.flips) * noise.images * len(task.inputs)) as advance:
            for p in noise.flips:
                corruption = Corruption(p, noise.images, noise.images)
                row, examples = recall(twin, None, task.inputs, corruption, rng, advance)
                rows[flip_text(p)] = row
                if out:
                    recall_picture(out / f"recall-{flip_text(p)}.png", task.loaded.shape, examples, p)
        twin.check("after recall")
    figures: dict[str, Any] = {
        "spec_hash": spec.spec_hash,
        "board": board,
        "patterns": patterns,
        "seed": noise.seed,
        "recall": rows,
        **twin.figures(),
    }
    if json_file:
        write_json(json_file, figures)
    show_recall(rows)
    show("Recall", {name: value for name, value in figures.items() if name != "recall"})
    twin.require_equal()
