"""``ohmprop bench``: speed of the golden machine, and a search for settings."""

from typing import Any

import click

from ohmprop.host.cli.options import common, pool_of


@click.group(no_args_is_help=False)
def bench() -> None:
    """Measure speed, and search for settings.

    Example: ohmprop bench model
    """


@bench.command("model")
@common("json")
def bench_model(**options: Any) -> None:
    """Measure learning speed: the golden machine on 784-128-5, on one core, and a plain numpy float32 loop.

    Example: ohmprop bench model --json model.json
    """
    from ohmprop.host.experiments.model_speed import run_bench_model

    run_bench_model(**options)


@bench.command("rules")
@click.option("--machine", "machines", multiple=True, metavar="NAME",
              help="Only this ready machine; may be repeated [default: all that have more than one rule or order].")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True,
              help="Learn with seeds 1 to this number.")  # fmt: skip
@common("json")
def bench_rules(**options: Any) -> None:
    """Count the clocks of a learnt pattern by each rule and order, in the golden machine, beside the machine's own.

    Takes some minutes on all cores; the MNIST machines want MNIST (`ohmprop data mnist`).

    Example: ohmprop bench rules --machine glyphs-100 --json rules.json
    """
    from ohmprop.host.experiments.rules import run_bench_rules

    run_bench_rules(**options)


@bench.command("nudges")
@click.option("--seeds", type=click.IntRange(1, 1000), default=3, show_default=True,
              help="Learn with seeds 1 to this number.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1, 1000), default=30, show_default=True,
              help="Rounds through the images.")  # fmt: skip
@common("json")
def bench_nudges(**options: Any) -> None:
    """Compare signs and sizes of the nudge on two hidden layers, each at the learning rates that suit it, in the golden machine.

    The rates are chosen on a fifth of the training images. Takes half an hour on two cores.

    Example: ohmprop bench nudges --seeds 1 --json nudges.json
    """
    from ohmprop.host.experiments.nudges import run_bench_nudges

    run_bench_nudges(**options)


@bench.command("depth")
@click.option("--seeds", type=click.IntRange(1, 1000), default=3, show_default=True,
              help="Learn with seeds 1 to this number.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1, 1000), default=30, show_default=True,
              help="Rounds through the images.")  # fmt: skip
@common("workers", "cluster", "json")
def bench_depth(**options: Any) -> None:
    """Search for settings at which three hidden layers learn the digits, in the golden machine and in float64.

    Takes some minutes on all cores.

    Example: ohmprop bench depth --seeds 1 --json depth.json
    """
    from ohmprop.host.experiments.depth import run_bench_depth

    run_bench_depth(pool=pool_of(options), **options)
