"""What several commands of ``ohmprop device`` take."""

import click

#: A device by the name of a preset or by the file that ``fit --json`` wrote.
NAME = click.argument("name")
SCHEME = click.option(
    "--scheme",
    type=click.Choice(("reference", "pair", "one-sided")),
    help="How a weight stands for two conductances [default: the device's own].",
)
