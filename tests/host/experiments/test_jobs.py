"""Work of several processes: what a killed one was at is done again, and a work that kills each process ends in a sentence."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from ohmprop.host.experiments import jobs
from ohmprop.host.experiments.jobs import side_by_side
from ohmprop.host.experiments.pools import Processes
from ohmprop.model.errors import MachineError


def killed_once(item):
    """Ends its process without a word at the first call for this item, and answers at the second."""
    number, folder = item
    mark = Path(folder) / str(number)
    if number % 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def always_killed(item):
    os.kill(os.getpid(), signal.SIGKILL)


def refused(item):
    raise MachineError("This is refused.")


def test_what_a_killed_process_was_at_is_done_again(tmp_path):
    items = [(number, str(tmp_path)) for number in range(4)]
    with closing(side_by_side(killed_once, items, Processes(2))) as done:
        assert sorted((number, square) for (number, _), square in done) == [(n, n * n) for n in range(4)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]


def test_tries_are_limited(monkeypatch):
    monkeypatch.setattr(jobs, "TRIES", 2)
    with pytest.raises(MachineError, match=r"2 times in a row.*--workers.*\.$"):
        list(side_by_side(always_killed, [1], Processes(1)))


def test_a_failure_of_the_work_is_no_loss_of_a_process():
    with pytest.raises(MachineError, match="This is refused"):
        list(side_by_side(refused, [1, 2], Processes(2)))
