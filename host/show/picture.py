"""A picture that a notebook shows by itself."""

import io
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ohmprop.host.show.files import write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Picture:
    """A figure: Jupyter shows it as the last value of a cell, ``save`` writes it."""

    def __init__(self, figure: "Figure") -> None:
        self.figure = figure

    def png(self) -> bytes:
        """The picture as the bytes of a PNG file."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=120)
        return buffer.getvalue()

    def save(self, path: str | PathLike[str]) -> None:
        """Write a PNG file; UserError if it cannot be written."""
        write_file(Path(path), self.png())

    _repr_png_ = png
