"""Builds every machine again that docs/boards has a report of, as the report says: ``python -m scripts.boards``; `make boards`.

Board, machine, lanes, clock and seed come from the report, which the build then rewrites. Minutes each, those of the ULX3S most.
"""

import json
import subprocess
import sys
from pathlib import Path

from scripts.imports import ROOT

REPORTS = ROOT / "docs" / "boards"


def command(report: Path) -> list[str]:
    """The command that makes a report again."""
    found = json.loads(report.read_text(encoding="utf-8"))
    options = {
        "--machine": found["machine"],
        "--lanes": found["lanes"],
        "--freq": f"{found['target_mhz']:g}",
        "--seed": found["seed"],
        "--json": report,
    }
    build = [sys.executable, "-m", "ohmprop", "board", "build", found["board"]]
    return [*build, *(str(part) for option in options.items() for part in option)]


def main() -> None:
    """Build them one after the other; the first that fails ends it."""
    for report in sorted(REPORTS.glob("*.json")):
        print(f"== {report.stem}", flush=True)
        if subprocess.run(command(report), check=False).returncode:
            sys.exit(f"{report.stem} was not built; its report stays as it was.")


if __name__ == "__main__":
    main()
