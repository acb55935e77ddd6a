"""``ohmprop board``: list, build, program and report on FPGA boards."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ohmprop.host.cli.options import common
from ohmprop.host.show.files import check_writable, write_json
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.spec import MachineSpec
from ohmprop.model.text import read_json

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
_out = click.option("--out", type=click.Path(path_type=Path), help="The build's folder [default: build/NAME-MACHINE].")
_machine = click.option(
    "--machine", type=click.Path(path_type=Path), help="A machine's TOML file or name [default: the board's first one]."
)


@board.command("build")
@_name
@_machine
@click.option("--freq", type=click.FloatRange(1, 400), help="The machine's clock in MHz [default: the board's].")
@click.option("--baud", type=click.IntRange(1), help="The serial rate [default: the board's].")
@click.option("--lanes", type=click.IntRange(1), help="The lanes [default: the board's, or as many as fit].")
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Seed of place and route."
)
@click.option("--no-place", is_flag=True, help="Stop after synthesis.")
@click.option(
    "--estimate", is_flag=True, help="Only report, from the spec alone, whether memory and multipliers suffice."
)
@_out
@common("json")
def build_board(
    name: str, machine: Path | None, freq: float | None, out: Path | None, json_file: Path | None, **options: Any
) -> None:
    """Build a machine for a board: bitstream, logs and report.

    The machine takes the board's lanes, memory, clock and serial rate; its file as built is written beside the bitstream, for
    --machine of the other commands. Exits with 1 if the clock was not reached.

    Example: ohmprop board build icebreaker --machine mnist-784-128-10
    """
    from ohmprop.boards.build import build
    from ohmprop.boards.description import available, needs
    from ohmprop.boards.description import board as board_of

    check_writable(json_file)
    chosen = board_of(name)
    machine = machine or Path(chosen.machines[0])
    spec = chosen.machine(
        MachineSpec.load(machine), round(freq * 1e6) if freq else None, options["baud"], options["lanes"]
    )
    if options["estimate"]:
        has = available(chosen)
        for what, needed in needs(spec).items():
            click.echo(f"{what.replace('_', ' ')}: {needed} of {has[what]}")
        return
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


@board.command("program")
@_name
@_machine
@_out
def program_board(name: str, machine: Path | None, out: Path | None) -> None:
    """Load the bitstream that `board build` made into a board's FPGA, through openFPGALoader.

    Example: ohmprop board program icebreaker
    """
    from ohmprop.boards.description import board as board_of
    from ohmprop.boards.program import program

    chosen = board_of(name)
    program(chosen, _folder(chosen.name, machine or Path(chosen.machines[0]), out))


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
