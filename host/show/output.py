"""Standard output that may end before the command does: `| head` closes it, a disk under it may be full."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


class _Output:
    """A text stream that keeps the first failure to write and lets what follows vanish, so that the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self.failure: OSError | None = None
        self._stream = stream

    def write(self, text: str) -> int:
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def _attempt(self, action: Callable[[], object]) -> None:
        if self.failure is None:
            try:
                action()
            except OSError as failure:
                self.failure = failure

    def discard(self) -> None:
        """Send what the stream still holds nowhere, or Python would report it at its own end."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Printed:
    """What has become of the standard output.

    Attributes
    ----------
    complaint : a sentence if not all could be printed, else empty; known after the block of ``surviving_output``.
    """

    complaint = ""


@contextmanager
def surviving_output() -> Iterator[Printed]:
    """Let the work go on when standard output takes no more."""
    stream, printed = sys.stdout, Printed()
    if stream is None:
        # A process without standard output, where nothing is printed and nothing can fail.
        yield printed
        return
    output = _Output(stream)
    sys.stdout = output
    try:
        yield printed
    finally:
        output.flush()
        sys.stdout = stream
        if output.failure:
            output.discard()
            printed.complaint = (
                f"Not all could be printed, since standard output takes no more ({output.failure.strerror}); the files that "
                "the command was to write are complete."
            )
