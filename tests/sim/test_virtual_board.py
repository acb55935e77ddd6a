import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ohmprop.host.link.board import Board
from ohmprop.host.link.port import open_port
from ohmprop.model.errors import UserError
from ohmprop.sim.verilator import find_compiler
from ohmprop.sim.virtual_board import VirtualBoard
from tests.kit.specs import SPECS

SPEC = SPECS["lanes_do_not_divide"]


def frames_seen_by_a_new_host(board: VirtualBoard) -> int:
    """Connect as a host, which reads the ID block first, and ask for the number of frames the board has received."""
    with closing(open_port(board.port, SPEC.baud)) as port:
        return Board(port, SPEC).read_counters().frames


def ended(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    # Nobody may have asked yet how a process ended whose parent was killed.
    state = Path(f"/proc/{process_id}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("listen", [None, "127.0.0.1:0"])
def test_hosts_come_and_go_and_the_board_stays(listen):
    with VirtualBoard(SPEC, listen=listen) as board:
        process_id = board.process_id
        first = frames_seen_by_a_new_host(board)
        assert [frames_seen_by_a_new_host(board) for _ in range(3)] == [first * count for count in (2, 3, 4)]
    assert ended(process_id)


@pytest.mark.parametrize("baud_error", [-0.02, 0.02])
def test_a_baud_rate_two_percent_off_is_received(baud_error):
    with VirtualBoard(SPEC, baud_error=baud_error) as board:
        assert frames_seen_by_a_new_host(board) > 0


@pytest.mark.parametrize("listen", ["4000", ":4000", "127.0.0.1:", "127.0.0.1:70000", "192.0.2.1:4000"])
def test_an_address_that_is_none_is_refused_in_a_sentence(listen):
    with pytest.raises(UserError, match=r"listen on.*\.$"), VirtualBoard(SPEC, listen=listen):
        pass


def test_without_ptys_it_listens_on_the_loopback_only(monkeypatch):
    monkeypatch.delattr(os, "openpty")
    with VirtualBoard(SPEC) as board:
        assert board.port.startswith("socket://127.0.0.1:")
        assert frames_seen_by_a_new_host(board) > 0


def test_no_compiler_is_said_with_the_remedy(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="sudo apt install g"):
        find_compiler()


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path, request):
    """`ohmprop sim`, and the number of its board's process."""
    (tmp_path / "m.toml").write_text(SPEC.to_toml(), encoding="utf-8")
    words = [sys.executable, "-m", "ohmprop", "sim", "--machine", str(tmp_path / "m.toml"), *request.param]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
        try:
            assert "The virtual board is at" in command.stdout.readline()
            children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
            if not children.exists():
                pytest.skip("this system does not say which processes a process has")
            yield command, int(children.read_text().split()[0])
        finally:
            command.kill()


WAYS = pytest.mark.parametrize("served", [(), ("--listen", "127.0.0.1:0")], indirect=True, ids=["pty", "socket"])


@WAYS
def test_the_command_ends_when_its_board_does(served):
    command, board = served
    os.kill(board, signal.SIGKILL)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 1 and "was ended from outside" in said and said.count("\n") == 1


@WAYS
def test_the_board_ends_when_its_command_does(served):
    command, board = served
    command.kill()
    command.wait()
    end = time.monotonic() + 60
    while not ended(board) and time.monotonic() < end:
        threading.Event().wait(0.02)
    assert ended(board)
