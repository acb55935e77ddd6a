"""What the user sees: figures, tables and progress bars; and Ctrl-C, which asks for a stop."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ohmprop.host.show.notebook import notebook_progress
from ohmprop.model.arithmetic import COMPILED
from ohmprop.model.spec import Settings


def show(title: str, figures: Mapping[str, Any]) -> None:
    """Print a title and a line for each figure; nested ones are indented."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(title)
    _show_lines(console, figures, "  ")


def _show_lines(console: Console, figures: Mapping[str, Any], indent: str) -> None:
    for name, value in figures.items():
        label = name.replace("_", " ")
        if isinstance(value, Mapping):
            console.print(f"{indent}{label}")
            _show_lines(console, value, indent + "  ")
        elif isinstance(value, list):
            console.print(f"{indent}{label}: {'; '.join(map(str, value)) or 'none'}")
        else:
            console.print(f"{indent}{label}: {text_of(value)}")


def text_of(value: Any) -> str:
    """A figure as it is printed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and abs(value) < 1e4
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )


@cache
def note_uncompiled() -> None:
    """Say on standard error, once, that the golden machine's loops run uncompiled, where numba is not installed."""
    if not COMPILED:
        warn(
            "numba is not installed, so the golden machine runs some thousand times slower; install it with "
            "`pip install 'ohmprop[fast]'`."
        )


def note_idle(settings: Settings, patterns: int) -> None:
    """Say on standard error that patterns were shown and nothing was learnt, if the settings have no second phase."""
    if patterns and not settings.nudged_steps:
        click.echo(
            f"Nothing was learnt: with nudged_steps = 0 no weight is updated, whatever the {patterns:,} patterns; give at "
            "least 1.",
            err=True,
        )


def flip_text(p: float) -> str:
    """A probability as tables, JSON keys and file names write it: two decimals, or more if it has more."""
    return f"{p:.2f}" if float(f"{p:.2f}") == p else repr(p)


def show_recall(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the recall table: a row for each probability that a pixel is flipped.

    "Same" figures are over the images that the board recalled, "all" ones over all images.
    """
    columns = {
        "board": "board",
        "golden_on_board_images": "golden, same",
        "reference_on_board_images": "float64, same",
        "golden": "golden, all",
        "reference": "float64, all",
        "bound": "nearest pattern",
        "images_board": "images, board",
        "images": "images, all",
    }
    used = [name for name in columns if any(name in row for row in rows.values())]
    table = Table("p", *(columns[name] for name in used))
    for p, row in rows.items():
        table.add_row(p, *(f"{row[name]:.4f}" if isinstance(row[name], float) else f"{row[name]:,}" for name in used))
    print_table(table)


def warn(sentence: str) -> None:
    """Say something on standard error at once; where that takes no more, nothing."""
    with suppress(OSError):
        print(sentence, file=sys.stderr, flush=True)


def print_table(table: Table, width: int = 120) -> None:
    """Print a table, as wide as the terminal, or ``width`` characters into a file or pipe, which has no width of its own."""
    Console(width=None if sys.stdout.isatty() else width).print(table)


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar in a notebook or, if that is a terminal, on standard error; call what it yields once for each item."""
    console = Console(stderr=True)
    if console.is_jupyter:
        with notebook_progress(title, total) as advance:
            yield advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks for a stop (what it yields says whether) instead of interrupting; a second one interrupts at once.

    In a thread, which Ctrl-C does not reach, nothing is asked.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    former = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, former)
