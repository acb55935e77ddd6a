"""What ``ohmprop data check`` does: how a data set is understood, in figures and as a sheet of images."""

import shlex
from math import prod
from pathlib import Path

import click
import numpy as np
from rich.table import Table

from ohmprop.host.run.task import ImageSource, made_for
from ohmprop.host.show.console import print_table, show
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.host.show.pictures import answers_picture
from ohmprop.model.data.datasets import load, pixels
from ohmprop.model.link.sparse import Sparse
from ohmprop.model.spec.validation import SPARSE_BITS

#: Images of each class on the sheet, and most classes on it.
EACH, CLASSES = 8, 12
#: Images whose bytes as sparse patterns are counted, at most.
SOME = 5000


def run_data_check(source: ImageSource, seed: int, json_file: Path | None, out: Path | None) -> None:
    """Load the data, say what was found, and draw some of it."""
    check_writable(json_file)
    if out:
        check_writable(out, folder=True)
    dataset = load(source.data, source.choice, seed)
    machine = made_for(prod(dataset.shape), len(dataset.classes))
    height, width = dataset.shape
    counts = [
        np.bincount(labels, minlength=len(dataset.classes)) for labels in (dataset.train_labels, dataset.test_labels)
    ]
    some = pixels(dataset.train_images[:SOME], SPARSE_BITS)
    figures = {
        "data": dataset.name,
        "kind": dataset.kind,
        "classes": list(dataset.classes),
        "train_images": len(dataset.train_labels),
        "test_images": len(dataset.test_labels),
        "pixels": f"{width} x {height}",
        "black_share": float((dataset.train_images == 0).mean()),
        **{name: value for name, value in dataset.preparation.to_json().items() if name != "shape"},
        "sparse_bytes": float(np.mean([len(Sparse(0, image).pack()) for image in some.reshape(len(some), -1)])),
        "notes": list(dataset.notes),
        "machine": list(machine.layers),
    }
    if json_file:
        per_class = {str(label): [int(part[place]) for part in counts] for place, label in enumerate(dataset.classes)}
        write_json(json_file, {**figures, "images_of_classes": per_class})
    show("Data", {name: value for name, value in figures.items() if not isinstance(value, list)})
    for note in dataset.notes:
        click.echo(f"{note[0].upper()}{note[1:]}.")
    table = Table("class", "training images", "test images")
    for place, label in enumerate(dataset.classes):
        table.add_row(str(label), *(f"{part[place]:,}" for part in counts))
    print_table(table)
    click.echo(
        f"`ohmprop train --data {shlex.quote(source.data)}` makes a machine of {'-'.join(map(str, machine.layers))} units for "
        "it, unless --machine names another."
    )
    if out:
        rows = [np.flatnonzero(dataset.train_labels == place)[:EACH] for place in range(len(dataset.classes))][:CLASSES]
        chosen = np.concatenate(rows)
        names = [str(dataset.classes[label]) for label in dataset.train_labels[chosen]]
        title = (
            f"{dataset.name}: training images of {len(rows)} of {len(dataset.classes)} classes, as a machine gets them"
        )
        answers_picture(out / "sheet.png", dataset.train_images[chosen].reshape(-1, height, width), names, title)
