"""Plants faults in the hardware, one at a time, and sees that the tests catch each: ``python -m tests.mutants``.

Every fault goes into a copy of the project. It is caught if an assertion of its test fails; a fault that breaks an
import or the build proves nothing about the tests and counts as survived. With ``--draw N`` only the faults in files that
this landing changed are planted, and N others that the commit's hash draws.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

from tests.kit.paths import ROOT
from tests.mutants import MUTANTS, Mutant, faulty
from tests.mutants.choice import chosen

#: A test with a fault may take this many times as long as without one, since other programs may slow it. One that takes
#: longer is tried once more, alone, for AGAIN times that.
PATIENCE = 10
AGAIN = 3
#: The hardware in a copy of the project.
HARDWARE = Path("ohmprop") / "hw"


def outcome(source: Path, mutant: Mutant, limit: float) -> tuple[str, str]:
    """Run a fault's test: ``passed``, ``caught`` if an assertion failed, ``slow`` or ``broken``; and pytest's output."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        shutil.copytree(source, directory, dirs_exist_ok=True)
        (directory / HARDWARE / mutant.file).write_text(faulty(mutant, source / HARDWARE), encoding="utf-8")
        return tested(directory, [mutant.tests], limit)


def tested(directory: Path, tests: Sequence[str], limit: float | None) -> tuple[str, str]:
    """Run tests in a copy of the project, for at most ``limit`` seconds; the report is left there."""
    # The golden model need not be compiled for machines this small.
    environment = os.environ | {"PYTHONPATH": str(directory), "NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    report = directory / "report.xml"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *tests]
    try:
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return "slow", f"no end after {limit:.0f} s"
    if done.returncode == 0:
        return "passed", done.stdout
    failures = ElementTree.parse(report).iter("failure") if done.returncode == 1 and report.is_file() else ()
    asserted = any(failure.get("message", "").startswith(("assert ", "AssertionError")) for failure in failures)
    return "caught" if asserted else "broken", done.stdout + done.stderr


def limits(report: Path, seconds: float, tests: Sequence[str]) -> dict[str, float]:
    """How long each selection of tests may take, from the report of a fault-free run of all and its seconds."""
    cases = [
        (f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}", float(case.get("time", 0)))
        for case in ElementTree.parse(report).iter("testcase")
    ]
    start = seconds - sum(took for _, took in cases)
    return {
        selection: PATIENCE * (start + sum(took for name, took in cases if name.startswith(selection)))
        for selection in tests
    }


def copy_room(room: str, target: Path) -> None:
    """Copy a folder of the project."""
    shutil.copytree(ROOT / room, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def try_all(source: Path, mutants: Sequence[Mutant]) -> int:
    """Try these on a copy of the project; 0 if all are caught."""
    for mutant in MUTANTS:
        faulty(mutant, source / HARDWARE)
    tests = sorted({mutant.tests for mutant in mutants})
    begin = time.monotonic()
    verdict, output = tested(source, tests, None)
    seconds = time.monotonic() - begin
    print(f"{verdict:8}no fault, {seconds:.0f} s", flush=True)
    if verdict != "passed":
        print(output)
        return 1
    allowed = limits(source / "report.xml", seconds, tests)

    survivors = []

    def judge(mutant: Mutant, verdict: str, output: str) -> None:
        print(f"{verdict:8}{mutant.name}", flush=True)
        if verdict != "caught":
            survivors.append(mutant)
            print(output)

    slow = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda mutant: outcome(source, mutant, allowed[mutant.tests]), mutants)
        for mutant, (verdict, output) in zip(mutants, results, strict=True):
            if verdict == "slow":
                slow.append(mutant)
            else:
                judge(mutant, verdict, output)
    for mutant in slow:
        judge(mutant, *outcome(source, mutant, AGAIN * allowed[mutant.tests]))
    for mutant in survivors:
        print(f"survived: {mutant.name} (hw/{mutant.file}, {mutant.tests})")
    print(f"mutants: {len(mutants)} of {len(MUTANTS)} planted, {len(mutants) - len(survivors)} caught")
    return 1 if survivors else 0


def main() -> int:
    """Try all, or those that are chosen; 0 if all are caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--draw", type=int, metavar="N", help="only those of changed files, and N of the others")
    wanted = parser.parse_args().draw
    mutants = MUTANTS if wanted is None else chosen(MUTANTS, wanted, ROOT)
    # A copy, so that the project may be worked on meanwhile.
    with tempfile.TemporaryDirectory() as name:
        source = Path(name)
        # As the installed package lies, so that nothing of the project's own is imported.
        for room in ("ohmprop", "model", "analog", "hw", "sim"):
            copy_room(room, source / "ohmprop" / ("" if room == "ohmprop" else room))
        copy_room("tests", source / "tests")
        shutil.copy(ROOT / "pyproject.toml", source)
        return try_all(source, mutants)


if __name__ == "__main__":
    sys.exit(main())
