"""``ohmprop board``: list, build, program and report on FPGA boards."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from ohmprop.host.cli.options import common
from ohmprop.host.show.console import print_table
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.spec import MachineSpec
from ohmprop.model.text import read_json

if TYPE_CHECKING:
    from ohmprop.boards.description import BoardDescription

# The boards' package is imported when a command runs, since a PC that only drives a board has no Amaranth.


@click.group(no_args_is_help=False)
def board() -> None:
    """Build for FPGA boards, program them, report.

    Example: ohmprop board build icebreaker
    """


@board.command("list")
def list_boards() -> None:
    """List the boards with their clocks, lanes and machines.

    Example: ohmprop board list
    """
    from ohmprop.boards.description import boards

    table = Table("board", "", "lanes", "MHz", "Mbaud", "machines")
    for item in boards():
        clock, baud = f"{item.clock_hz / 1e6:g}", f"{item.baud / 1e6:g}"
        table.add_row(item.name, item.title, str(item.lanes), clock, baud, ", ".join(item.machines))
    Console().print(table)


_name = click.argument("name")
_name_or_all = click.argument("name", required=False)
_out = click.option("--out", type=click.Path(path_type=Path), help="The build's folder [default: build/NAME-MACHINE].")
_machine = click.option(
    "--machine", type=click.Path(path_type=Path), help="A machine's TOML file or name [default: the board's first one]."
)


@board.command("build")
@_name_or_all
@_machine
@click.option("--freq", type=click.FloatRange(1, 400), help="The machine's clock in MHz [default: the board's].")
@click.option("--baud", type=click.IntRange(1), help="The serial rate [default: the board's].")
@click.option("--lanes", type=click.IntRange(1), help="The lanes [default: the board's, or as many as fit].")
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Seed of place and route."
)
@click.option("--no-place", is_flag=True, help="Stop after synthesis.")
@click.option("--estimate", is_flag=True, help="Only estimate, in seconds, what the machine takes and whether it fits.")
@click.option("--all", "all_boards", is_flag=True, help="With --estimate: for every board.")
@_out
@common("json")
def build_board(
    name: str | None, machine: Path | None, freq: float | None, out: Path | None, json_file: Path | None, **options: Any
) -> None:
    """Build a machine for a board: bitstream, logs and report.

    The machine takes the board's lanes, memory, clock and serial rate; its file as built is written beside the bitstream, for
    --machine of the other commands. Exits with 1 if the clock was not reached.

    \b
    Example: ohmprop board build icebreaker --machine mnist-784-128-10
             ohmprop board build --estimate --all --machine mine.toml
    """
    from ohmprop.boards.build import build
    from ohmprop.boards.description import board as board_of
    from ohmprop.boards.description import boards

    if options["all_boards"] and (name or not options["estimate"]):
        raise click.UsageError("--all goes with --estimate and without the name of a board.")
    if not (name or options["all_boards"]):
        raise click.UsageError("Missing argument 'NAME'.")
    check_writable(json_file)
    asked = (round(freq * 1e6) if freq else None, options["baud"], options["lanes"])
    if options["estimate"]:
        chosen_ones = boards() if options["all_boards"] else [board_of(str(name))]
        _estimate(chosen_ones, machine, asked, json_file)
        return
    chosen = board_of(str(name))
    machine = machine or Path(chosen.machines[0])
    spec = chosen.machine(MachineSpec.load(machine), *asked)
    progress = Console(stderr=True, highlight=False, soft_wrap=True).print
    folder = _folder(chosen.name, machine, out)
    report = build(chosen, spec, machine.stem, folder, options["seed"], not options["no_place"], progress)
    if json_file:
        write_json(json_file, report)
    _show(report)
    if report["timing_met"] is False:
        raise MachineError(
            f"The clock of {report['target_mhz']:g} MHz was not reached, only {report['fmax_mhz']}; give a lower --freq or "
            "another --seed."
        )


def _estimate(
    chosen: "list[BoardDescription]",
    machine: Path | None,
    asked: tuple[int | None, int | None, int | None],
    json_file: Path | None,
) -> None:
    """Show what a machine would take on boards, with the clock, baud rate and lanes that are asked for."""
    from ohmprop.boards.estimate import estimate_or_why

    rows = [estimate_or_why(one, MachineSpec.load(machine or one.machines[0]), *asked) for one in chosen]
    if len(rows) == 1 and "why" in rows[0]:
        raise UserError(rows[0]["why"])
    if json_file:
        write_json(json_file, {"boards": rows} if len(chosen) > 1 else rows[0])
    shown = Table(title="Estimates from the design, without synthesis")
    for head in (
        "board",
        "logic cells",
        "flip-flops",
        "block RAMs",
        "multipliers",
        "clocks, dense",
        "patterns/s",
        "fits",
    ):
        shown.add_column(head)
    for row in rows:
        if "why" in row:
            shown.add_row(row["board"], *7 * ["-"])
            continue
        logic = f"{row['logic_cells']:,} of {row['logic_cells_available']:,}, ± {row['luts_error']:.0%}"
        cells = [f"{row[name]} of {row[f'{name}_available']}" for name in ("block_rams", "multipliers")]
        flip_flops = f"{row['flip_flops']:,}, ± {row['flip_flops_error']:.0%}"
        rates = (f"{row['clocks_per_pattern_dense']:,}", f"{row['patterns_per_second']:,}")
        shown.add_row(row["board"], logic, flip_flops, *cells, *rates, "yes" if row["fits"] else "no")
    print_table(shown)
    for row in rows:
        if "why" in row:
            click.echo(f"{row['board']}: {row['why']}")
    click.echo(
        "An estimate. Block RAMs, multipliers and clocks are exact; the errors are the largest of syntheses that were each "
        "left out of the fit. Patterns per second are those of a typical pattern, the serial link included."
    )


@board.command("program")
@_name
@_machine
@_out
@click.option(
    "--release", type=click.Path(path_type=Path), help="Take the bitstream from the folder of a release instead."
)
def program_board(name: str, machine: Path | None, out: Path | None, release: Path | None) -> None:
    """Load the bitstream that `board build` made, or that of a release, into a board's FPGA, through openFPGALoader.

    \b
    Example: ohmprop board program icebreaker
             ohmprop board program icebreaker --release ohmprop-release
    """
    from ohmprop.boards.description import board as board_of
    from ohmprop.boards.program import built, program
    from ohmprop.boards.release import released

    chosen = board_of(name)
    machine = machine or Path(chosen.machines[0])
    if release and out:
        raise click.UsageError("--release does not go with --out.")
    program(chosen, released(chosen, machine.stem, release) if release else built(chosen, _folder(name, machine, out)))


@board.command("check")
@click.argument("port")
@common("machine", "seed", "json")
def check_board(port: str, machine: Path | None, seed: int, json_file: Path | None) -> None:
    """Check a board bit by bit: its ID, its memory, its learning, its line.

    Every address of the weight memory is written and read, with both rails among the values; the board learns 20 patterns
    beside the golden machine, and some from weights at their rails; a real line is tried at rates up to 2 % off. Weights,
    settings and random register are as before at the end. Without --machine the shipped machines of all boards are tried.

    PASS, or exit code 1 with the first difference and what it means.

    \b
    Example: ohmprop board check /dev/ttyUSB1
             ohmprop board check sim --machine mine.toml
    """
    from ohmprop.host.experiments.board_check import check, complaint, steps
    from ohmprop.host.run.task import machine_of
    from ohmprop.host.show.console import progress, show, stoppable

    check_writable(json_file)
    spec = machine_of(machine) if machine or port in ("sim", "golden") else _recognised(port)
    with stoppable() as stopped, progress("checking", steps(port, spec)) as advance:
        found = check(spec, port, seed, advance, stopped)
    if json_file:
        write_json(json_file, found)
    if stopped():
        raise KeyboardInterrupt("Interrupted; the board has its weights and settings back.")
    if not found["passed"]:
        raise complaint(found)
    show("The board", found)
    click.echo("PASS")


def _recognised(port: str) -> MachineSpec:
    """The shipped machine that the board at a port is."""
    from ohmprop.boards.description import boards
    from ohmprop.host.link.identify import recognised
    from ohmprop.host.link.port import open_port

    known = [one.machine(MachineSpec.load(name)) for one in boards() for name in one.machines]
    return recognised(port, known, open_port)


@board.command("report")
@_name
@_machine
@_out
@common("json")
def report_board(name: str, machine: Path | None, out: Path | None, json_file: Path | None) -> None:
    """Show the report of the last build.

    Example: ohmprop board report icebreaker
    """
    from ohmprop.boards.description import board as board_of

    chosen = board_of(name)
    file = _folder(chosen.name, machine or Path(chosen.machines[0]), out) / "report.json"
    report = read_json(file, "report", f"run `ohmprop board build {name}` first")
    try:
        _show(report)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError):
        raise UserError(f"{file} is not a build's report; run `ohmprop board build {name}` again.") from None
    if json_file:
        write_json(json_file, report)


def _folder(name: str, machine: Path, out: Path | None) -> Path:
    """Where a build is."""
    return (out or Path("build") / f"{name}-{machine.stem}").absolute()


def _show(report: dict[str, Any]) -> None:
    from ohmprop.boards.report import table

    shown = Table(show_header=False, title=f"{report['board']}: {report['machine']}")
    for row in table(report):
        shown.add_row(*row)
    Console().print(shown)
