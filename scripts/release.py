"""Collects the bitstreams of the reports in docs/boards in build/release: ``python -m scripts.release``; `make release`."""

import sys

from ohmprop.boards.release import collect
from ohmprop.model.errors import UserError
from scripts.boards import REPORTS
from scripts.imports import ROOT

if __name__ == "__main__":
    try:
        names = collect(REPORTS.glob("*.json"), ROOT / "build", ROOT / "build" / "release")
    except UserError as error:
        sys.exit(str(error))
    print(f"build/release has {len(names)} files")
