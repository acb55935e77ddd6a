"""The command line: ``ohmprop demo``, ``train``, ``reproduce``, ``board`` and the rest; ``ohmprop --help`` names all."""

import os
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from ohmprop.host.cli import (
    bench,
    board,
    data,
    demo,
    info,
    link,
    predict,
    recall,
    reproduce,
    resistive,
    sim,
    spice,
    study,
    train,
    tune,
)
from ohmprop.host.cli import eval as eval_
from ohmprop.host.cli.device.group import device
from ohmprop.host.show.output import surviving_output
from ohmprop.model.errors import MachineError, UserError

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
            with surviving_output() as printed:
                super().main(*args, **options)
            if printed.complaint:
                message, code = printed.complaint, 1
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
            # Where even this cannot be written, the exit code is left.
            with suppress(OSError):
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
    """An FPGA machine that learns by equilibrium propagation: train it, recall with it, inspect it.

    Example: ohmprop demo
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (
    *(demo.demo, train.train, recall.recall, eval_.evaluate, predict.predict, tune.tune, info.info, sim.sim),
    *(study.study, reproduce.reproduce, board.board, device, link.link, data.data, bench.bench, spice.spice),
    resistive.resistive,
):
    main.add_command(_command)
