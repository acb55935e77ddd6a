"""``ohmprop link``: the serial link under faults."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common
from ohmprop.model.errors import MachineError, UserError


@click.group(no_args_is_help=False)
def link() -> None:
    """Test the serial link.

    Example: ohmprop link test --board /dev/ttyUSB0
    """


@link.command("test")
@common("machine", "board", "cable")
@click.option("--requests", type=click.IntRange(10, 1_000_000), default=300, show_default=True,
              help="Requests per figure.")  # fmt: skip
@common("seed", "json")
def link_test(machine: Path | None, json_file: Path | None, **options: Any) -> None:
    """Measure round trips, throughput and errors.

    Throughput is measured with one request in flight and with as many as the board accepts: long WRITEs (of the weights
    that the board holds), long READs, and RECALLs. Time is the board's own, and figures are shares of what the line can
    carry. Weights and LFSR are not changed.

    A board's baud rate is fixed when it is built, so the command steps the rate of the host's end, from 6 % below the
    board's to 6 % above. It recommends the board's own rate if all went well up to 2 % around it, otherwise the middle of
    the good ones. For another rate of the board change `baud` in its --machine file (its clock must give at least four
    clocks per bit), build again, and repeat the measurement.

    Example: ohmprop link test --board /dev/ttyUSB0 --json link.json
    """
    from ohmprop.host.experiments.line import measure, steps
    from ohmprop.host.run.task import machine_of
    from ohmprop.host.show.console import progress
    from ohmprop.host.show.files import check_writable, write_json

    check_writable(json_file)
    spec = machine_of(machine)
    with progress("measuring", steps(options["board"], options["requests"])) as advance:
        figures = measure(spec, advance=advance, **options)
    if json_file:
        write_json(json_file, figures)
    _show_measured(figures)


def _show_measured(figures: dict[str, Any]) -> None:
    """Print what `measure` returns, streams and rates as tables."""
    from rich.console import Console
    from rich.table import Table

    from ohmprop.host.show.console import show

    streams, rates = figures["streams"], figures.get("rates")
    show("The link", {name: value for name, value in figures.items() if name not in ("streams", "rates")})
    table = Table("stream", "window", "requests/s", "line to board", "line to host")
    for row in streams:
        shares = [f"{row[name]:.1%}" if name in row else "" for name in ("line_to_board", "line_to_host")]
        table.add_row(row["stream"], str(row["window"]), f"{row['requests_per_second']:,.0f}", *shares)
    console = Console()
    console.print(table)
    if rates:
        table = Table("host's rate", "baud", "outcome")
        for rate in rates:
            table.add_row(f"{rate['percent']:+} %", f"{rate['baud']:,}", rate["outcome"])
        console.print(table)


@link.command("soak")
@common("machine")
@click.option("--board", default="golden", show_default=True,
              help="golden (its waits take no time), sim, or a port, as for train.")  # fmt: skip
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=100_000,
    show_default=True,
    help="Frames to send, each with a pattern or, to a machine with sparse = true, with one to five; half of them with "
    "stored ones if it has a store.",
)
@click.option("--rate", type=click.FloatRange(0, 0.1), default=1e-3, show_default=True,
              help="Probability that a byte, of either direction, meets a fault.")  # fmt: skip
@click.option("--each-byte", is_flag=True,
              help="Instead send three frames to golden boards, another fault at another byte each time.")  # fmt: skip
@common("seed", "json")
def link_soak(machine: Path | None, json_file: Path | None, each_byte: bool, **options: Any) -> None:
    """Learn random patterns over a faulty line.

    The line drops, flips, inserts, repeats, delays, truncates and stalls bytes.

    Exits with 1 unless every pattern was learnt exactly once and replies and weights are those of a run without a fault.

    \b
    Example: ohmprop link soak --frames 5000 --rate 1e-3 --json soak.json
             ohmprop link soak --each-byte
    """
    from ohmprop.host.experiments import soak
    from ohmprop.host.run.task import machine_of
    from ohmprop.host.show.console import progress, show, stoppable
    from ohmprop.host.show.files import check_writable, write_json

    check_writable(json_file)
    spec = machine_of(machine)
    if each_byte:
        if options["board"] != "golden":
            raise UserError("--each-byte uses golden boards, whose waits take no time; leave out --board.")
        figures = soak.each_byte(spec, 3, options["seed"])
    else:
        with stoppable() as stopped, progress("learning", options["frames"]) as advance:
            figures = soak.soak(spec, advance=advance, stopped=stopped, **options)
    if json_file:
        write_json(json_file, figures)
    show("The link under faults", figures)
    if not figures["passed"]:
        raise MachineError("The link lost, repeated or changed patterns, as the figures show; report this with them.")
    if not each_byte and stopped():
        raise KeyboardInterrupt(f"Interrupted after {figures['frames']} frames.")
