"""``ohmprop sim``: a virtual board for other programs."""

import time
from pathlib import Path

import click

from ohmprop.host.cli.options import common
from ohmprop.model.errors import MachineError


@click.command()
@common("machine")
@click.option(
    "--listen", metavar="HOST:NUMBER", help="Serve a socket there, as 127.0.0.1:5000, and not a pseudo-terminal."
)
def sim(machine: Path | None, listen: str | None) -> None:
    """Serve a virtual board until Ctrl-C.

    Prints its port, for --board in another terminal.

    Example: ohmprop sim --machine mine.toml
    """
    from ohmprop.host.link.port import virtual_board
    from ohmprop.host.run.task import machine_of
    from ohmprop.host.show.console import stoppable

    spec = machine_of(machine)
    with virtual_board(spec, listen) as board, stoppable() as stopped:
        click.echo(
            f"The virtual board is at {board.port}; try `ohmprop info --board {board.port}`, and end it with Ctrl-C."
        )
        while not stopped():
            time.sleep(0.1)
            if board.ended:
                raise MachineError(
                    f"The virtual board at {board.port} was ended from outside, and what it had learnt is lost; start it again "
                    "with `ohmprop sim`, and go on from a saved run."
                )
