"""Standard output that takes no more: the command goes on, its files are whole, and one sentence says what was lost."""

import json
import os
import subprocess
import sys

import pytest


def run(tmp_path, stdout, *arguments):
    """The command as a process, with its standard output there; its exit code and what it says on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "ohmprop", *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    return done.returncode, done.stderr


def closed_pipe():
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize("full", [closed_pipe, lambda: os.open("/dev/full", os.O_WRONLY)], ids=["closed", "full"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "--board", "golden"),
        ("train", "--board", "golden", "--epochs", "1"),
        ("train", "--board", "golden", "--data", "digits", "--machine", "digits-64-32-10", "--epochs", "2"),
        ("device", "list"),
    ],
    ids=["info", "train", "train --data", "device list"],
)
def test_files_are_written_and_one_sentence_says_what_was_lost(full, arguments, tmp_path):
    stdout = full()
    code, said = run(tmp_path, stdout, *arguments, "--json", "figures.json")
    os.close(stdout)
    assert code == 1
    assert said.count("\n") == 1 and said.startswith("Not all could be printed") and "Traceback" not in said
    assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))


def test_help_into_a_closed_pipe(tmp_path):
    stdout = closed_pipe()
    code, said = run(tmp_path, stdout, "--help")
    os.close(stdout)
    assert (code, said.count("\n")) == (1, 1)


def test_a_process_without_standard_output(tmp_path):
    command = f"{sys.executable} -m ohmprop info --board golden --json figures.json >&-"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "figures.json").exists()
