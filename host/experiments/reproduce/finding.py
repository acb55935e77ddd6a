"""What a target has found: its figures, its table, its picture, and the three files made of them."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from scipy.stats import binomtest

from ohmprop.host.experiments.jobs import Cell, Store
from ohmprop.host.experiments.reproduce.plan import Plan, settings_json
from ohmprop.host.show.files import write_file, write_json

#: Of intervals.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Finding:
    """A target's outcome.

    Members
    -------
    title : a line on what it shows.
    paper : what Zoppo, Marrone, Corinto 2020 say of it, in our words.
    settings : how the machines learnt, by rule.
    columns, records : the long table of the CSV and the JSON, a row for each measured number.
    head, rows : the short table to be read.
    picture : the figure.
    further : what else the JSON holds.
    """

    title: str
    paper: str
    settings: Mapping[str, Any]
    columns: Sequence[str]
    records: Sequence[Sequence[Any]]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    picture: Figure
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """A table or figure of the paper.

    Members
    -------
    cells : the work that it takes.
    finding : what has come of it; all cells are in the store.
    """

    cells: Callable[[Plan], Sequence[Cell]]
    finding: Callable[[Plan, Store], Finding]


def interval(right: int, count: int) -> tuple[float, float]:
    """Wilson's interval (1927, JASA 22:209) for the probability of which ``right`` of ``count`` trials are the sample."""
    found = binomtest(right, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def rule_settings(plan: Plan, rules: Sequence[str]) -> dict[str, Any]:
    """The machine's settings for each rule."""
    return {rule: settings_json(plan.machine(rule).settings) for rule in rules}


def write(name: str, finding: Finding, plan: Plan, out: Path) -> dict[str, Any]:
    """Write the picture, the CSV and the JSON of a target into a folder, seed, spec and settings in each; the JSON's figures.

    In the CSV they stand in lines that begin with #, in the PNG in its description and below the picture.
    """
    origin = {
        "target": name,
        "seed": plan.seed,
        "quick": plan.quick,
        "spec_hash": plan.spec.spec_hash,
        "settings": finding.settings,
    }
    text = io.StringIO()
    for key, value in origin.items():
        text.write(f"# {key}: {json.dumps(value)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(finding.columns)
    writer.writerows(finding.records)
    write_file(out / f"{name}.csv", text.getvalue().encode())
    figures = {
        **origin,
        "title": finding.title,
        "paper": finding.paper,
        "table": {"head": list(finding.head), "rows": [list(row) for row in finding.rows]},
        "records": [dict(zip(finding.columns, record, strict=True)) for record in finding.records],
        **finding.further,
    }
    write_json(out / f"{name}.json", figures)
    size = "quick" if plan.quick else "full"
    finding.picture.suptitle(finding.title, fontsize=10)
    finding.picture.supxlabel(
        f"ohmprop reproduce {name}, {size}, seed {plan.seed}, spec {plan.spec.spec_hash}", fontsize=6, color="gray"
    )
    picture = io.BytesIO()
    finding.picture.savefig(picture, format="png", dpi=120, metadata={"Description": json.dumps(origin)})
    write_file(out / f"{name}.png", picture.getvalue())
    return figures
