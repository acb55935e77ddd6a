"""Work on a Dask cluster: the same files in every byte as by one process, whoever is killed; and what is refused."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import jobs, pools
from ohmprop.host.experiments.jobs import side_by_side
from ohmprop.host.experiments.pools import Cluster, computer, fingerprint
from ohmprop.model.errors import MachineError, UserError

pytestmark = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="Dask is not installed")
STUDY = ("study", "--vary", "stuck=0,0.1", "--set", "rate=6", "--seeds", 5, "--quick")
#: Seconds that anything here may take.
PATIENCE = 120


def started(*arguments):
    command = [sys.executable, "-m", *map(str, arguments)]
    # A task whose worker dies is given up at once, so that two workers do for what takes four by default.
    environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, **quiet)


def until(condition):
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happens"
        time.sleep(0.02)
    return found


@contextmanager
def cluster(folder, workers=2):
    """A scheduler and its workers, each a process; yields the address and the workers."""
    file = folder / "scheduler.json"
    quiet = ("--scheduler-file", file, "--no-dashboard")
    processes = [started("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", 0, *quiet)]
    try:
        until(lambda: file.exists() and file.read_text().endswith("}"))
        for number in range(workers):
            options = ("--no-nanny", "--nthreads", 1, "--local-directory", folder / str(number))
            processes.append(started("distributed.cli.dask_worker", "--host", "127.0.0.1", *quiet, *options))
        yield json.loads(file.read_text())["address"], processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_study_whose_worker_and_host_are_killed_comes_to_the_same_files(tmp_path):
    local, shared = tmp_path / "local", tmp_path / "shared"
    subprocess.run(
        [sys.executable, "-m", "ohmprop", *map(str, STUDY), "--workers", "1", "--out", local],
        check=True,
        capture_output=True,
    )
    with cluster(tmp_path) as (address, workers):
        host = started("ohmprop", *STUDY, "--cluster", address, "--out", shared)

        def done():
            return len(list((shared / "cells").glob("*.json"))) if shared.exists() else 0

        until(lambda: done() >= 1)
        workers[0].send_signal(signal.SIGKILL)
        reached = done()
        until(lambda: done() > reached + 1)
        host.send_signal(signal.SIGKILL)
        assert host.wait() == -signal.SIGKILL
        assert done() < len(list((local / "cells").glob("*.json")))
        found = subprocess.run(
            [sys.executable, "-m", "ohmprop", *map(str, STUDY), "--cluster", address, "--out", shared],
            capture_output=True,
            text=True,
        )
        assert found.returncode == 0, found.stderr
        assert workers[1].poll() is None
    assert files(shared) == files(local)
    cell = json.loads(next((local / "cells").glob("*.json")).read_text())
    assert cell["computed_on"] == computer()


def test_an_error_of_the_work_and_a_module_that_workers_have_not(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def work(number):\n    return number\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import only_here

    with cluster(tmp_path, workers=1) as (address, _):
        with pytest.raises(UserError, match=r"cannot do this work .*install ohmprop"):
            list(side_by_side(only_here.work, [1], Cluster(address)))
        with pytest.raises(ZeroDivisionError):
            list(side_by_side(partial(divmod, 1), [0], Cluster(address)))


def test_ctrl_c_on_a_cluster_keeps_what_is_done(tmp_path):
    with cluster(tmp_path, workers=1) as (address, _):
        found = []
        for item in side_by_side(partial(pow, 2), range(50), Cluster(address), lambda: len(found) >= 1):
            found.append(item)
    assert 1 <= len(found) < 50
    assert all(power == 2**number for number, power in found)


def square(number):
    return number * number


def test_work_that_ends_each_worker_ends_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "TRIES", 2)
    with cluster(tmp_path) as (address, workers):
        with pytest.raises(MachineError, match=r"2 times in a row; look into what the workers print.*\.$"):
            list(side_by_side(os._exit, [1], Cluster(address)))
        assert all(worker.wait() for worker in workers)


def test_workers_that_come_later_and_those_of_another_version(tmp_path, monkeypatch):
    with cluster(tmp_path, workers=1) as (address, _):
        pool = Cluster(address)
        assert sorted(side_by_side(partial(pow, 2), [1, 2, 3], pool)) == [(1, 2), (2, 4), (3, 8)]
        monkeypatch.setattr(pools, "fingerprint", lambda: "ohmprop 9.9 (sources 00000000)")
        with pytest.raises(
            UserError, match=rf"A worker on .* has {fingerprint()[:7]}.*, and this computer ohmprop 9.9"
        ):
            list(side_by_side(partial(pow, 2), [1], pool))


def test_a_cluster_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pools, "ANSWER_SECONDS", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "no address"):
        result = CliRunner().invoke(main, list(map(str, (*STUDY, "--cluster", address, "--out", "s"))))
        assert result.exit_code == 2
        assert f"There is no Dask scheduler at {address}" in result.output
        assert "Traceback" not in result.output
    result = CliRunner().invoke(main, list(map(str, (*STUDY, "--cluster", "tcp://x:1", "--workers", "2"))))
    assert result.exit_code == 2
    assert "leave them out with --cluster" in result.output


def test_dask_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"--cluster needs Dask.*ohmprop\[cluster\]"):
        list(side_by_side(square, [1], Cluster("tcp://127.0.0.1:1")))


def test_the_version_follows_from_the_sources():
    assert fingerprint().startswith("ohmprop 0.")
    assert all((Path(pools.__file__).parents[2] / room).is_dir() for room in pools.ROOMS)
    assert computer()["cpu"]
