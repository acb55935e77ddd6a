"""Builds the wheel, installs it in a fresh environment and uses it beside files that bear its rooms' names.

``python -m scripts.wheel_check``; `.ci/run` runs it. It fails if a source file or a file of data is missing in the wheel,
if anything but ``ohmprop`` comes into site-packages, or if a user's own ``model.py`` or ``host/`` is in its way.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from scripts.imports import ROOMS, ROOT

#: What a user's folder may hold.
FOREIGN = ("model.py", "sim.py", "hw.py", "boards.py", "host/__init__.py", "host/link.py")
PROGRAM = """
import sys
from ohmprop import Board, open_board
with open_board("golden") as board:
    assert isinstance(board, Board)
print("a board of", board.spec.neurons, "neurons")
"""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command; what it prints, or the end of everything if it fails."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"wheel: {' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def missing(wheel: Path) -> list[str]:
    """What is wrong with the wheel's list of files."""
    packed = set(zipfile.ZipFile(wheel).namelist())
    tracked = run("git", "ls-files", "ohmprop", *ROOMS).split()
    wanted = {path if path.startswith("ohmprop/") else f"ohmprop/{path}" for path in tracked}
    said = [f"{path} is not in the wheel" for path in sorted(wanted - packed)]
    tops = {name.split("/")[0] for name in packed}
    return said + [
        f"{top} would come into site-packages"
        for top in sorted(tops)
        if top != "ohmprop" and not (top.startswith("ohmprop-") and top.endswith(".dist-info"))
    ]


def main() -> int:
    """Say what is wrong; 1 if anything is."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check")
    with tempfile.TemporaryDirectory(prefix="ohmprop-wheel-") as name:
        folder = Path(name)
        # From a copy, since setuptools would pack what an earlier build left beside the sources.
        for path in run("git", "ls-files").splitlines():
            (folder / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / "copy" / path)
        run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, folder / "copy")
        (wheel,) = folder.glob("*.whl")
        wrong = missing(wheel)
        run(sys.executable, "-m", "venv", "--without-pip", folder / "environment")
        python = folder / "environment" / "bin" / "python"
        run(*pip, "--python", python, "install", "--no-compile", wheel)
        for foreign in FOREIGN:
            file = folder / "user" / foreign
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("raise SystemExit('the wrong module was imported')\n")
        print("wheel:", run(python, "-c", PROGRAM, cwd=folder / "user").strip())
        for command in ((python, "-m", "ohmprop"), (python.with_name("ohmprop"),)):
            if "Usage: ohmprop" not in run(*command, "--help", cwd=folder / "user"):
                wrong.append(f"{command[0]} --help does not print its usage")
    print("\n".join(f"wheel: {sentence}" for sentence in wrong) or f"wheel: {wheel.name} is whole")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
