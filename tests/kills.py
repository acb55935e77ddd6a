"""Kills a training run at random moments and resumes it: ``python -m tests.kills``.

Each of the runs is killed (SIGKILL) once at least, and resumed and killed again until it ends by itself; all must end with
the weights, the random register and the counters of a run that nobody has killed, and the file must be whole after every kill.
"""

import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.run.checkpoint import Checkpoint
from ohmprop.model.spec import MachineSpec

GLYPHS = MachineSpec(layers=(25,), lanes=8)
DIGITS = MachineSpec(layers=(64, 6, 10), lanes=8)
STORING = replace(DIGITS, sparse=True, store=1 << 17)
#: An associative memory and a classifier, of linear cells and of devices, and one whose images are kept on the board.
KINDS = ("patterns", "data", "patterns-pulsed", "data-pulsed", "data-stored")


def command(kind: str, folder: Path, file: Path) -> list[str]:
    """A new run, or the one in the file if there is one; so short a one may end with outputs that are dead."""
    what, _, how = kind.partition("-")
    going = ["--keep-going"] if what == "data" else []
    going += ["--stored"] if how == "stored" else []
    if file.exists():
        return ["train", "--board", "golden", "--resume", str(file), "--every", "7", *going]
    new = {
        "patterns": ["--machine", str(folder / "glyphs.toml"), "--patterns", str(folder / "p.npy"), "--epochs", "40"],
        "data": [
            "--machine",
            str(folder / ("storing.toml" if how == "stored" else "digits.toml")),
            "--data",
            "digits",
            "--per-class",
            "4",
            "--epochs",
            "5",
        ],
    }
    device = ["--device", "epiram", "--scheme", "pair", "--pulses", "3"] if how == "pulsed" else []
    return ["train", "--board", "golden", "--checkpoint", str(file), "--every", "7", *new[what], *device, *going]


def start(arguments: list[str]) -> int:
    """Run the command in a copy of this process, in which all is imported and compiled already; its process id."""
    if child := os.fork():
        return child
    code = 1
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            code = CliRunner().invoke(main, arguments).exit_code
    finally:
        os._exit(code)


def same(first: Checkpoint, second: Checkpoint) -> bool:
    """Whether two files hold the same."""
    names = ("spec", "lfsr", "learnt", "seed", "counters", "run")
    packed = [file.memristors and file.memristors.pack(file.spec) for file in (first, second)]
    return (
        all(map(np.array_equal, first.weights, second.weights))
        and packed[0] == packed[1]
        and all(getattr(first, name) == getattr(second, name) for name in names)
    )


def killed_run(kind: str, folder: Path, seconds: float, rng: random.Random) -> tuple[int, bool]:
    """Kills a run until it ends between two of them; how many there were, and whether the end is the right one."""
    file, whole = folder / f"{kind}-killed.npz", Checkpoint.load(folder / f"{kind}-whole.npz")
    file.unlink(missing_ok=True)
    kills = 0
    while True:
        child = start(command(kind, folder, file))
        time.sleep(rng.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if file.exists():
            Checkpoint.load(file)
        if os.WIFSIGNALED(status):
            kills += 1
        elif kills:
            break
        else:
            file.unlink()
    return kills, same(Checkpoint.load(file), whole) and os.WEXITSTATUS(status) == 0


@click.command()
@click.option("--runs", default=200, show_default=True, help="How many, as many of each kind.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), default=KINDS, help="Only of these kinds.")
@click.option("--seed", default=1, show_default=True)
def run(runs: int, kinds: tuple[str, ...], seed: int) -> None:
    """Kill training runs at random moments; exits with 1 unless all of them end as the one that nobody killed."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "glyphs.toml").write_text(GLYPHS.to_toml(), encoding="utf-8")
        (folder / "digits.toml").write_text(DIGITS.to_toml(), encoding="utf-8")
        (folder / "storing.toml").write_text(STORING.to_toml(), encoding="utf-8")
        np.save(folder / "p.npy", np.random.default_rng(seed).random((5, GLYPHS.neurons)) < 0.5)
        kills = right = 0
        for index, kind in enumerate(kinds):
            # Once to compile, once to take the time.
            for _ in range(2):
                (folder / f"{kind}-whole.npz").unlink(missing_ok=True)
                begin = time.monotonic()
                CliRunner().invoke(main, command(kind, folder, folder / f"{kind}-whole.npz"), catch_exceptions=False)
                seconds = time.monotonic() - begin
            for _ in range(index, runs, len(kinds)):
                count, equal = killed_run(kind, folder, seconds, rng)
                kills, right = kills + count, right + equal
    click.echo(f"kills: {kills}, runs resumed to their end: {runs}, equal to the run without a kill: {right}")
    sys.exit(right != runs)


if __name__ == "__main__":
    run()
