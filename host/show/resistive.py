"""The picture of a resistive network's training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ohmprop.analog.resistive import Cells


def training_figure(rows: Sequence[Mapping[str, float]], cells: Cells) -> Figure:
    """Errors after each epoch, and how the conductances of both layers are spread."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    errors, spread = figure.subplots(1, 2)
    epochs = range(1, len(rows) + 1)
    for name, style in (("train", "-"), ("test", "--")):
        errors.plot(epochs, [100 * (1 - row[f"{name}_accuracy"]) for row in rows], style, label=name)
    errors.set(xlabel="epochs", ylabel="misread, %", ylim=(0, None))
    errors.xaxis.set_major_locator(MaxNLocator(integer=True))
    errors.grid(alpha=0.3)
    errors.legend()
    bins = np.geomspace(1e-6, 1e-3, 40)
    for name, matrix in zip(("first layer", "second layer"), cells, strict=True):
        spread.hist(matrix.ravel(), bins, histtype="step", label=name)
    spread.set(xscale="log", xlabel="conductance, S", ylabel="cells", title="What was learnt")
    spread.legend()
    return figure
