"""The command line: ``ohmprop demo``, ``train``, ``recall``, ``info`` and ``sim``."""

import os
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from model.errors import MachineError, UserError

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


_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "machine": click.option(
        "--machine", type=click.Path(path_type=Path), help="The machine's TOML file [default: 100 neurons on 32 lanes]."
    ),
    "board": click.option(
        "--board",
        default="sim",
        show_default=True,
        help="sim (a virtual board), golden (the numpy model), or a port: /dev/ttyUSB0, COM3, socket://HOST:NUMBER.",
    ),
    "patterns": click.option(
        "--patterns",
        default="glyphs",
        show_default=True,
        help="The built-in glyphs, a folder of black and white PNGs, an .npy file, or a text file of 0/1 rows.",
    ),
    "epochs": click.option(
        "--epochs",
        type=click.IntRange(1, 1_000_000),
        default=100,
        show_default=True,
        help="Rounds through the patterns.",
    ),
    "seed": click.option(
        "--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Seed of all random numbers."
    ),
    "save": click.option("--save", type=click.Path(path_type=Path), help="Write what was learnt to this .npz file."),
    "load": click.option("--load", type=click.Path(path_type=Path), help="Start from a file that --save wrote."),
    "json": click.option(
        "--json", "json_file", type=click.Path(path_type=Path), help="Write every figure to this file."
    ),
    "out": click.option("--out", type=click.Path(path_type=Path), help="Write pictures into this folder."),
}


def _options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The common options of these names, in this order."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return add


# The commands import their work when they run, so that --help and a mistyped option answer at once.


@main.command()
@_options("machine", "board", "patterns", "epochs", "seed", "save", "json", "out")
def demo(out: Path | None, **options: Any) -> None:
    """Learn sixteen glyphs on a board and recall corrupted ones, the golden machine and float64 beside it.

    Writes result.json and pictures into --out [default: runs/demo]. Exits with 1 if one bit differs between board and
    golden machine, or recall falls short.

    Example: ohmprop demo --board /dev/ttyUSB0 --out runs/first
    """
    from host.commands import run_demo

    run_demo(out=out or Path("runs/demo"), **options)


@main.command()
@_options("machine", "board", "patterns", "epochs", "seed", "load", "save", "json", "out")
@click.option(
    "--compare/--no-compare", default=True, show_default=True, help="Compare each bit with the golden machine."
)
def train(**options: Any) -> None:
    """Learn patterns on a board; Ctrl-C saves what was learnt and stops.

    With --load the run continues, bit for bit, up to --epochs in all.

    Example: ohmprop train --patterns my_folder --machine mine.toml --save mine.npz
    """
    from host.commands import run_train

    run_train(**options)


@main.command()
@_options("machine", "board", "patterns", "seed", "load", "json", "out")
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
    from host.commands import run_recall

    run_recall(**options)


@main.command()
@_options("machine", "board", "json")
@click.option(
    "--machine-toml", is_flag=True, help="Only print the machine's TOML, to be changed and given to --machine."
)
def info(machine_toml: bool, **options: Any) -> None:
    """Show a board's ID block, settings and counters; for a virtual board its speed as well.

    Example: ohmprop info --board /dev/ttyUSB0
    """
    from host.commands import run_info, show_machine

    if machine_toml:
        show_machine(options["machine"])
    else:
        run_info(**options)


@main.command()
@_options("machine")
@click.option(
    "--listen", metavar="HOST:NUMBER", help="Serve a socket there, as 127.0.0.1:5000, and not a pseudo-terminal."
)
def sim(**options: Any) -> None:
    """Serve a virtual board until Ctrl-C and print its port, which --board takes in another terminal.

    Example: ohmprop sim --machine mine.toml
    """
    from host.commands import run_sim

    run_sim(**options)
