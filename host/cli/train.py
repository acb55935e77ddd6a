"""``ohmprop train``: learn patterns or the images of a data set."""

from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.options import common
from ohmprop.model.rules import RULES


@click.command()
@common("machine", "board", "patterns", "data", "classes", "per_class", "resize")
@click.option("--epochs", type=click.IntRange(1, 1_000_000),
              help="Rounds through the patterns [default: 100, of --data 6].")  # fmt: skip
@click.option("--halvings", type=click.FloatRange(0, 15),
              help="Of --data: how often the learning rates are halved an epoch [default: 1].")  # fmt: skip
@common("seed", "load", "save")
@click.option("--checkpoint", type=click.Path(path_type=Path),
              help="Write what has been learnt to this .npz file again and again, for --resume.")  # fmt: skip
@click.option("--every", type=click.IntRange(1), default=1000, show_default=True,
              help="Of --checkpoint: patterns between two writings.")  # fmt: skip
@click.option("--resume", type=click.Path(path_type=Path),
              help="Go on with the run in this file, its options as they were, and with its checkpoints.")  # fmt: skip
@common("json", "out")
@click.option("--rule", type=click.Choice(list(RULES)),
              help=f"Of --patterns: {' or '.join(f'{rule.name}, {rule.title}' for rule in RULES.values())} [default: the "
              "machine file's, else ep].")  # fmt: skip
@click.option("--device", help="What the cells are, a name of `ohmprop device list` or a file of `ohmprop device fit --json`; "
              "the machine gets a pulse unit [default: those of --load, else linear cells].")  # fmt: skip
@click.option(
    "--scheme",
    type=click.Choice(["reference", "pair", "one-sided"]),
    help="Of --device: how a weight stands for two conductances [default: the device's own].",
)
@click.option("--pulses", type=click.IntRange(1, 7), default=1, show_default=True,
              help="Of --device: most pulses of an update and cell.")  # fmt: skip
@click.option(
    "--compare/--no-compare", default=True, show_default=True, help="Compare each bit with the golden machine."
)
@click.pass_context
def train(
    context: click.Context,
    /,
    data: str | None,
    epochs: int | None,
    patterns: str,
    compare: bool,
    rule: str | None,
    load: Path | None,
    resume: Path | None,
    **options: Any,
) -> None:
    """Learn patterns, or the images of a data set, on a board; Ctrl-C saves what was learnt and stops.

    With --load the run continues, bit for bit, up to --epochs in all; with --resume up to the end it was to have. With --data
    a classifier learns, beside it the same network in float64; --board golden is then the golden machine alone, and the
    fastest.

    \b
    Example: ohmprop train --patterns my_folder --machine mine.toml --save mine.npz
             ohmprop train --board /dev/ttyUSB0 --checkpoint night.npz
             ohmprop train --board /dev/ttyUSB0 --resume night.npz
             ohmprop train --device epiram --scheme pair
             ohmprop train --data digits --machine digits-64-32-10 --epochs 12 --out runs/digits
             ohmprop train --data digits --machine digits-64-32-10 --device epiram --pulses 7
    """
    given = {
        name for name in context.params if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    if resume:
        from ohmprop.host.run.checkpoint import resumed

        fixed = {
            *("machine", "patterns", "data", "classes", "per_class", "resize", "halvings", "seed", "rule", "load"),
            *("device", "scheme", "pulses"),
        }
        for name in sorted(fixed & given):
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} does not go with --resume, which takes it from its file", context)
        run = resumed(resume)
        data, patterns, epochs = run.get("data"), run.get("patterns", patterns), epochs or run["epochs"]
        options |= {name: run[name] for name in ("classes", "per_class", "resize", "halvings") if name in run}
        load, options["checkpoint"] = resume, options["checkpoint"] or resume
    options["resumes"] = resume is not None
    for name in ("scheme", "pulses"):
        if name in given and options["device"] is None:
            raise click.UsageError(f"--{name} does not go without --device", context)
    other = ("classes", "per_class", "resize", "halvings") if data is None else ("patterns", "compare", "rule")
    for name in other:
        if name in given:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} does not go {'without' if data is None else 'with'} --data", context)
    if data is not None:
        from ohmprop.host.experiments.classifier import run_train as run_train_classifier

        halvings = options.pop("halvings")
        halvings = 1.0 if halvings is None else halvings
        run_train_classifier(data=data, epochs=epochs or 6, halvings=halvings, start_from=load, **options)
    else:
        from ohmprop.host.experiments.memory import run_train

        for name in other:
            del options[name]
        run_train(patterns=patterns, epochs=epochs or 100, compare=compare, rule=rule, load=load, **options)
