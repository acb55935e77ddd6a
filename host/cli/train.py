"""``ohmprop train``: learn patterns or the images of a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ohmprop.host.cli.options import DATA, common, image_source
from ohmprop.model.rules import RULES
from ohmprop.model.spec.settings import BETAS, NUDGES, ORDERS

if TYPE_CHECKING:
    from ohmprop.host.run.task import Source

#: Euler's steps.
STEPS = ("0.5", "1")
#: Rounds through a data set, and through patterns.
EPOCHS, PATTERN_EPOCHS = 6, 100
#: Options that a resumed run takes from its file, those of data sets alone, and those of patterns alone.
OF_DATA = {*DATA[1:], "halvings", "keep_going", "patience", "stored"}
OF_PATTERNS = {"patterns", "compare", "until_learnt"}
SETTINGS = ("rule", "order", "free_eps", "nudged_eps", "nudge", "beta")
WITH_PHYSICS = {"physics", "machine", "patterns", *DATA, "epochs", "halvings", "seed", "save", "json_file"}
FIXED = (OF_DATA - {"keep_going", "patience", "stored"}) | {
    "machine",
    "patterns",
    "data",
    "seed",
    *SETTINGS,
    "load",
    "device",
    "scheme",
    "pulses",
}


@click.command()
@common("machine", "board", "cable", "patterns", *DATA)
@click.option("--epochs", type=click.IntRange(1, 1_000_000),
              help="Rounds through the patterns [default: 100; 6 with --data].")  # fmt: skip
@click.option("--halvings", type=click.FloatRange(0, 15),
              help="With --data: how many times per epoch the learning rates are halved [default: that of --load, else 2.4 "
              "times in all epochs together, at most once in each].")  # fmt: skip
@common("seed", "load", "save")
@click.option("--checkpoint", type=click.Path(path_type=Path),
              help="Write what has been learnt to this .npz file at intervals, for --resume.")  # fmt: skip
@click.option("--every", type=click.IntRange(1), default=1000, show_default=True,
              help="With --checkpoint: patterns between two checkpoints.")  # fmt: skip
@click.option("--resume", type=click.Path(path_type=Path),
              help="Continue the run in this file with its options, and keep writing its checkpoints.")  # fmt: skip
@click.option("--reconnect/--no-reconnect", default=None,
              help="Wait for a cable that was pulled, for up to ten minutes, and give a board that was reset what it had learnt "
              "[default: with --checkpoint or --resume].")  # fmt: skip
@common("json", "out", "report")
@click.option("--rule", type=click.Choice(list(RULES)),
              help=f"Learning rule: {'; '.join(f'{rule.name}, {rule.title}' for rule in RULES.values())} [default: the "
              "machine file's, else ep].")  # fmt: skip
@click.option("--order", type=click.Choice(ORDERS),
              help="Which neurons step side by side: together, all; or in turn, layers of a layered machine, blocks of lanes "
              "of a recurrent one [default: the machine file's, else together].")  # fmt: skip
@click.option("--free-eps", type=click.Choice(STEPS),
              help="Euler's step in all phases but the nudged one [default: the machine file's, else 0.5].")  # fmt: skip
@click.option("--nudged-eps", type=click.Choice(STEPS),
              help="Euler's step in the nudged phase [default: the machine file's, else 0.5].")  # fmt: skip
@click.option("--nudge", type=click.Choice(NUDGES),
              help="Where the nudge draws the outputs [default: the machine file's, else positive].")  # fmt: skip
@click.option("--beta", type=click.Choice([str(beta) for beta in BETAS]),
              help="Size of the nudge [default: the machine file's, else 1].")  # fmt: skip
@click.option("--device", help="Device of the synapses: a name of `ohmprop device list`, or a file of `device fit --json`; "
              "the machine gets a pulse unit [default: that of --load, else linear].")  # fmt: skip
@click.option(
    "--scheme",
    type=click.Choice(["reference", "pair", "one-sided"]),
    help="With --device: how a weight stands for two conductances [default: the device's own].",
)
@click.option("--pulses", type=click.IntRange(1, 7), default=1, show_default=True,
              help="With --device: most pulses per update and cell.")  # fmt: skip
@click.option(
    "--compare/--no-compare", default=True, show_default=True, help="Compare each bit with the golden machine."
)
@click.option("--until-learnt", is_flag=True, help="With --patterns: end as soon as all of them are recalled.")
@click.option("--patience", type=click.IntRange(1),
              help="With --data: end when this number of epochs has not lowered the training error.")  # fmt: skip
@click.option("--stored/--no-stored", default=None,
              help="With --data: send the images once, to be kept on the board, and then only their order [default: where the "
              "board has a store that holds them].")  # fmt: skip
@click.option("--physics", type=click.Choice(("spice", "neospice", "ngspice", "equations")),
              help="Learn in closed loop with a circuit instead of a board: it settles, and the host changes the weights; spice "
              "is the engine that is installed.")  # fmt: skip
@click.option("--keep-going", is_flag=True, help="With --data: end with exit code 0 even if outputs have died.")
@click.pass_context
def train(context: click.Context, /, **options: Any) -> None:
    """Learn patterns or the images of a data set.

    Ctrl-C saves what was learnt and stops.

    With --load the run continues, bit for bit, up to --epochs in all; with --resume up to its planned end. With --data
    a classifier learns, beside it the same network in float64; --board golden is then the golden machine alone, and the
    fastest.

    \b
    Example: ohmprop train --patterns my_folder --machine mine.toml --save mine.npz
             ohmprop train --board /dev/ttyUSB0 --checkpoint night.npz
             ohmprop train --board /dev/ttyUSB0 --resume night.npz
             ohmprop train --order blocks --free-eps 1
             ohmprop train --rule vector-field
             ohmprop train --device epiram --scheme pair
             ohmprop train --data digits --machine digits-64-32-10 --epochs 12 --out runs/digits
             ohmprop train --data digits --machine digits-64-32-10 --device epiram --pulses 7
             ohmprop train --patterns letters.txt --machine mine.toml --physics spice --epochs 20
    """
    from ohmprop.host.experiments.training import Files, Manner, run_train
    from ohmprop.host.run.run import Beginning
    from ohmprop.host.run.task import ImageSource, PatternSource, default_halvings, source_of

    given = {name for name in options if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
    resume = options["resume"]
    _refuse(context, given & FIXED if resume else set(), "with --resume, which takes it from its file")
    _refuse(context, given & {"scheme", "pulses"} if options["device"] is None else set(), "without --device")
    checkpoint, load, epochs = options["checkpoint"], options["load"], options["epochs"]
    source: Source
    if resume:
        from ohmprop.host.run.checkpoint import resumed

        run = resumed(resume)
        source, load, checkpoint, epochs = source_of(run), resume, checkpoint or resume, epochs or run["epochs"]
    elif options["data"] is None:
        source = PatternSource(options["patterns"])
    else:
        from ohmprop.host.run.checkpoint import Checkpoint

        saved = Checkpoint.load(load).run if load else {}
        halvings = options["halvings"]
        if halvings is None:
            halvings = saved.get("halvings", default_halvings(epochs or EPOCHS))
        source = image_source(options, halvings).as_learnt(saved)
    images = isinstance(source, ImageSource)
    _refuse(context, given & (OF_PATTERNS if images else OF_DATA), f"{'with' if images else 'without'} --data")
    if options["physics"]:
        from ohmprop.host.experiments.physics import run_physics

        _refuse(context, given - WITH_PHYSICS, "with --physics")
        loop = Beginning(options["machine"], None, options["seed"])
        rounds = epochs or (EPOCHS if images else PATTERN_EPOCHS)
        run_physics(loop, source, rounds, options["physics"], options["save"], options["json_file"])
        return
    settings = {name: options[name] for name in SETTINGS if options[name] is not None}
    settings |= {name: float(value) for name, value in settings.items() if name.endswith(("eps", "beta"))}
    device = (options["device"], options["scheme"], options["pulses"])
    beginning = Beginning(options["machine"], load, options["seed"], settings, *device)
    files = Files(
        options["save"], checkpoint, options["every"], options["json_file"], options["out"], options["report"]
    )
    epochs = epochs or (EPOCHS if images else PATTERN_EPOCHS)
    ends = {name: options[name] for name in ("keep_going", "until_learnt", "patience")}
    reconnects = checkpoint is not None if options["reconnect"] is None else options["reconnect"]
    manner = Manner(
        options["board"],
        options["compare"],
        resume is not None,
        reconnects=reconnects,
        cable=options["cable"],
        stored=options["stored"],
        **ends,
    )
    run_train(beginning, source, epochs, manner, files)


def _refuse(context: click.Context, names: set[str], where: str) -> None:
    """Refuse options that do not go together, the first by name."""
    for name in sorted(names):
        raise click.UsageError(f"--{name.replace('_', '-')} does not go {where}", context)
