"""The cache of compiled designs: when it is left alone, two processes at once, paths with spaces, builds that fail."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from ohmprop.model.errors import MachineError
from ohmprop.model.spec import Settings
from ohmprop.sim import virtual_board
from ohmprop.sim.cache import cache_directory, publishing
from ohmprop.sim.verilator import find_tools
from ohmprop.sim.virtual_board import program_path
from tests.kit.paths import ROOT
from tests.kit.specs import SPECS

SPEC = SPECS["lanes_do_not_divide"]
#: Stands for a C++ compiler: what it makes is a word. Where $MEETING is set it ends compiling a file of the run-time
#: library only when the other process compiles the same one.
COMPILER = """#!/bin/sh
case "$*" in *--version*) echo a compiler of a test; exit;; esac
[ -z "$BROKEN" ] || { echo "first line"; echo "error: nothing works" >&2; exit 1; }
while [ $# -gt 0 ]; do
    case "$1" in -o) made=$2; shift;; */verilated*.cpp) source=$(basename "$1");; esac
    shift
done
if [ -n "$MEETING" ] && [ -n "$source" ]; then
    : > "$MEETING/$ME-$source"
    until [ -e "$MEETING/$OTHER-$source" ]; do :; done
fi
echo made > "$made"
"""
DESIGN = "module top(input clk, output reg q); always @(posedge clk) q <= ~q; endmodule\n"
BUILD = """
import sys
from pathlib import Path
from ohmprop.sim.virtual_board import MAIN, compile_into_cache
from ohmprop.sim.cache import cache_directory
compile_into_cache(sys.argv[1], MAIN, cache_directory() / "board")
"""


def copy_of_rooms(folder):
    """What the compiled machine is made from, in a folder of its own."""
    for room in ("hw", "model", "sim"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_a_changed_machine_or_source_is_compiled_again(monkeypatch, tmp_path):
    monkeypatch.setenv("OHMPROP_CACHE", str(tmp_path / "cache"))
    rooms = copy_of_rooms(tmp_path / "rooms")
    paths = [program_path(SPEC), program_path(replace(SPEC, lanes=2)), program_path(replace(SPEC, settings=Settings()))]
    monkeypatch.setattr(virtual_board, "ROOMS", rooms)
    assert program_path(SPEC) == paths[0], "where the sources lie is no part of the key"
    deeper = rooms / "hw" / "units" / "deeper"
    deeper.mkdir()
    (deeper / "__init__.py").write_text("")
    paths.append(program_path(SPEC))
    for changed in (
        rooms / "hw" / "top.py",
        rooms / "hw" / "units" / "neuron.py",
        deeper / "__init__.py",
        rooms / "model" / "formats.py",
        rooms / "model" / "spec" / "machine.py",
        rooms / "sim" / "virtual_board.py",
        rooms / "sim" / "board.cpp",
    ):
        changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        paths.append(program_path(SPEC))
    (rooms / "hw" / "units" / "neuron.py").rename(deeper / "neuron.py")
    paths.append(program_path(SPEC))
    assert len(set(paths)) == len(paths)


def test_what_two_make_at_once_is_whole_and_stays(tmp_path):
    for kind in ("folder", "file"):
        target = tmp_path / kind
        with publishing(target) as first, publishing(target) as second:
            for made in (first, second):
                assert not target.exists() and made.name == kind
                if kind == "folder":
                    made.mkdir()
                (made / "content" if kind == "folder" else made).write_text("whole")
        assert (target / "content" if kind == "folder" else target).read_text() == "whole"
        with pytest.raises(ZeroDivisionError), publishing(tmp_path / "never") as made:
            made.write_text(f"{1 / 0}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Everything that is written lies in folders with spaces; the compiler is the one above."""
    folder = tmp_path / "with a space"
    for name in ("temporary", "meeting", "cache"):
        (folder / name).mkdir(parents=True)
    (folder / "compiler").write_text(COMPILER)
    (folder / "compiler").chmod(0o755)
    return os.environ | {
        "CXX": f"'{folder / 'compiler'}'",
        "OHMPROP_CACHE": str(folder / "cache"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONPATH": str(ROOT),
    }


def start(environment):
    """A process that builds the design into the cache."""
    command = [sys.executable, "-c", BUILD, DESIGN]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_build_at_once_on_an_empty_cache_whose_path_has_a_space(environment, tmp_path):
    meeting = {"MEETING": str(tmp_path / "with a space" / "meeting")}
    both = [start(environment | meeting | {"ME": me, "OTHER": other}) for me, other in ("ab", "ba")]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    cache = tmp_path / "with a space" / "cache"
    assert (cache / "board").read_text() == "made\n"
    assert {re.sub("-.*", "", path.name) for path in cache.iterdir()} == {"board", "runtime"}, "nothing is left behind"


def test_the_log_of_a_failed_build_is_kept_and_its_end_shown(environment, monkeypatch):
    for name in ("CXX", "OHMPROP_CACHE", "TMPDIR"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.setenv("BROKEN", "yes")
    find_tools.cache_clear()
    try:
        with pytest.raises(MachineError, match=r"compiler failed while compiling .*; its log is .*:\n") as caught:
            virtual_board.compile_into_cache(DESIGN, virtual_board.MAIN, cache_directory() / "board")
    finally:
        find_tools.cache_clear()
    head, *shown = str(caught.value).splitlines()
    kept = re.search(r"its log is (.*\.log) and ends with:", head)
    assert kept and [line.strip() for line in shown] == ["first line", "error: nothing works"]
    with open(kept[1], encoding="utf-8") as log:
        assert log.read().splitlines() == ["first line", "error: nothing works"]
