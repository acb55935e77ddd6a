"""``ohmprop device``: memristors."""

import click

from ohmprop.host.cli.device import energy, fit, glyphs, list, plot, pulse


@click.group(no_args_is_help=False)
def device() -> None:
    """Memristors: their pulse curves, and learning with them.

    Example: ohmprop device list
    """


for _command in (list.list_devices, plot.plot, fit.fit, pulse.pulse, glyphs.learn_glyphs, energy.energy):
    device.add_command(_command)
