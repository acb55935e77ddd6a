"""Table 1 and Figures 2 and 3: shares of corrupted glyphs that are recalled without error."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.figure import Figure

from ohmprop.host.experiments.jobs import Cell, Store
from ohmprop.host.experiments.reproduce.finding import Finding, Target, interval, rule_settings
from ohmprop.host.experiments.reproduce.memory import MACHINE_RULES, NAMES, Recall
from ohmprop.host.experiments.reproduce.plan import CUT_EPOCHS, EPOCHS, FLIPS, Plan
from ohmprop.host.show.console import flip_text

#: Figure 2 has float64 at these cuts and probabilities as well.
FLOAT_CUTS = (0, 40, 80)
FLOAT_FLIPS = (FLIPS[0], FLIPS[2])
#: The curves of Figure 3: a rule, and how often its learning rate is halved against Table 1.
CURVES = (("ep", 0), ("ep", 1), ("rbp", 0), ("rbp", -1))
#: The noise of Figure 3.
EPOCH_FLIPS = (FLIPS[0], FLIPS[2])
_COUNTS = ("right", "images", "share", "low", "high")


def _recall(plan: Plan, rule: str, engine: str, p: float, images: int, recalls: int | None = None) -> Recall:
    """The cell of a rule as Table 1 has it; of ``images`` a class it recalls all, or the first ``recalls``."""
    epochs = EPOCHS if rule in MACHINE_RULES else 0
    spec = plan.machine(rule if epochs else "ep")
    return Recall(spec, rule, engine, epochs, p, images, plan.seed, recalls or images)


def _right(store: Store, cell: Recall) -> list[int]:
    """Images of each class recalled without error."""
    result = store.load(cell)
    assert result, "the cells are computed first"
    right: list[int] = result["right"]
    return right


def _clocks(store: Store, cell: Recall) -> float:
    result = store.load(cell)
    assert result, "the cells are computed first"
    clocks: float = result["clocks"]
    return clocks


def _counted(right: int, images: int) -> tuple[int, int, float, float, float]:
    """The values of _COUNTS."""
    return right, images, right / images, *interval(right, images)


# -- Table 1 -------------------------------------------------------------------------------------------------------


def table1_cells(plan: Plan, p: float) -> dict[str, Recall]:
    """The columns of Table 1 and their cells."""
    columns = [("hebb", "float64"), ("storkey", "float64")]
    columns += [(rule, engine) for rule in MACHINE_RULES for engine in ("float64", "machine")]
    cells = {f"{NAMES[rule]}, {engine}": _recall(plan, rule, engine, p, plan.table_images) for rule, engine in columns}
    if plan.board != "golden":
        for rule in MACHINE_RULES:
            name = f"{NAMES[rule]}, board"
            cells[name] = _recall(plan, rule, "board", p, plan.table_images, min(plan.board_images, plan.table_images))
    cells[NAMES["bound"]] = _recall(plan, "bound", "float64", p, plan.table_images)
    return cells


def _table1_flips(plan: Plan) -> Sequence[float]:
    return plan.flips or FLIPS[:1]


def _table1(plan: Plan, store: Store) -> Finding:
    records: list[tuple[Any, ...]] = []
    rows: list[tuple[str, ...]] = []
    names = (*plan.patterns.names, "all")
    figure = Figure(figsize=(14, 4.5 * len(_table1_flips(plan))), layout="constrained")
    plots = figure.subplots(len(_table1_flips(plan)), squeeze=False)[:, 0]
    for p, axes in zip(_table1_flips(plan), plots, strict=True):
        by_column = {}
        columns = table1_cells(plan, p)
        for place, (column, cell) in enumerate(columns.items()):
            right = _right(store, cell)
            classes = [_counted(count, cell.recalls) for count in right]
            classes.append(_counted(sum(right), cell.recalls * len(right)))
            by_column[column] = classes
            arithmetic = cell.engine if cell.rule != "bound" else ""
            records += [
                (p, name, NAMES[cell.rule], arithmetic, *counted) for name, counted in zip(names, classes, strict=True)
            ]
            shares = [share for _, _, share, _, _ in classes]
            errors = [
                [share - low for _, _, share, low, _ in classes],
                [high - share for _, _, share, _, high in classes],
            ]
            # Side by side within four fifths of the class's place, none on another.
            beside = (place - (len(columns) - 1) / 2) * 0.8 / len(columns)
            places = [index + beside for index in range(len(names))]
            axes.errorbar(places, shares, errors, fmt="os^vD<>P*"[place % 9], markersize=4, linewidth=1, label=column)
        for index, name in enumerate(names):
            cells = (_share_text(classes[index]) for classes in by_column.values())
            rows.append((flip_text(p), name, *cells))
        axes.set_xticks(range(len(names)), names)
        axes.set(xlabel=f"class; p = {flip_text(p)}", ylabel="recalled without error", ylim=(-0.03, 1.03))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, ncols=2)
    head = ("p", "class", *by_column)
    fewer = "" if plan.board == "golden" else f" ({plan.board_images} on the board)"
    return Finding(
        f"Table 1: corrupted glyphs recalled without error, {plan.table_images} a class{fewer}, 95 % intervals",
        "RBP and EP reconstruct the sixteen correlated patterns perfectly where Hebb's and Storkey's rules fail, at "
        "p = 0.10, 1000 corrupted images for each class.",
        rule_settings(plan, MACHINE_RULES),
        ("p", "class", "rule", "arithmetic", *_COUNTS),
        records,
        head,
        rows,
        figure,
    )


def _share_text(counted: tuple[int, int, float, float, float]) -> str:
    _, _, share, low, high = counted
    return f"{share:.4f} ({low:.4f}-{high:.4f})"


# -- Figure 2 ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    """One point of a curve: where it lies, and its cell."""

    at: int
    p: float
    seed: int
    label: str
    cell: Recall


def _points2(plan: Plan) -> list[_Point]:
    points = []
    for cut in plan.cut_diagonals:
        for rule in MACHINE_RULES:
            spec = replace(plan.machine(rule), cut_diagonals=cut)
            for p in plan.flips or FLIPS:
                for seed in plan.seeds:
                    cell = Recall(spec, rule, "machine", CUT_EPOCHS, p, plan.cut_images, seed, plan.cut_images)
                    points.append(_Point(cut, p, seed, f"{NAMES[rule]}, machine", cell))
                # Float64 takes long, so it has one seed and fewer images, cuts and probabilities.
                if cut in FLOAT_CUTS and p in FLOAT_FLIPS:
                    cell = Recall(spec, rule, "float64", CUT_EPOCHS, p, plan.cut_images, plan.seed, plan.float_images)
                    points.append(_Point(cut, p, plan.seed, f"{NAMES[rule]}, float64", cell))
    return points


def _figure2(plan: Plan, store: Store) -> Finding:
    points = _points2(plan)
    shares, records = _shares(points, store)
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    plots = figure.subplots(1, len(MACHINE_RULES), sharey=True)
    flips = plan.flips or FLIPS
    for rule, axes in zip(MACHINE_RULES, plots, strict=True):
        for index, p in enumerate(flips):
            _curve(axes, shares, f"{NAMES[rule]}, machine", p, f"C{index}o-", f"p = {flip_text(p)}")
            _curve(axes, shares, f"{NAMES[rule]}, float64", p, f"C{index}x", None)
        axes.set(xlabel="diagonals cut, K", title=f"{NAMES[rule]} (crosses: float64)", ylim=(-0.02, 1.02))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    plots[0].set_ylabel("recalled without error")
    columns = [(f"{NAMES[rule]}, machine", p) for rule in MACHINE_RULES for p in flips]
    rows = []
    for cut in plan.cut_diagonals:
        spec = replace(plan.spec, cut_diagonals=cut)
        clocks = [
            _clocks(
                store,
                next(point.cell for point in points if (point.at, point.label) == (cut, f"{NAMES[rule]}, machine")),
            )
            for rule in MACHINE_RULES
        ]
        means = (f"{_mean(shares[label, p][cut]):.3f}" for label, p in columns)
        rows.append((str(cut), f"{spec.synapses:,}", *means, *(f"{count:,.0f}" for count in clocks)))
    head = ("K", "synapses", *(f"{label.split(',')[0]} {flip_text(p)}" for label, p in columns))
    return Finding(
        f"Figure 2: accuracy against connectivity, {CUT_EPOCHS} epochs, {plan.cut_images} corrupted images per class "
        f"and seed, {plan.repeats}",
        "With all connections both rules are equally good; EP gets better results than RBP with a small amount of "
        "connections.",
        rule_settings(plan, MACHINE_RULES),
        ("K", "p", "seed", "rule", "arithmetic", *_COUNTS),
        records,
        (*head, *(f"{NAMES[rule]}: clocks per pattern" for rule in MACHINE_RULES)),
        rows,
        figure,
    )


# -- Figure 3 ------------------------------------------------------------------------------------------------------


def _curve_name(plan: Plan, rule: str, slower: int) -> str:
    shift = plan.machine(rule, slower).settings.eta_shifts[0]
    return f"{NAMES[rule]} at 2^-{shift}"


def _points3(plan: Plan) -> list[_Point]:
    points = []
    for rule, slower in CURVES:
        spec, label = plan.machine(rule, slower), f"{_curve_name(plan, rule, slower)}, machine"
        for p in plan.flips or EPOCH_FLIPS:
            for seed in plan.seeds:
                for epochs in plan.epochs:
                    cell = Recall(spec, rule, "machine", epochs, p, plan.epoch_images, seed, plan.epoch_images)
                    points.append(_Point(epochs, p, seed, label, cell))
    return points


def _figure3(plan: Plan, store: Store) -> Finding:
    shares, records = _shares(_points3(plan), store)
    flips = plan.flips or EPOCH_FLIPS
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    names = [_curve_name(plan, rule, slower) for rule, slower in CURVES]
    for p, axes in zip(flips, figure.subplots(1, len(flips), sharey=True, squeeze=False)[0], strict=True):
        for index, name in enumerate(names):
            _curve(axes, shares, f"{name}, machine", p, f"C{index}o-", name)
        axes.set(xlabel="epochs", ylabel="recalled without error", title=f"p = {flip_text(p)}")
        axes.set(ylim=(-0.02, 1.02), xscale="log")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    rows = [
        (
            flip_text(p),
            str(epochs),
            *(f"{_mean(shares[f'{name}, machine', p][epochs]):.3f}" for name in names),
        )
        for p in flips
        for epochs in plan.epochs
    ]
    return Finding(
        f"Figure 3: accuracy against epochs, {plan.epoch_images} corrupted images per class and seed, {plan.repeats}",
        "EP reaches good accuracy within the first 50 epochs, RBP needs at least 300.",
        rule_settings(plan, MACHINE_RULES),
        ("epochs", "p", "seed", "rule", "arithmetic", *_COUNTS),
        records,
        ("p", "epochs", *names),
        rows,
        figure,
    )


# -- curves --------------------------------------------------------------------------------------------------------

_Shares = dict[tuple[str, float], dict[int, list[float]]]


def _shares(points: Sequence[_Point], store: Store) -> tuple[_Shares, list[tuple[Any, ...]]]:
    """Shares by label and p, then by place, one for each seed; and the records."""
    shares: _Shares = {}
    records = []
    for point in points:
        right = _right(store, point.cell)
        counted = _counted(sum(right), point.cell.recalls * len(right))
        shares.setdefault((point.label, point.p), {}).setdefault(point.at, []).append(counted[2])
        rule, arithmetic = point.label.split(", ")
        records.append((point.at, point.p, point.seed, rule, arithmetic, *counted))
    return shares, records


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _curve(axes: Any, shares: _Shares, label: str, p: float, style: str, name: str | None) -> None:
    """Plot the means of one curve, with bars from the worst to the best seed; nothing if it has no points."""
    curve = shares.get((label, p), {})
    means = [_mean(values) for values in curve.values()]
    spread = [
        [mean - min(values) for mean, values in zip(means, curve.values(), strict=True)],
        [max(values) - mean for mean, values in zip(means, curve.values(), strict=True)],
    ]
    axes.errorbar(list(curve), means, spread, fmt=style, markersize=4, linewidth=1, label=name)


def _all_table1_cells(plan: Plan) -> list[Cell]:
    return [cell for p in _table1_flips(plan) for cell in table1_cells(plan, p).values()]


TABLE1 = Target(_all_table1_cells, _table1)
FIGURE2 = Target(lambda plan: [point.cell for point in _points2(plan)], _figure2)
FIGURE3 = Target(lambda plan: [point.cell for point in _points3(plan)], _figure3)
