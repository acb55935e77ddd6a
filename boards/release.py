"""A release: bitstreams that were built, so that whoever buys a board need not build first; each with its machine and report."""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from ohmprop.boards.build import SUFFIXES, bitstream
from ohmprop.boards.description import BoardDescription
from ohmprop.model.errors import UserError
from ohmprop.model.text import read_text

#: Checksums of a release's files, as `sha256sum --check` reads them.
SUMS = "SHA256SUMS"


def collect(reports: Iterable[Path], builds: Path, folder: Path) -> list[str]:
    """Copy the bitstream, machine and report of each of these reports from its build into a folder; the names of what is there.

    UserError if a report has no build in ``builds``, or that of other figures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for report in sorted(reports):
        name = report.stem
        found = json.loads(report.read_text(encoding="utf-8"))
        build = builds / name
        made = build / "report.json"
        same = made.exists() and _lasting(json.loads(made.read_text(encoding="utf-8"))) == _lasting(found)
        made_of_it = bitstream(build)
        if not same or made_of_it is None:
            raise UserError(f"There is no build of {report.name} in {build}; run `make boards` first.")
        machine = build / f"{found['machine']}.toml"
        parts = {f"{name}{made_of_it.suffix}": made_of_it, f"{name}.toml": machine, report.name: report}
        for target, source in parts.items():
            shutil.copyfile(source, folder / target)
            names.append(target)
    sums = "".join(f"{_sum(folder / name)}  {name}\n" for name in names)
    (folder / SUMS).write_text(sums, encoding="utf-8")
    return names


def released(board: BoardDescription, machine: str, folder: Path) -> Path:
    """The bitstream of a machine for a board in a release; UserError if there is none, or it is not the one that was released."""
    listed = read_text(folder / SUMS, "list of a release", "give the folder of one").splitlines()
    sums = {name: total for total, name in (line.split("  ", 1) for line in listed if "  " in line)}
    possible = (f"{board.name}-{machine}.{suffix}" for suffix in SUFFIXES)
    name = next((name for name in possible if name in sums), None)
    if name is None:
        there = ", ".join(sorted(Path(name).stem for name in sums if name.endswith(".toml"))) or "none"
        raise UserError(f"The release in {folder} has no {machine} for {board.name}; it has {there}.")
    if not (folder / name).exists() or _sum(folder / name) != sums[name]:
        raise UserError(f"{folder / name} is not the file that was released, by its checksum; fetch the release again.")
    return folder / name


def _lasting(report: dict[str, object]) -> dict[str, object]:
    """What two builds of the same have in common."""
    return {name: value for name, value in report.items() if name not in ("seconds", "tools")}


def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
