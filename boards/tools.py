"""The vendor-independent tools that make a bitstream: those on the PATH, else YoWASP's from Python packages."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ohmprop.model.errors import MachineError, UserError

#: Versions below which a tool does not know what it is asked for here.
OLDEST = {"yosys": (0, 40)}


@dataclass(frozen=True)
class Tool:
    """A tool, as found on this computer.

    Members
    -------
    name : its name.
    command : the words that call it.
    """

    name: str
    command: str

    def version(self) -> str:
        """The first line that says its version; of a bitstream packer, which has none, its name."""
        if self.name.endswith("pack"):
            return Path(self.command).name
        run = subprocess.run([self.command, "--version"], capture_output=True, text=True, check=False)
        lines = (run.stdout + run.stderr).strip().splitlines()
        return f"{Path(self.command).name}: {lines[0].strip('. ')}" if lines else Path(self.command).name

    def run(self, arguments: Sequence[str], directory: Path, log: Path) -> float:
        """Run it; its output goes into ``log``. Returns its seconds; MachineError if it fails."""
        begin = time.monotonic()
        with log.open("w", encoding="utf-8") as output:
            code = subprocess.run(
                [self.command, *arguments], cwd=directory, stdout=output, stderr=subprocess.STDOUT, check=False
            ).returncode
        if code:
            said = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if "ERROR" in line]
            reason = said[-1].replace("ERROR:", "").strip().rstrip(".") if said else f"exit code {code}"
            raise MachineError(f"{self.name} failed ({reason}); its log is {log}.")
        return time.monotonic() - begin


def find_tool(name: str, extra: str = "boards") -> Tool:
    """The tool on the PATH if it is not too old, else YoWASP's; UserError, which names the ``extra``, if there is neither."""
    beside = Path(sys.executable).parent
    for candidate in (name, f"yowasp-{name}"):
        found = shutil.which(candidate) or shutil.which(candidate, path=str(beside))
        if found and not _too_old(tool := Tool(name, found)):
            return tool
    raise UserError(
        f"There is no {name}, which building a board needs; install it with `pip install 'ohmprop[{extra}]'`."
    )


def _too_old(tool: Tool) -> bool:
    """Whether the tool says a version below the oldest that is known to do."""
    if tool.name not in OLDEST:
        return False
    said = re.search(r"(\d+)\.(\d+)", tool.version().partition(":")[2])
    return said is not None and tuple(map(int, said.groups())) < OLDEST[tool.name]
