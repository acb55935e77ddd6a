"""A progress bar in a notebook, which needs nothing but the notebook's own HTML."""

import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Seconds between two drawings of the bar.
REDRAW_SECONDS = 0.2


@contextmanager
def notebook_progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar in the output of the cell that runs, gone at the end; call what it yields once for each item."""
    # Only where there is a notebook is there IPython.
    from IPython.display import HTML, display

    begin, drawn, done = time.monotonic(), 0.0, 0

    def bar() -> Any:
        spent = time.monotonic() - begin
        left = f", {spent * (total - done) / done:.0f} s left" if done else ""
        return HTML(
            f'{html.escape(title)} <progress value="{done}" max="{total}"></progress> {done:,} of {total:,}{left}'
        )

    handle = display(bar(), display_id=True)

    def advance() -> None:
        nonlocal done, drawn
        done += 1
        if time.monotonic() - drawn > REDRAW_SECONDS:
            drawn = time.monotonic()
            handle.update(bar())

    try:
        yield advance
    finally:
        handle.update(HTML(""))
