"""A run as one HTML page, with all its pictures in it, for a desk and for a telephone."""

import base64
import platform
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ohmprop.host.show.console import text_of
from ohmprop.host.show.files import write_file
from ohmprop.model.errors import UserError

#: Seconds after which the page of a run that goes on is loaded again.
RELOAD_SECONDS = 10
#: Packages whose versions stand on a page.
PACKAGES = ("ohmprop", "numpy", "numba")
#: Items of a list that are written out.
LISTED = 40


def write_page(
    path: Path, title: str, what: str, figures: Mapping[str, Any], draw: Callable[[Path], None], going_on: bool = False
) -> None:
    """Write the page.

    Parameters
    ----------
    what : what it is about, a sentence.
    figures : by their names; those that are groups become tables of their own.
    draw : draws pictures into a folder.
    going_on : the run is under way, and the page is loaded again every RELOAD_SECONDS.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            draw(Path(folder))
            files = sorted(Path(folder).glob("*.png"))
            pictures = {file.stem.replace("-", " "): base64.b64encode(file.read_bytes()).decode() for file in files}
    except OSError as error:
        raise UserError(
            f"There is no room for the pictures of {path} in {tempfile.gettempdir()} ({error.strerror}); make room there, or "
            "give another folder in TMPDIR."
        ) from None
    single = {name: value for name, value in figures.items() if not isinstance(value, Mapping)}
    groups = {name: value for name, value in figures.items() if isinstance(value, Mapping)}
    tables = {"figures": single, **groups, "versions": _versions()}
    environment = Environment(
        loader=PackageLoader("ohmprop.host.show", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("page.html.j2").render(
        title=title,
        what=what,
        reload=RELOAD_SECONDS if going_on else 0,
        pictures=pictures,
        tables={name: _rows(values) for name, values in tables.items() if values},
    )
    write_file(path, page.encode())


def _rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values as text; groups within groups line by line, long lists shortened."""
    rows = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}: {inner}", text) for inner, text in _rows(value)]
        elif isinstance(value, list | tuple):
            more = f", and {len(value) - LISTED} more" if len(value) > LISTED else ""
            rows.append((name.replace("_", " "), f"{', '.join(map(text_of, value[:LISTED]))}{more}" or "none"))
        else:
            rows.append((name.replace("_", " "), text_of(value)))
    return rows


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
