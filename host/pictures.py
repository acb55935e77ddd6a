"""Pictures of a run, as PNG files."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from host.report import write_file
from host.training import Examples


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_file(path, buffer.getvalue())


def recall_picture(path: Path, shape: tuple[int, int], examples: Examples, p: float) -> None:
    """Original, corrupted and recalled, a row each; errors that remain are red. ``shape`` is height and width."""
    count = min(16, len(examples.originals))
    height, width = shape
    rows = {"original": examples.originals, "corrupted": examples.corrupted, "recalled": examples.recalled}
    # One mosaic with blue lines between the images; a plot for each image would take seconds.
    mosaic = np.full((3 * (height + 1) + 1, count * (width + 1) + 1, 3), (0.3, 0.5, 0.8))
    for row, images in enumerate(rows.values()):
        for column in range(count):
            image, original = (pixels[column].reshape(shape) for pixels in (images, examples.originals))
            colours = np.repeat(image[..., None], 3, axis=2).astype(float)
            if images is examples.recalled:
                colours[image != original] = (1.0, 0.2, 0.2)
            top, left = row * (height + 1) + 1, column * (width + 1) + 1
            mosaic[top : top + height, left : left + width] = colours
    figure = Figure(figsize=(10, 10 * mosaic.shape[0] / mosaic.shape[1] + 0.7), layout="constrained")
    axes = figure.subplots()
    axes.imshow(mosaic, interpolation="nearest")
    axes.set_yticks([row * (height + 1) + height / 2 for row in range(3)], list(rows))
    axes.set(xticks=[], title=f"Recall of images with each pixel flipped with p = {p:g}; errors that remain are red")
    _save(figure, path)


def accuracy_picture(path: Path, epochs: Sequence[int], curves: Mapping[str, Sequence[float]], p: float) -> None:
    """Share of recalled images against epochs, a curve for each name."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for (name, values), style in zip(curves.items(), ("-o", "--x"), strict=False):
        axes.plot(epochs, values, style, label=name, markersize=4)
    axes.set(xlabel="epochs", ylabel=f"recalled without error, p = {p:g}", ylim=(-0.02, 1.02))
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def weights_picture(path: Path, weights: NDArray[np.int8], limit: int) -> None:
    """The weight matrix (neurons, neurons), from -limit to +limit."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set(xlabel="bit line (column)", ylabel="word line (row)", title="Weights, in levels")
    figure.colorbar(image)
    _save(figure, path)
