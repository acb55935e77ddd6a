"""What ``ohmprop bench rules`` does: clocks of a learnt pattern by each rule and order, beside the machine's own."""

import os
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from ohmprop.host.experiments.jobs import Result, side_by_side
from ohmprop.host.experiments.rule_cases import CASES, Case
from ohmprop.host.run.task import ImageSource
from ohmprop.host.show.console import print_table, progress
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.data.datasets import load
from ohmprop.model.errors import UserError


def run_bench_rules(machines: tuple[str, ...], seed: int, json_file: Path | None) -> None:
    """Learn each machine's own run by every rule and order that it has, in the golden machine, on all cores."""
    check_writable(json_file)
    cases, left_out = with_data([case for case in CASES if not machines or case.task.machine in machines])
    if left_out:
        click.echo(f"The MNIST machines are left out. {left_out}", err=True)
    results: dict[Case, Result] = {}
    with (
        progress("learning", len(cases)) as advance,
        closing(side_by_side(partial(_learn, seed), cases, os.cpu_count() or 1)) as learnt,
    ):
        for case, result in learnt:
            results[case] = result
            advance()
    rows = [_row(case, results) for case in cases]
    if json_file:
        write_json(json_file, {"seed": seed, "rows": rows, "left_out": left_out})
    _show(rows, seed)


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


def _learn(seed: int, case: Case) -> Result:
    return case.learn(seed, compare=False)


def _row(case: Case, results: dict[Case, Result]) -> dict[str, Any]:
    """A case's figures, and how many times fewer clocks it takes than the machine as it ships."""
    result, settings = results[case], case.spec.settings
    shipped = next(other for other in results if other.task == case.task)
    return {
        "machine": case.task.machine,
        "rule": settings.rule,
        "order": settings.order,
        "eps": [settings.free_eps, settings.nudged_eps],
        "fine_bits": case.spec.fine_bits,
        **result,
        "times_fewer_clocks": results[shipped]["clocks_per_pattern"] / result["clocks_per_pattern"],
    }


def _show(rows: list[dict[str, Any]], seed: int) -> None:
    """Print a row for each case, a machine's own first."""
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
    table = Table(*head, title=f"Busy clocks of a learnt pattern, mean of the whole run, seed {seed}")
    for row in rows:
        found = (
            f"{row['test_error']:.2%}" if "test_error" in row else " ".join(f"{share:.3f}" for share in row["recall"])
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
    print_table(table)
