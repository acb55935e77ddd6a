"""The report of a whole reproduction: one HTML file with all pictures in it."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ohmprop.host.show.files import write_file

#: The report's file in the folder of a run.
REPORT_FILE = "report.html"


def write_report(
    out: Path, command: str, figures: Mapping[str, Mapping[str, Any]], left_out: Mapping[str, str]
) -> None:
    """Write the report of targets by their names, their pictures being in ``out``; ``left_out`` says why others lack."""
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
        heading="The paper's table and figures, reproduced", command=command, found=found, left_out=left_out
    )
    write_file(out / REPORT_FILE, page.encode())
