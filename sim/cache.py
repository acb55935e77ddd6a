"""The cache of compiled designs. Nothing in it is shared before it is whole: it is made aside and moved in by one step."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_path

#: Lines of a log that the message of a failed build shows.
SHOWN = 8


def cache_directory() -> Path:
    """Where compiled designs are kept: $OHMPROP_CACHE, else the user's cache directory, else a temporary one."""
    chosen = os.environ.get("OHMPROP_CACHE")
    path = Path(chosen).absolute() if chosen else user_cache_path("ohmprop")
    return writable_directory(path)


def writable_directory(path: Path) -> Path:
    """``path``, made if need be, or a directory of the same name among the temporary files if it cannot be written."""
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK):
        user = os.getuid() if hasattr(os, "getuid") else 0
        path = Path(tempfile.gettempdir()) / f"ohmprop-{user}" / path.name
        path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def publishing(target: Path) -> Iterator[Path]:
    """A path of the same name beside ``target`` to make it at; moved to its place when the block ends without an error.

    The path is new to each caller, so two processes may make the same target at once.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=target.parent) as aside:
        made = Path(aside) / target.name
        yield made
        try:
            os.replace(made, target)
        except OSError:
            # A folder that is there already is not replaced: another process was faster.
            if not target.exists():
                raise


def keep_log(log: Path, name: str) -> Path:
    """Copy a failed build's log into the cache, under a name of its own; returns its path there."""
    folder = writable_directory(cache_directory() / "logs")
    number, kept = tempfile.mkstemp(prefix=f"{name}-", suffix=".log", dir=folder)
    with os.fdopen(number, "wb") as file:
        file.write(log.read_bytes())
    return Path(kept)


def last_lines(log: Path) -> str:
    """What the end of a log says, indented, for a message."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-SHOWN:])
