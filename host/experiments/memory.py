"""Training and recall of an associative memory: ``ohmprop train`` and ``recall`` with patterns."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from ohmprop.host.link.board import connect
from ohmprop.host.run.checkpoint import Checkpoint, check_content, content_of, leave
from ohmprop.host.run.patterns import Twin, check_recurrent, recall, train
from ohmprop.host.show.console import flip_text, note_idle, progress, show, show_recall, stoppable
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import recall_picture, weights_picture
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.data.patterns import load_patterns, recalled
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.float64.recurrent import initial_weights, quantise
from ohmprop.model.spec import MachineSpec

#: Counters that a checkpoint keeps, of patterns learnt.
COUNTERS = ("busy_clocks", "steps")


def spec_of(machine: Path | None) -> MachineSpec:
    """The machine of a file or a name; the default one if there is none."""
    return MachineSpec.load(machine) if machine else MachineSpec()


def run_train(
    machine: Path | None,
    board: str,
    patterns: str,
    epochs: int,
    seed: int,
    load: Path | None,
    save: Path | None,
    json_file: Path | None,
    out: Path | None,
    compare: bool,
    rule: str | None,
    checkpoint: Path | None,
    every: int,
    resumes: bool,
    device: str | None,
    scheme: str | None,
    pulses: int,
) -> None:
    """Train; MachineError if board and golden machine differ, KeyboardInterrupt after Ctrl-C, weights saved.

    ``resumes``: the patterns must be those of the run in ``load``.
    """
    start = Checkpoint.load(load, spec_of(machine) if machine else None) if load else None
    spec = start.spec if start else spec_of(machine)
    check_recurrent(spec)
    if rule:
        spec = dataclasses.replace(spec, settings=dataclasses.replace(spec.settings, rule=rule))
    if start is None:
        start = Checkpoint(spec, quantise(spec, initial_weights(spec, seed)), DEFAULT_LFSR, 0, seed)
    if device:
        start = start.pulsed(device, scheme, pulses)
        spec = dataclasses.replace(spec, pulses=True)
    loaded = load_patterns(patterns, spec.neurons)
    last = epochs * len(loaded.pixels)
    # A run killed between its last checkpoint and its end still owes its figures.
    if start.learnt > last or (start.learnt == last and not resumes):
        raise UserError(
            f"{load} has learnt {start.learnt} patterns already and --epochs {epochs} asks for {last} in all; "
            f"give at least --epochs {start.learnt // len(loaded.pixels) + 1}."
        )
    source = patterns if patterns == "glyphs" else os.path.abspath(patterns)
    options = {"patterns": source, "epochs": epochs, "content": content_of(loaded.pixels)}
    if resumes:
        check_content(load, start, options)
    for path in (save, checkpoint, json_file):
        check_writable(path)
    if out:
        check_writable(out, folder=True)

    def reached(number: int) -> Checkpoint:
        """What has been learnt, at this number of patterns."""
        if compare:
            golden = twin.machine
            counted = {name: getattr(golden, name) for name in COUNTERS}
            weights, lfsr = golden.weights[0].astype(np.int8), golden.lfsr
        else:
            weights, lfsr = connected.read_weights(), connected.read_settings()[1]
            counted = {name: twin.counted()[name] for name in COUNTERS}
        cells = start.cells.grown(twin.machine.pulses if compare else twin.pulsed()) if start.cells else None
        return Checkpoint(spec, weights.copy(), lfsr, number, start.seed, start.grown(counted), options, cells)

    def keep(number: int) -> None:
        if checkpoint:
            reached(number).save(checkpoint)

    with connect(board, spec) as connected, stoppable() as stopped:
        twin = Twin(connected, spec.settings, start.weights, start.lfsr, start.unit)
        try:
            with progress("learning", last - start.learnt) as advance:
                result = train(
                    connected,
                    twin if compare else None,
                    loaded.pixels,
                    range(start.learnt, last),
                    advance=advance,
                    stopped=stopped,
                    every=every if checkpoint else None,
                    keep=keep,
                )
            done = reached(start.learnt + result.patterns)
            signs = np.array([signs for _, signs in connected.recall_many(loaded.pixels)])
        except MachineError as error:
            if not twin.machine.learnt:
                raise
            # The golden machine has learnt only where it is compared.
            golden = twin.machine
            continuing = leave(reached(start.learnt + golden.learnt), save, checkpoint, always=True)
            raise MachineError(
                f"{str(error).rstrip('.')}; the golden machine's {golden.learnt} patterns up to there are kept, and "
                f"{continuing} continues from them."
            ) from None
    continuing = leave(done, save, checkpoint, always=stopped())
    figures = {
        "spec_hash": spec.spec_hash,
        "board": board,
        "patterns": patterns,
        "seed": done.seed,
        "epochs": done.learnt / len(loaded.pixels),
        "learnt": done.learnt,
        "counters": done.counters,
        "settings": dataclasses.asdict(spec.settings),
        "training": dataclasses.asdict(result),
        "patterns_recalled": float(recalled(loaded.pixels, np.arange(len(loaded.pixels)), signs).mean()),
    }
    if done.cells:
        figures |= done.cells.figures()
    if compare:
        figures |= twin.figures()
    show("Training", figures)
    note_idle(spec.settings, result.patterns)
    if json_file:
        write_json(json_file, figures)
    if out:
        weights_picture(out / "weights.png", done.weights, spec.weight_limit)
    if compare:
        twin.require_equal()
    if stopped():
        raise KeyboardInterrupt(
            f"Interrupted after {done.learnt} patterns; what was learnt is kept, and {continuing} continues it."
        )


def run_recall(
    machine: Path | None,
    board: str,
    patterns: str,
    seed: int,
    load: Path | None,
    json_file: Path | None,
    out: Path | None,
    flips: tuple[float, ...],
    images: int,
) -> None:
    """Recall corrupted patterns; MachineError if board and golden machine differ."""
    if load is None and board in ("sim", "golden"):
        raise UserError(
            f"A fresh board ({board}) has learnt nothing; give --load FILE.npz or the port of a board that has."
        )
    checkpoint = Checkpoint.load(load, spec_of(machine) if machine else None) if load else None
    spec = checkpoint.spec if checkpoint else spec_of(machine)
    check_recurrent(spec)
    loaded = load_patterns(patterns, spec.neurons)
    check_writable(json_file)
    if out:
        check_writable(out, folder=True)
    rng = np.random.default_rng(seed)
    rows: dict[str, dict[str, float | int]] = {}
    with connect(board, spec) as connected:
        weights = checkpoint.weights if checkpoint else connected.read_weights()
        lfsr, unit = (checkpoint.lfsr, checkpoint.unit) if checkpoint else (connected.read_settings()[1], None)
        twin = Twin(connected, spec.settings, weights, lfsr, unit)
        with progress("recalling", len(flips) * images * len(loaded.pixels)) as advance:
            for p in flips:
                row, examples = recall(connected, twin, None, loaded.pixels, p, images, images, rng, advance)
                rows[flip_text(p)] = row
                if out:
                    recall_picture(out / f"recall-{flip_text(p)}.png", loaded.shape, examples, p)
        twin.check("after recall")
    figures: dict[str, Any] = {
        "spec_hash": spec.spec_hash,
        "board": board,
        "patterns": patterns,
        "seed": seed,
        "recall": rows,
        **twin.figures(),
    }
    show_recall(rows)
    show("Recall", {name: value for name, value in figures.items() if name != "recall"})
    if json_file:
        write_json(json_file, figures)
    twin.require_equal()
