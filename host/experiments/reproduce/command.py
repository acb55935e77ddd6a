"""What ``ohmprop reproduce`` does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.table import Table

from ohmprop.host.experiments.jobs import Cell, Store, compute, interrupted
from ohmprop.host.experiments.pools import Pool
from ohmprop.host.experiments.reproduce import page
from ohmprop.host.experiments.reproduce.accuracy import FIGURE2, FIGURE3, TABLE1
from ohmprop.host.experiments.reproduce.convolution import CONVOLUTION
from ohmprop.host.experiments.reproduce.family import FAMILY
from ohmprop.host.experiments.reproduce.finding import Finding, Target, write
from ohmprop.host.experiments.reproduce.glyphs import FIGURE1, FIGURE4
from ohmprop.host.experiments.reproduce.memory import Recall
from ohmprop.host.experiments.reproduce.mnist import FIGURE5, images
from ohmprop.host.experiments.reproduce.plan import Plan
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import opened
from ohmprop.host.run.task import check_recurrent, machine_of
from ohmprop.host.show.console import print_table, progress, stoppable
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.errors import UserError

TARGETS: Mapping[str, Target] = {
    "table1": TABLE1,
    "fig1": FIGURE1,
    "fig2": FIGURE2,
    "fig3": FIGURE3,
    "fig4": FIGURE4,
    "fig5": FIGURE5,
    "family": FAMILY,
    "conv": CONVOLUTION,
}
#: What is no table or figure of the paper, and not part of `all`.
BEYOND = {"family": page.FAMILY, "conv": page.CONVOLUTION}


def plan_of(
    machine: Path | None, board: str, seed: int, quick: bool, flips: tuple[float, ...], cuts: tuple[int, ...]
) -> Plan:
    """The plan of the command line's options; UserError for a layered machine, as the patterns take a recurrent one."""
    spec = machine_of(machine)
    check_recurrent(spec)
    return Plan(spec, seed, quick, tuple(sorted(set(flips))), tuple(sorted(set(cuts))), board)


def run_reproduce(target: str, plan: Plan, pool: Pool, json_file: Path | None, out: Path, report: Path | None) -> None:
    """Compute a target, or all; KeyboardInterrupt after Ctrl-C, with what is done in ``out``."""
    board, seed = plan.board, plan.seed
    if board != "golden" and target not in ("table1", "all"):
        raise UserError(
            f"{target} needs more recalls than a board has time for, and the golden machine's are the same in every bit; "
            "leave --board out, or give it with table1 or all."
        )
    names = [name for name in TARGETS if name not in BEYOND] if target == "all" else [target]
    left_out: dict[str, str] = {}
    if "fig5" in names or "conv" in names:
        try:
            images(seed)
        except UserError as lacking:
            if target != "all":
                raise
            names.remove("fig5")
            left_out["fig5"] = str(lacking)
    # All cells, so that what is wrong with the machine or an option is said before anything is written.
    cells = {name: TARGETS[name].cells(plan) for name in names}
    for path in (json_file, report):
        check_writable(path)
    store = Store(out, plan.identity())
    for name, sentence in left_out.items():
        click.echo(f"{name} is left out. {sentence}", err=True)
    figures = {}
    for name in names:
        here, there = _by_place(cells[name])
        compute(name, here, store, pool)
        _compute_on_board(name, there, store, board)
        finding = TARGETS[name].finding(plan, store)
        figures[name] = write(name, finding, plan, out)
        _show(finding)
    if json_file:
        write_json(json_file, {**figures, "left_out": left_out})
    if target in ("all", *BEYOND):
        report = report or out / page.REPORT_FILE
    if report:
        command = f"ohmprop reproduce {target}{' --quick' if plan.quick else ''} --seed {seed}"
        subject = BEYOND.get(target, page.PAPER)
        page.write_report(report, out, subject, command, figures, left_out)
        click.echo(f"The report is {report}.")
    else:
        click.echo(f"{target}.png, {target}.csv and {target}.json are in {out}.")


def _by_place(cells: Sequence[Cell]) -> tuple[list[Cell], list[Recall]]:
    """The cells for this computer's processors, and those for a board."""
    there = [cell for cell in cells if isinstance(cell, Recall) and cell.engine == "board"]
    return [cell for cell in cells if cell not in there], there


def _compute_on_board(title: str, cells: Sequence[Recall], store: Store, board: str) -> None:
    """Compute on a board, one after another, what is not in the store; KeyboardInterrupt after Ctrl-C."""
    missing = [cell for cell in cells if store.load(cell) is None]
    if not missing:
        return
    done = 0
    total = sum(cell.board_runs for cell in missing)
    with (
        opened(board, missing[0].spec) as port,
        stoppable() as stopped,
        progress(f"{title} on the board", total) as advance,
    ):
        for cell in missing:
            result = cell.compute_on(Board(port, cell.spec), advance, stopped)
            if result is None:
                raise interrupted(f"{title} on the board", done, len(missing), store)
            store.save(cell, result)
            done += 1


def _show(finding: Finding) -> None:
    """Print the finding's table."""
    table = Table(*finding.head, title=finding.title)
    for row in finding.rows:
        table.add_row(*row)
    print_table(table, 200)
