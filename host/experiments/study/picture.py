"""The picture of a study: curves, or a heat map."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ohmprop.host.experiments.study.parameters import Value
from ohmprop.host.experiments.study.plan import Plan
from ohmprop.host.experiments.study.trial import SCORES

#: Up to this many values the second parameter is drawn as curves, above as a heat map.
CURVES = 4


def picture(plan: Plan, means: Sequence[float], spans: Sequence[tuple[float, float]]) -> Figure:
    """The first score of all points: of one parameter a curve, of two curves or a heat map.

    Parameters
    ----------
    means : of the seeds, a point each, the first parameter slowest.
    spans : the worst and the best seed.
    """
    names = list(plan.varied)
    first, second = plan.varied[names[0]], plan.varied[names[-1]] if len(names) > 1 else ("",)
    numbers = all(not isinstance(value, str) and np.isfinite(value) for value in first)
    values = np.array(means).reshape(len(first), len(second))
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    score = SCORES[plan.data][0] if plan.data == "digits" else f"recalled without error, {SCORES[plan.data][0]}"
    if len(second) > 1 and not (numbers and len(second) <= CURVES):
        # High enough for the label of the colours.
        figure.set_size_inches(2.5 + 0.9 * len(second), max(3.8, 1.5 + 0.4 * len(first)))
        image = axes.imshow(values, vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            axes.text(column, row, f"{value:.3f}", ha="center", va="center", color="white" if value < 0.6 else "black")
        axes.set_xticks(range(len(second)), _texts(second))
        axes.set_yticks(range(len(first)), _texts(first))
        axes.set(xlabel=names[1], ylabel=names[0])
        figure.colorbar(image, label=score)
    else:
        ends = np.array(spans).reshape(len(first), len(second), 2)
        places = [float(value) for value in first] if numbers else list(range(len(first)))
        for column, value in enumerate(second):
            middle = values[:, column]
            bars = [middle - ends[:, column, 0], ends[:, column, 1] - middle]
            label = f"{names[1]} = {value}" if len(second) > 1 else None
            axes.errorbar(places, middle, bars, fmt="o-" if numbers else "o", markersize=4, capsize=3, label=label)
        if not numbers:
            axes.set_xticks(places, _texts(first), rotation=30 if len(first) > CURVES else 0, ha="right")
        axes.set(xlabel=names[0], ylabel=score)
        axes.set_ylim(top=1.01)
        axes.grid(alpha=0.3)
        if len(second) > 1:
            axes.legend()
    fixed = "".join(f", {name} = {value}" for name, value in plan.fixed.items())
    axes.set_title(f"{plan.data}{fixed}, {plan.seeds} seed{'s' * (plan.seeds > 1)}", fontsize=10)
    return figure


def _texts(values: Sequence[Value]) -> list[str]:
    return [str(value) for value in values]
