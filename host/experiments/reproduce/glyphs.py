"""Figure 1, the patterns and their correlation, and Figure 4, examples of recall by every rule."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ohmprop.host.experiments.jobs import Store
from ohmprop.host.experiments.reproduce.accuracy import table1_cells
from ohmprop.host.experiments.reproduce.finding import Finding, Target, rule_settings
from ohmprop.host.experiments.reproduce.memory import MACHINE_RULES
from ohmprop.host.experiments.reproduce.plan import FLIPS, Plan
from ohmprop.host.show.console import flip_text
from ohmprop.model.data.patterns import Pixels, correlation

#: Columns of Figure 4: every third class, first and last among them.
EXAMPLES = (0, 3, 6, 9, 12, 15)
#: Rows of Figure 4, by the columns of Table 1.
_RULES = ("Hebb, float64", "Storkey, float64", "RBP, machine", "EP, machine")
_BLUE, _RED = (0.3, 0.5, 0.8), (1.0, 0.2, 0.2)


def _figure1(plan: Plan, store: Store) -> Finding:
    patterns = plan.patterns
    alike = correlation(patterns.pixels)
    pairs = alike[np.triu_indices(len(alike), 1)]
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    images = patterns.pixels.reshape(4, 4, *patterns.shape)
    _show(left, images, images)
    shown = right.imshow(alike, cmap="RdBu_r", vmin=-1, vmax=1)
    right.set_xticks(range(len(alike)), patterns.names)
    right.set_yticks(range(len(alike)), patterns.names)
    figure.colorbar(shown, label="Pearson correlation")
    rows = (("mean", f"{pairs.mean():.3f}"), ("largest", f"{pairs.max():.3f}"), ("smallest", f"{pairs.min():.3f}"))
    return Finding(
        "Figure 1: the sixteen patterns and their correlation",
        "Sixteen correlated black and white patterns. Its images are not available; ours are the hexadecimal digits.",
        {},
        ("pattern", *patterns.names),
        [(name, *row) for name, row in zip(patterns.names, alike.round(6).tolist(), strict=True)],
        ("correlation of two patterns", "value"),
        rows,
        figure,
    )


def _figure4(plan: Plan, store: Store) -> Finding:
    p = (plan.flips or FLIPS)[0]
    cells = table1_cells(plan, p)
    originals = plan.patterns.pixels[list(EXAMPLES)]
    rows: dict[str, Pixels] = {"corrupted": cells[_RULES[0]].examples[list(EXAMPLES)]}
    for rule in _RULES:
        result = store.load(cells[rule])
        assert result, "the cells are computed first"
        rows[rule] = np.array([[bit == "1" for bit in result["first"][index]] for index in EXAMPLES])
    rows["target"] = originals
    figure = Figure(figsize=(7, 6.4), layout="constrained")
    axes = figure.subplots()
    images = np.stack(list(rows.values())).reshape(len(rows), len(EXAMPLES), *plan.patterns.shape)
    _show(axes, images, np.broadcast_to(images[-1], images.shape))
    height = images.shape[2] + 1
    axes.set_yticks([height * (row + 0.5) for row in range(len(rows))], list(rows))
    names = [plan.patterns.names[index] for index in EXAMPLES]
    wrong = {label: np.count_nonzero(pixels != originals, axis=1).tolist() for label, pixels in rows.items()}
    return Finding(
        f"Figure 4: corrupted with p = {flip_text(p)}, recalled by every rule; wrong pixels are red",
        "Examples that show RBP and EP reconstruct perfectly even correlated patterns; Hebb's and Storkey's recalls beside them.",
        rule_settings(plan, MACHINE_RULES),
        ("row", "pattern", "wrong_pixels", "pixels"),
        [
            (label, name, wrong[label][index], "".join("01"[bit] for bit in pixels[index].astype(int).tolist()))
            for label, pixels in rows.items()
            for index, name in enumerate(names)
        ],
        ("wrong pixels", *names),
        [(label, *map(str, counts)) for label, counts in wrong.items() if label != "target"],
        figure,
    )


def _show(axes: Any, images: NDArray[np.bool_], originals: NDArray[np.bool_]) -> None:
    """Images (rows, columns, height, width) with blue lines between them; pixels that are not the original's are red."""
    down, across, height, width = images.shape
    mosaic = np.full((down * (height + 1) + 1, across * (width + 1) + 1, 3), _BLUE)
    for row, column in np.ndindex(down, across):
        image = images[row, column]
        colours = np.repeat(image[..., None], 3, axis=2).astype(float)
        colours[image != originals[row, column]] = _RED
        top, left = row * (height + 1) + 1, column * (width + 1) + 1
        mosaic[top : top + height, left : left + width] = colours
    axes.imshow(mosaic, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


FIGURE1 = Target(lambda plan: [], _figure1)
FIGURE4 = Target(
    lambda plan: [table1_cells(plan, (plan.flips or FLIPS)[0])[rule] for rule in _RULES],
    _figure4,
)
