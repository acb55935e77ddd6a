"""Files that the user keeps: written in one piece or not at all, and refused before the work if they cannot be."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ohmprop.model.errors import UserError


def write_file(path: Path, data: bytes) -> None:
    """Write a file in one piece or not at all, its folder included; UserError if that fails."""
    # Always the same name, so that a killed process leaves one at most, which the next one takes.
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); give a path that can be.") from None


#: Bytes that there must be room for wherever something is to be written.
ROOM = 1 << 16


def check_writable(path: Path | None, folder: bool = False, room: int = ROOM) -> None:
    """Refuse, before hours of work and not after, a file (or folder) that could not be written; None is fine.

    ``room`` is how many bytes it will have; they are written once, and given back.
    """
    if path is None:
        return
    if not folder and os.path.isdir(path):
        raise UserError(f"{path} is a folder; give the path of a file.")
    parent = path if folder else path.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=parent) as file:
            file.write(bytes(room))
            file.flush()
    except OSError as error:
        raise UserError(f"Nothing can be written into {parent} ({error.strerror}); give a path that can be.") from None


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write the figures as JSON."""
    write_file(path, (json.dumps(figures, indent=2) + "\n").encode())
