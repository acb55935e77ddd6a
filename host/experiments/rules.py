"""What ``ohmprop bench rules`` does: clocks of a learnt pattern by each rule and order, against all neurons together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table

from ohmprop.host.experiments.jobs import Result, by_seed
from ohmprop.host.experiments.rule_cases import CASES, Case, first_of
from ohmprop.host.run.task import ImageSource
from ohmprop.host.show.console import print_table
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.data.datasets import load
from ohmprop.model.errors import UserError


def run_bench_rules(machines: tuple[str, ...], seeds: int, json_file: Path | None) -> None:
    """Learn each machine's own run by every rule and order that it has, in the golden machine, on all cores."""
    check_writable(json_file)
    known = sorted({case.task.machine for case in CASES})
    for machine in machines:
        if machine not in known:
            raise UserError(f"{machine} is none of the machines that are compared; give {', '.join(known)}.")
    cases, left_out = with_data([case for case in CASES if not machines or case.task.machine in machines])
    if left_out:
        click.echo(f"The MNIST machines are left out. {left_out}", err=True)
    found = by_seed("learning", _learn, cases, seeds)
    rows = [_row(case, found[case], found[first_of(case.task)]) for case in cases]
    if json_file:
        write_json(json_file, {"seeds": seeds, "rows": rows, "left_out": left_out})
    _show(rows, seeds)


def with_data(cases: list[Case]) -> tuple[list[Case], str]:
    """The cases whose images are there, and why others are left out; nothing if none is."""
    try:
        load("mnist")
    except UserError as lacking:
        kept = [
            case
            for case in cases
            if not (isinstance(case.task.source, ImageSource) and case.task.source.data == "mnist")
        ]
        return kept, str(lacking) if len(kept) < len(cases) else ""
    return cases, ""


def _learn(job: tuple[Case, int]) -> Result:
    case, seed = job
    return case.learn(seed, compare=False)


def _row(case: Case, results: Sequence[Result], together: Sequence[Result]) -> dict[str, Any]:
    """A case's means over its seeds, and how many times fewer clocks it takes than with all neurons together."""
    row, outcome = case.row(results), "test_error" if "test_error" in results[0] else "recall"
    clocks = float(np.mean([result["clocks_per_pattern"] for result in together]))
    return {
        **row,
        "by_seed": [result[outcome] for result in results],
        "times_fewer_clocks": clocks / row["clocks_per_pattern"],
    }


def _show(rows: list[dict[str, Any]], seeds: int) -> None:
    """Print a row for each case."""
    head = (
        "machine",
        "rule",
        "order",
        "fine bits",
        "steps",
        "clocks per pattern",
        "times fewer",
        "misread or recalled",
    )
    title = "Busy clocks of a learnt pattern, mean of the whole run"
    table = Table(*head, title=f"{title}, {'seed 1' if seeds == 1 else f'mean of seeds 1 to {seeds}'}")
    for row in rows:
        found = (
            f"{row['test_error']:.2%}" if "test_error" in row else " ".join(f"{share:.4f}" for share in row["recall"])
        )
        table.add_row(
            row["machine"],
            row["rule"],
            row["order"],
            str(row["fine_bits"]),
            f"{row['free_steps']:.1f} + {row['nudged_steps']:.1f}",
            f"{row['clocks_per_pattern']:,.0f}",
            f"{row['times_fewer_clocks']:.2f}",
            found,
        )
    print_table(table, 140)
