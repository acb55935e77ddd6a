import os
from contextlib import closing

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
    return False


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
