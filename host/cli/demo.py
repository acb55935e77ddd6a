"""``ohmprop demo``: learn glyphs and recall corrupted ones."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common


@click.command()
@common("machine", "board", "patterns", "epochs", "seed", "save", "json", "out")
def demo(out: Path | None, **options: Any) -> None:
    """Learn sixteen glyphs and recall corrupted ones.

    Golden machine and float64 reference learn beside the board. Writes result.json and pictures into --out
    [default: runs/demo]. Exits with 1 if one bit differs between board and golden machine, or recall falls short.

    Example: ohmprop demo --board /dev/ttyUSB0 --out runs/first
    """
    from ohmprop.host.experiments.demo import run_demo

    run_demo(out=out or Path("runs/demo"), **options)
