"""The report of a whole reproduction: one HTML file with all pictures in it."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from ohmprop.host.show.files import write_file

#: The report's file in the folder of a run.
REPORT_FILE = "report.html"


class Subject(NamedTuple):
    """What a report is of: its heading, and what was computed, as the beginning of a sentence."""

    heading: str
    what: str


PAPER = Subject(
    "The paper's table and figures, reproduced",
    "The table and figures of Zoppo, Marrone, Corinto 2020, Equilibrium Propagation for Memristor-Based Recurrent Neural "
    "Networks, Front. Neurosci. 14:240",
)
CONVOLUTION = Subject("Convolution", "Machines with kernels beside one of full layers")
FAMILY = Subject("The family of rules", "Every learning rule on the machines that learn by it")


def write_report(
    path: Path,
    out: Path,
    subject: Subject,
    command: str,
    figures: Mapping[str, Mapping[str, Any]],
    left_out: Mapping[str, str],
) -> None:
    """Write the report of targets by their names, whose pictures are in ``out``; ``left_out`` says why others lack."""
    environment = Environment(
        loader=PackageLoader("ohmprop.host.experiments.reproduce", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    found = {
        name: {"figures": figure, "picture": base64.b64encode((out / f"{name}.png").read_bytes()).decode()}
        for name, figure in figures.items()
    }
    page = environment.get_template("report.html.j2").render(
        subject=subject, command=command, found=found, left_out=left_out
    )
    write_file(path, page.encode())
