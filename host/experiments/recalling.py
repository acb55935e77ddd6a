"""What ``ohmprop recall`` does: recall corrupted patterns with learnt weights."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table

from ohmprop.host.experiments.classifier import comparison
from ohmprop.host.link.board import Board, connect
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.host.run.recall import Corruption, recall
from ohmprop.host.run.task import PatternSource, PatternTask
from ohmprop.host.run.twin import Twin
from ohmprop.host.show.console import flip_text, print_table, progress, show, show_recall, stoppable
from ohmprop.host.show.files import check_writable, write_file, write_json
from ohmprop.host.show.pictures import noise_title, recall_figure, save
from ohmprop.model.data.patterns import Patterns, Pixels, nearest
from ohmprop.model.data.pictures import Picture, otsu
from ohmprop.model.data.preparation import Preparation, scale_of
from ohmprop.model.data.unlabelled import read_images
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: What is said of each of a user's images, and how many are printed.
COLUMNS, SHOWN = ("file", "pattern", "wrong_pixels"), 20


@dataclass(frozen=True)
class Noise:
    """Flip probabilities, corrupted images of each pattern at each of them, and the seed of both."""

    flips: tuple[float, ...]
    images: int
    seed: int


@dataclass(frozen=True)
class Memory:
    """What has learnt the patterns, and what they are.

    Members
    -------
    spec : the machine.
    checkpoint : what a run has learnt; None for the weights that the board holds.
    task : the patterns.
    """

    spec: MachineSpec
    checkpoint: Checkpoint | None
    task: PatternTask

    @classmethod
    def of(cls, machine: Path | None, board: str, patterns: str | None, load: Path | None) -> "Memory":
        """What the options name; UserError if they do not go together."""
        if load is None and board in ("sim", "golden"):
            raise UserError(
                f"A new board ({board}) has learnt nothing; give --load FILE.npz or the port of a board that has."
            )
        checkpoint = Checkpoint.load(load, MachineSpec.load(machine) if machine else None) if load else None
        learnt = checkpoint.run.get("patterns") if checkpoint else None
        source = PatternSource(patterns or learnt or "glyphs")
        spec = checkpoint.spec if checkpoint else source.machine(machine)
        return cls(spec, checkpoint, source.load(spec, 0))

    def twin(self, board: Board) -> Twin:
        """The board and the golden machine beside it, with what was learnt."""
        checkpoint = self.checkpoint
        weights = checkpoint.weights if checkpoint else board.read_weights()
        lfsr, unit = (checkpoint.lfsr, checkpoint.unit) if checkpoint else (board.read_settings()[1], None)
        return Twin(board, self.spec.settings, weights, lfsr, unit)


def run_recall(
    machine: Path | None,
    board: str,
    patterns: str | None,
    load: Path | None,
    noise: Noise,
    json_file: Path | None,
    out: Path | None,
) -> None:
    """Recall corrupted patterns; MachineError if board and golden machine differ."""
    memory = Memory.of(machine, board, patterns, load)
    task = memory.task
    check_writable(json_file)
    if out:
        check_writable(out, folder=True)
    rng = np.random.default_rng(noise.seed)
    rows: dict[str, dict[str, float | int]] = {}
    with connect(board, memory.spec) as connected:
        twin = memory.twin(connected)
        with progress("recalling", len(noise.flips) * noise.images * len(task.inputs)) as advance:
            for p in noise.flips:
                corruption = Corruption(p, noise.images, noise.images)
                row, examples = recall(twin, None, task.inputs, corruption, rng, advance)
                rows[flip_text(p)] = row
                if out:
                    save(recall_figure(task.loaded.shape, examples, noise_title(p)), out / f"recall-{flip_text(p)}.png")
        twin.check("after recall")
    figures: dict[str, Any] = {
        "spec_hash": memory.spec.spec_hash,
        "board": board,
        "patterns": task.name,
        "seed": noise.seed,
        "recall": rows,
        **twin.figures(),
    }
    if json_file:
        write_json(json_file, figures)
    show_recall(rows)
    show("Recall", {name: value for name, value in figures.items() if name != "recall"} | comparison(figures))
    twin.require_equal()


def run_recall_images(
    machine: Path | None,
    board: str,
    patterns: str | None,
    load: Path | None,
    images: Path,
    json_file: Path | None,
    out: Path | None,
) -> None:
    """Recall a user's corrupted images; MachineError if board and golden machine differ. Ctrl-C keeps what was recalled."""
    memory = Memory.of(machine, board, patterns, load)
    loaded = memory.task.loaded
    check_writable(json_file)
    if out:
        check_writable(out, folder=True)
    found, files = read_images(images, loaded.shape)
    if isinstance(found, np.ndarray):
        grey = Preparation(loaded.shape, scale_of(found)).grey(found)
    else:
        # Each by itself, as patterns are read.
        grey = Preparation(loaded.shape).grey([Picture(picture.standing_out(), None) for picture in found])
    inputs = np.array([image >= otsu(image) for image in grey]).reshape(len(grey), -1)
    with connect(board, memory.spec) as connected, stoppable() as stopped:
        twin = memory.twin(connected)
        with progress("recalling", len(inputs)) as advance:
            signs = twin.answer("image", inputs, advance, stopped)
        twin.check("after recall")
    inputs = inputs[: len(signs)]
    places = nearest(loaded.pixels, signs)
    wrong = (signs != loaded.pixels[places]).sum(axis=1)
    rows = [(file, loaded.names[place], int(count)) for file, place, count in zip(files, places, wrong, strict=False)]
    figures: dict[str, Any] = {
        "spec_hash": memory.spec.spec_hash,
        "board": board,
        "patterns": memory.task.name,
        "images": len(signs),
        "recalled": int((wrong == 0).sum()),
        **twin.figures(),
    }
    if json_file:
        write_json(json_file, {**figures, "rows": [dict(zip(COLUMNS, row, strict=True)) for row in rows]})
    if out:
        _keep(out, rows, loaded, inputs, signs, places)
    table = Table(*(name.replace("_", " ") for name in COLUMNS), title=f"What {len(signs)} images became")
    for file, name, count in rows[:SHOWN]:
        table.add_row(file, name, str(count))
    print_table(table)
    show("Recall", figures | comparison(figures))
    twin.require_equal()
    if stopped():
        raise KeyboardInterrupt(f"Interrupted after {len(signs)} of {len(files)} images; what was recalled is kept.")


def _keep(
    out: Path,
    rows: Sequence[tuple[str, str, int]],
    loaded: Patterns,
    inputs: Pixels,
    signs: Pixels,
    places: NDArray[np.int64],
) -> None:
    """Write recalled images: as pictures one by one, and together beside what they were, as an array and as a table."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    write_file(out / "recalled.csv", text.getvalue().encode())
    buffer = io.BytesIO()
    np.save(buffer, signs.reshape(-1, *loaded.shape))
    write_file(out / "recalled.npy", buffer.getvalue())
    for number, ((file, _, _), pixels) in enumerate(zip(rows, signs, strict=True)):
        picture = io.BytesIO()
        Image.fromarray(np.where(pixels.reshape(loaded.shape), np.uint8(255), np.uint8(0))).save(picture, "PNG")
        name = "".join(letter if letter.isalnum() else "-" for letter in Path(file).with_suffix("").as_posix())
        write_file(out / "images" / f"{number}-{name}.png", picture.getvalue())
    if len(signs):
        title = "Stored patterns, your images, and what they became; pixels that differ are red"
        save(recall_figure(loaded.shape, (loaded.pixels[places], inputs, signs), title), out / "recalled.png")
