"""Do the syntheses again that estimates are fitted to: ``python -m scripts.syntheses``; about an hour on one core.

Each machine of boards/syntheses.json is elaborated and synthesised anew, without place and route. Ctrl-C keeps what is done.
``logic_cells``, which take place and route, are taken over from the reports in docs/boards.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from ohmprop.boards.build import build
from ohmprop.boards.description import board
from ohmprop.boards.estimate import design_of, properties
from ohmprop.model.spec import MachineSpec

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "boards" / "syntheses.json"


def spec_of(entry: dict[str, Any]) -> MachineSpec:
    """The machine of an entry, as its board runs it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "machine.toml"
        path.write_text(entry["machine"], encoding="utf-8")
        return board(entry["board"]).machine(MachineSpec.load(path), lanes=entry["lanes"])


def synthesised(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with what a synthesis of today says."""
    chosen, spec = board(entry["board"]), spec_of(entry)
    with tempfile.TemporaryDirectory() as folder:
        report = build(chosen, spec, "machine", Path(folder), 1, False, lambda line: None)
    return entered(entry, report)


def entered(entry: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """The entry with the figures of a report."""
    chosen, spec = board(entry["board"]), spec_of(entry)
    found = {name: report[name] for name in ("luts", "flip_flops", "block_rams", "multipliers")}
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in (ROOT / "docs" / "boards").glob("*.json")]
    ours = [old for old in reports if (old["board"], old["spec_hash"]) == (chosen.name, spec.spec_hash)]
    placed = {"logic_cells": ours[0]["luts"]} if ours else {}
    parts = [round(part, 4) for part in properties(spec, design_of(chosen, spec))]
    return (
        {name: entry[name] for name in ("board", "machine", "lanes", "fitted")} | {"properties": parts} | found | placed
    )


def write(entries: list[dict[str, Any]]) -> None:
    """Write the file, a line for each."""
    FILE.write_text("[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n", encoding="utf-8")


def main() -> None:
    """Do all of them."""
    entries = json.loads(FILE.read_text(encoding="utf-8"))
    for number, entry in enumerate(entries):
        entries[number] = synthesised(entry)
        write(entries)
        print(f"{number + 1} of {len(entries)}: {entry['board']}, {entry['machine'].splitlines()[1]}", flush=True)


if __name__ == "__main__":
    main()
