"""What ``ohmprop study`` does."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ohmprop.host.experiments.jobs import Result, Store, compute
from ohmprop.host.experiments.pools import Pool
from ohmprop.host.experiments.study.parameters import parse
from ohmprop.host.experiments.study.picture import picture
from ohmprop.host.experiments.study.plan import Plan, Values, loaded
from ohmprop.host.experiments.study.trial import SCORES
from ohmprop.host.show.console import print_table
from ohmprop.host.show.files import check_writable, write_file, write_json
from ohmprop.host.show.page import write_page
from ohmprop.host.show.pictures import save


@dataclass(frozen=True)
class Point:
    """A point with its chosen settings and the results of its seeds."""

    values: Values
    chosen: Values
    results: Sequence[Result]

    def scores(self, name: str) -> list[float]:
        """One score of all seeds."""
        return [result["scores"][name] for result in self.results]


def plan_of(
    data: str, vary: tuple[str, ...], fix: tuple[str, ...], tune: tuple[str, ...], seeds: int, quick: bool
) -> Plan:
    """The plan of the command line's options; UserError if they are not understood or do not go together."""
    fixed, varied, tuned = (
        [parse(option, text) for text in texts]
        for option, texts in (("--set", fix), ("--vary", vary), ("--tune", tune))
    )
    return Plan.of(data, fixed, varied, tuned, seeds, quick)


def run_study(plan: Plan, pool: Pool, json_file: Path | None, out: Path, report: Path | None) -> None:
    """Compute a study and show it; KeyboardInterrupt after Ctrl-C, with what is done in ``out``."""
    # All points, so that what is wrong with one is said before anything is written.
    candidates = [(point, plan.candidates(point)) for point in plan.points()]
    for path in (json_file, report):
        check_writable(path)
    store = Store(out, plan.identity())
    choosing = [trial for point, found in candidates for trial in plan.choosing(point, found)]
    compute("choosing settings", choosing, store, pool)
    best = [(point, plan.best(point, found, store)) for point, found in candidates]
    compute("learning", [trial for pair in best for trial in plan.trials(*pair)], store, pool)
    points = [Point(*pair, [loaded(store, trial) for trial in plan.trials(*pair)]) for pair in best]
    _write_csv(plan, points, out / "study.csv")
    means = [float(np.mean(point.scores(SCORES[plan.data][0]))) for point in points]
    spans = [(min(scores), max(scores)) for scores in (point.scores(SCORES[plan.data][0]) for point in points)]

    def draw(folder: Path) -> None:
        save(picture(plan, means, spans), folder / "study.png")

    draw(out)
    figures = _figures(plan, points)
    write_json(out / "study.json", figures)
    if json_file:
        write_json(json_file, figures)
    what = "What ohmprop study came to, means of its seeds."
    for page in (out / "report.html", report):
        if page:
            write_page(page, f"{plan.data}: {' and '.join(plan.varied)}", what, _page_figures(figures), draw)
    _show(plan, points)
    Console(soft_wrap=True, highlight=False).print(f"study.csv, study.json, study.png and report.html are in {out}.")


def _page_figures(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures with a group for each point."""
    points = {
        ", ".join(f"{name} = {value}" for name, value in point["values"].items()): point["mean"]
        for point in figures["points"]
    }
    return {name: value for name, value in figures.items() if name != "points"} | points


def _show(plan: Plan, points: Sequence[Point]) -> None:
    """Print a row for each point: its settings, and the mean of each score with its least and largest."""
    tuned = [name for name, values in plan.tuned.items() if len(values) > 1]
    seeds = f"mean of {plan.seeds} seeds (worst to best)" if plan.seeds > 1 else "seed 1"
    table = Table(*plan.varied, *tuned, *SCORES[plan.data], title=f"{plan.data}, {seeds}")
    for point in points:
        cells = [str(value) for value in (*point.values.values(), *(point.chosen[name] for name in tuned))]
        for name in SCORES[plan.data]:
            scores = point.scores(name)
            span = f" ({min(scores):.3f}-{max(scores):.3f})" if plan.seeds > 1 else ""
            cells.append(f"{np.mean(scores):.3f}{span}")
        table.add_row(*cells)
    print_table(table)


def _write_csv(plan: Plan, points: Sequence[Point], path: Path) -> None:
    """A row for each training."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    counters = ("pulses_up", "pulses_down", "pulses_lost", "reads")
    writer.writerow([*plan.fixed, *plan.varied, *plan.tuned, "seed", *SCORES[plan.data], *counters])
    for point in points:
        settings = [*plan.fixed.values(), *point.values.values(), *point.chosen.values()]
        for seed, result in enumerate(point.results, start=1):
            pulses = np.sum(result["pulses"], axis=0).tolist()
            writer.writerow([*settings, seed, *result["scores"].values(), *pulses, sum(result["reads"])])
    write_file(path, text.getvalue().encode())


def _figures(plan: Plan, points: Sequence[Point]) -> dict[str, Any]:
    """Everything measured, as JSON can hold it."""
    return {
        **plan.identity(),
        "tuned": {name: list(values) for name, values in plan.tuned.items()},
        "seeds": plan.seeds,
        "points": [
            {
                "values": {
                    name: str(value) if value == float("inf") else value for name, value in point.values.items()
                },
                "chosen": point.chosen,
                "mean": {name: float(np.mean(point.scores(name))) for name in SCORES[plan.data]},
                "trainings": list(point.results),
            }
            for point in points
        ],
    }
