"""``ohmprop device list``: all presets, with the error of their tables."""

from typing import Any

import click

from ohmprop.host.cli.options import common


@click.command("list")
@common("json")
def list_devices(**options: Any) -> None:
    """List all devices, with the error of their integer tables.

    Example: ohmprop device list
    """
    from ohmprop.host.experiments.memristor_tables import run_list

    run_list(**options)
