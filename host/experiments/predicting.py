"""What ``ohmprop predict`` does: a classifier's answers to images without labels, as a table and as pictures."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ohmprop.host.experiments.classifier import comparison
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.readings import read
from ohmprop.host.run.run import learning
from ohmprop.host.run.task import learnt_as
from ohmprop.host.show.console import print_table, progress, show, stoppable
from ohmprop.host.show.files import check_writable, write_file, write_json
from ohmprop.host.show.pictures import MOSAIC, answers_picture
from ohmprop.model.data.datasets import pixels
from ohmprop.model.data.labelled import Label
from ohmprop.model.data.unlabelled import read_images
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: Answers that are shown where they are not written.
SHOWN = 20
#: Kinds of files that answers are written to.
SUFFIXES = (".csv", ".json", ".npy")


@dataclass(frozen=True)
class Answers:
    """What a classifier said.

    Members
    -------
    files : where the images come from.
    classes : what the outputs stand for.
    states : the outputs' states, uint8 (count, outputs), 0 to 255.
    """

    files: tuple[str, ...]
    classes: tuple[Label, ...]
    states: NDArray[np.uint8]

    @property
    def read(self) -> list[Label]:
        """The class of each image."""
        return [self.classes[place] for place in read(self.states)]

    @property
    def margins(self) -> NDArray[np.float64]:
        """The largest state minus the second largest, 0 to 1."""
        ordered = np.sort(self.states, axis=1) / 255
        margins: NDArray[np.float64] = ordered[:, -1] - ordered[:, -2]
        return margins

    def pack(self, suffix: str) -> bytes:
        """The bytes of a file of this kind."""
        buffer = io.BytesIO()
        if suffix == ".npy":
            np.save(buffer, self.states)
            return buffer.getvalue()
        head = ["file", "class", "margin", *map(str, self.classes)]
        rows = [
            [file, label, round(margin, 4), *states]
            for file, label, margin, states in zip(
                self.files, self.read, self.margins.tolist(), self.states.tolist(), strict=True
            )
        ]
        if suffix == ".json":
            return (json.dumps([dict(zip(head, row, strict=True)) for row in rows], indent=2) + "\n").encode()
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([head, *rows])
        return text.getvalue().encode()

    def show(self) -> None:
        """Print the first ones."""
        table = Table("image", "class", "margin", title=f"What {len(self.files)} images show")
        for file, label, margin in list(zip(self.files, self.read, self.margins.tolist(), strict=True))[:SHOWN]:
            table.add_row(file, str(label), f"{margin:.2f}")
        print_table(table)
        if len(self.files) > SHOWN:
            click.echo(f"These are the first {SHOWN}; --out FILE.csv writes all.")


def run_predict(
    images: Path,
    load: Path,
    machine: Path | None,
    board: str,
    out: Path | None,
    pictures: Path | None,
    json_file: Path | None,
) -> None:
    """Answer; MachineError if board and golden machine differ. Ctrl-C keeps the answers there are."""
    if out and out.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"Answers are not written as {out.suffix or out}; give --out a file that ends in {', '.join(SUFFIXES)}."
        )
    start = Checkpoint.load(load, MachineSpec.load(machine) if machine else None)
    if start.spec.recurrent:
        raise UserError(
            f"{load} holds a memory of patterns, and predict needs a classifier; give `ohmprop recall --images {images} --load "
            f"{load}`, or weights that were learnt with --data."
        )
    classes, preparation = learnt_as(start)
    for path in (out, json_file):
        check_writable(path)
    if pictures:
        check_writable(pictures, folder=True)
    found, files = read_images(images, preparation.shape)
    inputs = preparation.apply(found)
    with learning(board, start, alone=True) as learner, stoppable() as stopped:
        with progress("reading images", len(inputs)) as advance:
            states = learner.answer("image", pixels(inputs, start.spec.pixel_bits), advance, stopped)
        learner.check("after reading the images")
    answers = Answers(files[: len(states)], classes, states)
    if out:
        write_file(out, answers.pack(out.suffix.lower()))
    if pictures and len(states):
        names = [f"{label}  {margin:.2f}" for label, margin in zip(answers.read, answers.margins.tolist(), strict=True)]
        for page, first in enumerate(range(0, len(states), MOSAIC), 1):
            chosen = slice(first, min(first + MOSAIC, len(states)))
            shown = inputs[chosen].reshape(-1, *preparation.shape)
            title = f"Images {first + 1} to {chosen.stop} of {len(states)}, each with its class and margin"
            answers_picture(pictures / f"answers-{page}.png", shown, names[chosen], title)
    counts = {str(label): answers.read.count(label) for label in classes}
    figures = {
        **learner.figures(),
        "spec_hash": start.spec.spec_hash,
        "board": board,
        "images": len(states),
        "counts": counts,
    }
    if json_file:
        write_json(json_file, figures)
    if out:
        show("Answers", {name: value for name, value in figures.items() if name != "counts"} | comparison(figures))
    else:
        answers.show()
    learner.require_equal()
    if stopped():
        raise KeyboardInterrupt(f"Interrupted after {len(states)} of {len(inputs)} images; their answers are kept.")
