"""``ohmprop link``: the serial link under faults."""

from pathlib import Path
from typing import Any

import click

from host.options import common
from model.errors import MachineError


@click.group(no_args_is_help=False)
def link() -> None:
    """Test the serial link.

    Example: ohmprop link soak --frames 5000
    """


@link.command("soak")
@common("machine")
@click.option("--board", default="golden", show_default=True,
              help="golden (its waits take no time), sim, or a port, as of train.")  # fmt: skip
@click.option("--frames", type=click.IntRange(1), default=100_000, show_default=True, help="Patterns to learn.")
@click.option("--rate", type=click.FloatRange(0, 0.1), default=1e-3, show_default=True,
              help="Probability that a byte, of either direction, meets a fault.")  # fmt: skip
@common("seed", "json")
def link_soak(machine: Path | None, json_file: Path | None, **options: Any) -> None:
    """Learn random patterns over a line that drops, flips, inserts, repeats, delays, truncates and stalls bytes.

    Exits with 1 unless every pattern was learnt exactly once and replies and weights are those of a run without a fault.

    Example: ohmprop link soak --frames 5000 --rate 1e-3 --json soak.json
    """
    from host.report import check_writable, progress, show, stoppable, write_json
    from host.soak import soak
    from model.spec import MachineSpec

    check_writable(json_file)
    spec = MachineSpec.load(machine) if machine else MachineSpec()
    with stoppable() as stopped, progress("learning", options["frames"]) as advance:
        figures = soak(spec, advance=advance, stopped=stopped, **options)
    show("The link under faults", figures)
    if json_file:
        write_json(json_file, figures)
    if not figures["passed"]:
        raise MachineError("The link lost, doubled or changed patterns, as the figures say; report this with them.")
    if stopped():
        raise KeyboardInterrupt(f"Interrupted after {figures['frames']} frames.")
