"""Plants faults in the hardware, one at a time, and sees that the tests catch each: ``python -m tests.mutants``.

Every fault goes into a copy of the project. It is caught if an assertion of its test fails; a fault that breaks an
import or the build proves nothing about the tests and counts as survived.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

from tests.kit.paths import ROOT
from tests.mutants import MUTANTS, Mutant, faulty

SECONDS = 240
#: The hardware in a copy of the project.
HARDWARE = Path("ohmprop") / "hw"


def outcome(source: Path, mutant: Mutant | None, tests: list[str]) -> tuple[str, str]:
    """Run tests with a fault: ``passed``, ``caught`` if an assertion failed, or ``broken``; and pytest's output."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        shutil.copytree(source, directory, dirs_exist_ok=True)
        if mutant:
            (directory / HARDWARE / mutant.file).write_text(faulty(mutant, source / HARDWARE), encoding="utf-8")
        return tested(directory, tests)


def tested(directory: Path, tests: list[str]) -> tuple[str, str]:
    """Run tests in a copy of the project."""
    # The golden model need not be compiled for machines this small.
    environment = os.environ | {"PYTHONPATH": str(directory), "NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    report = directory / "report.xml"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *tests]
    try:
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "broken", f"no end after {SECONDS} s"
    if done.returncode == 0:
        return "passed", done.stdout
    failures = ElementTree.parse(report).iter("failure") if done.returncode == 1 and report.is_file() else ()
    asserted = any(failure.get("message", "").startswith(("assert ", "AssertionError")) for failure in failures)
    return "caught" if asserted else "broken", done.stdout + done.stderr


def main() -> int:
    """Try all; 0 if all are caught."""
    # A copy, so that the project may be worked on meanwhile.
    with tempfile.TemporaryDirectory() as name:
        source = Path(name)
        # As the installed package lies, so that nothing of the project's own is imported.
        for room in ("ohmprop", "model", "hw", "sim"):
            copy_room(room, source / "ohmprop" / ("" if room == "ohmprop" else room))
        copy_room("tests", source / "tests")
        shutil.copy(ROOT / "pyproject.toml", source)
        return try_all(source)


def copy_room(room: str, target: Path) -> None:
    """Copy a folder of the project."""
    shutil.copytree(ROOT / room, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def try_all(source: Path) -> int:
    """Try all on a copy of the project; 0 if all are caught."""
    for mutant in MUTANTS:
        faulty(mutant, source / HARDWARE)
    verdict, output = outcome(source, None, sorted({mutant.tests for mutant in MUTANTS}))
    print(f"{verdict:8}no fault", flush=True)
    if verdict != "passed":
        print(output)
        return 1
    survivors = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda mutant: outcome(source, mutant, [mutant.tests]), MUTANTS)
        for mutant, (verdict, output) in zip(MUTANTS, results, strict=True):
            print(f"{verdict:8}{mutant.name}", flush=True)
            if verdict != "caught":
                survivors.append(mutant)
                print(output)
    for mutant in survivors:
        print(f"survived: {mutant.name} (hw/{mutant.file}, {mutant.tests})")
    print(f"mutants: {len(MUTANTS)} planted, {len(MUTANTS) - len(survivors)} caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
