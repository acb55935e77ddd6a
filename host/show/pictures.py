"""Pictures of a run, as PNG files."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ohmprop.host.show.picture import Picture
from ohmprop.model.data.datasets import Dataset
from ohmprop.model.data.labelled import Label

#: Pictures in one mosaic, at most.
MOSAIC = 100


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG."""
    with warnings.catch_warnings():
        # A file's name in a title may have letters that matplotlib's own font has not; they are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        Picture(figure).save(path)


def recall_figure(shape: tuple[int, int], examples: Sequence[NDArray[np.bool_]], title: str) -> Figure:
    """Examples of originals, corrupted and recalled images, one row each; pixels that differ from the original's are red.

    ``shape`` is height and width, ``examples`` the three rows, (count, pixels) each, with True for white.
    """
    originals, _, recalled = examples
    count = min(16, len(originals))
    height, width = shape
    rows = dict(zip(("original", "corrupted", "recalled"), examples, strict=True))
    # One mosaic with blue lines between the images; a plot for each image would take seconds.
    mosaic = np.full((3 * (height + 1) + 1, count * (width + 1) + 1, 3), (0.3, 0.5, 0.8))
    for row, images in enumerate(rows.values()):
        for column in range(count):
            image, original = (pixels[column].reshape(shape) for pixels in (images, originals))
            colours = np.repeat(image[..., None], 3, axis=2).astype(float)
            if images is recalled:
                colours[image != original] = (1.0, 0.2, 0.2)
            top, left = row * (height + 1) + 1, column * (width + 1) + 1
            mosaic[top : top + height, left : left + width] = colours
    figure = Figure(figsize=(10, 10 * mosaic.shape[0] / mosaic.shape[1] + 0.7), layout="constrained")
    axes = figure.subplots()
    axes.imshow(mosaic, interpolation="nearest")
    axes.set_yticks([row * (height + 1) + height / 2 for row in range(3)], list(rows))
    axes.set(xticks=[], title=title)
    return figure


def noise_title(p: float) -> str:
    """What stands above the picture of such a recall."""
    return f"Recall of images with each pixel flipped with p = {p:g}; errors that remain are red"


def accuracy_picture(path: Path, epochs: Sequence[int], curves: Mapping[str, Sequence[float]], p: float) -> None:
    """Share of recalled images against epochs, one curve per name."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for (name, values), style in zip(curves.items(), ("-o", "--x"), strict=False):
        axes.plot(epochs, values, style, label=name, markersize=4)
    axes.set(xlabel="epochs", ylabel=f"recalled without error, p = {p:g}", ylim=(-0.02, 1.02))
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


def weights_figure(weights: NDArray[np.integer[Any]], limit: int) -> Figure:
    """The weight matrix (neurons, neurons), from -limit to +limit."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set(xlabel="bit line (column)", ylabel="word line (row)", title="Weights, in levels")
    figure.colorbar(image)
    return figure


def cosines_picture(path: Path, cosines: Sequence[float]) -> None:
    """After each epoch the cosine of the angle between asymmetric weights and their transpose."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(cosines) + 1), cosines)
    axes.set(xlabel="epochs", ylabel="cosine of W and its transpose", ylim=(-0.1, 1.05))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    save(figure, path)


def errors_picture(path: Path, first: int, curves: Mapping[str, Sequence[float]]) -> None:
    """Shares of misread images against epochs, from epoch ``first`` on, one curve per name."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for (name, values), style in zip(curves.items(), ("C0--o", "C0-o", "C1--x", "C1-x"), strict=True):
        axes.plot(range(first, first + len(values)), [100 * value for value in values], style, label=name, markersize=4)
    axes.set(xlabel="epochs", ylabel="misread, %")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


def confusion_picture(path: Path, classes: Sequence[Label], table: NDArray[np.int64]) -> None:
    """How many images of each class (row) were read as each class (column)."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    # The colour is of the errors; the many right ones would drown them.
    wrong = np.where(np.eye(len(classes), dtype=bool), 0, table)
    # A tenth of a class at least is the darkest red, so that a single error is pale.
    darkest = max(1, wrong.max(), table.sum(axis=1).max() // 10)
    axes.imshow(wrong, cmap="Reds", vmin=0, vmax=darkest)
    for (row, column), count in np.ndenumerate(table):
        dark = row != column and 2 * count > darkest
        axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color="white" if dark else "black")
    ticks = range(len(classes))
    axes.set_xticks(ticks, map(str, classes))
    axes.set_yticks(ticks, map(str, classes))
    axes.set(xlabel="read", ylabel="class", title="Test images; errors are red")
    save(figure, path)


def misread_picture(path: Path, dataset: Dataset, misread: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
    """The test images of the numbers ``misread``, each with its class and as what it was read; all ``labels`` (count,)."""
    shown = misread[:MOSAIC]
    images = dataset.test_images[shown].reshape(-1, *dataset.shape) / 255
    names = [
        f"{dataset.classes[dataset.test_labels[number]]} read {dataset.classes[labels[number]]}" for number in shown
    ]
    title = f"{len(misread)} of {len(labels)} test images misread, {len(shown)} of them here"
    _mosaic_picture(path, images, names, title, "gray", 0)


def answers_picture(path: Path, images: NDArray[np.uint8], names: Sequence[str], title: str) -> None:
    """Images (count, height, width), 0 to 255, each with a name below it."""
    _mosaic_picture(path, images / 255, names, title, "gray", 0)


def states_figure(
    states: NDArray[np.integer[Any]],
    free_steps: int,
    outputs: int,
    what: str = "",
    float64: NDArray[np.float64] | None = None,
) -> Figure:
    """The states (steps + 1, neurons) along the phases of a pattern: all as colours, those of the last ``outputs`` as lines.

    ``what`` is what is learnt; the ``float64`` reference's states are dashed lines.
    """
    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    largest = max(1, int(np.abs(states).max()))
    low = -largest if states.min() < 0 else 0
    colours = "RdBu_r" if low else "viridis"
    image = above.imshow(states.T, cmap=colours, vmin=low, vmax=largest, aspect="auto", interpolation="nearest")
    above.set(ylabel="neuron", title=f"States after every Euler step{what and ', '}{what}")
    figure.colorbar(image, ax=above, label="levels")
    for number in range(states.shape[1] - outputs, states.shape[1]):
        (line,) = below.plot(states[:, number], linewidth=1 if outputs > 10 else 1.5)
        if float64 is not None:
            below.plot(float64[:, number], "--", color=line.get_color(), linewidth=0.8)
    below.set(
        xlabel=f"steps: {free_steps} free, {len(states) - 1 - free_steps} nudged", ylabel="outputs' states, levels"
    )
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.grid(alpha=0.3)
    if float64 is not None:
        below.plot([], [], "--", color="gray", linewidth=0.8, label="float64")
        below.legend(loc="center right")
    for axes in (above, below):
        axes.axvline(free_steps + 0.5, color="black", linestyle=":", linewidth=1)
    return figure


def ranges_figure(kinds: Sequence[tuple[str, float, float]], magnitudes: Sequence[NDArray[np.float64]]) -> Figure:
    """Of each kind of values the magnitudes that its format can hold, from the LSB to the largest, and where they lie.

    ``kinds`` are name, LSB and largest; ``magnitudes`` those of the values that are not 0. After hls4ml's profiling plot.
    """
    figure = Figure(figsize=(8, 1 + 0.45 * len(kinds)), layout="constrained")
    axes = figure.subplots()
    names = [name for name, _, _ in kinds]
    for place, (_, lsb, largest) in enumerate(kinds):
        axes.barh(place, np.log2(largest / lsb), left=np.log2(lsb), height=0.7, color="0.85")
    for place, values in enumerate(magnitudes):
        if len(values):
            least, low, middle, high, most = np.log2(np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))
            axes.hlines(place, least, most, color="black", linewidth=1)
            axes.barh(place, high - low, left=low, height=0.4, color="C0", edgecolor="black")
            axes.vlines(middle, place - 0.2, place + 0.2, color="C3", linewidth=2)
    axes.set_yticks(range(len(kinds)), names)
    axes.invert_yaxis()
    axes.set(xlabel="log2 of the magnitude; grey: the format, blue: the middle half of the values, red: median")
    axes.grid(axis="x", alpha=0.3)
    return figure


def hidden_picture(path: Path, weights: NDArray[np.int16], shape: tuple[int, int], units: str) -> None:
    """The inputs' weights (inputs, hidden) of each hidden unit or channel as an image of this height and width."""
    largest = max(1, int(np.abs(weights).max()))
    images = weights.T[:MOSAIC].reshape(-1, *shape) / largest
    title = f"Input weights of {len(images)} of {weights.shape[1]} {units}; blue -{largest}, red +{largest} levels"
    _mosaic_picture(path, images, [], title, "RdBu_r", -1)


def maps_picture(path: Path, layers: Sequence[NDArray[np.int64]], what: str) -> None:
    """The maps (channels, side, side) of layers that kernels make, before a nudge and how it moves them; states, 0 to 255.

    ``layers`` have for each layer both phases' ends, (2, channels, side, side).
    """
    figure = Figure(figsize=(10, 2 + 2.2 * len(layers)), layout="constrained")
    figure.suptitle(f"Maps of {what}: at the free phase's end, and what the nudge moves")
    plots = figure.subplots(len(layers), 2, squeeze=False)
    for number, (free, nudged) in enumerate(layers):
        most = max(1, int(np.abs(nudged - free).max()))
        for axes, maps, colours, low, high in (
            (plots[number, 0], free, "viridis", 0, 255),
            (plots[number, 1], nudged - free, "RdBu_r", -most, most),
        ):
            image = axes.imshow(_side_by_side(maps), cmap=colours, vmin=low, vmax=high, interpolation="nearest")
            axes.set_title(
                f"layer {number + 1}: {len(maps)} maps of {maps.shape[1]} x {maps.shape[2]}", fontsize="small"
            )
            axes.set_axis_off()
            figure.colorbar(image, ax=axes, label="states, LSBs")
    save(figure, path)


def _side_by_side(maps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Maps (count, side, side) in rows, with gaps between them."""
    count, side, _ = maps.shape
    across = int(np.ceil(np.sqrt(2 * count)))
    down = -(-count // across)
    found = np.full((down * (side + 1) - 1, across * (side + 1) - 1), np.nan)
    for index, one in enumerate(maps):
        top, left = index // across * (side + 1), index % across * (side + 1)
        found[top : top + side, left : left + side] = one
    return found


def _mosaic_picture(
    path: Path, images: NDArray[np.float64], names: Sequence[str], title: str, colours: str, low: int
) -> None:
    """Images (count, height, width) from ``low`` to 1, side by side in one plot, with their names below them if any."""
    count, height, width = images.shape
    across = max(1, int(np.ceil(np.sqrt(count))))
    down = -(-max(1, count) // across)
    # A plot for each image would take seconds.
    gap = max(1, height // 3) if names else 1
    mosaic = np.full((down * (height + gap), across * (width + 1) - 1), np.nan)
    # Few images are not blown up.
    wide = min(10.0, max(4.0, 1.5 * across))
    figure = Figure(figsize=(wide, 1.0 + wide * mosaic.shape[0] / mosaic.shape[1]), layout="constrained")
    axes = figure.subplots()
    for index, image in enumerate(images):
        top, left = index // across * (height + gap), index % across * (width + 1)
        mosaic[top : top + height, left : left + width] = image
        if names:
            axes.text(
                left + width / 2,
                top + height,
                names[index],
                ha="center",
                va="top",
                fontsize=min(10, 8 * wide / across),
            )
    axes.imshow(mosaic, cmap=colours, vmin=low, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=10, wrap=True)
    save(figure, path)
