import errno
import os
import re
from contextlib import closing

import pytest
import serial

from ohmprop.host.link import port
from ohmprop.host.link.exchange import Link
from ohmprop.host.link.port import GoldenPort, held_back, open_port
from ohmprop.host.run import run
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.spec import MachineSpec


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_a_pseudo_terminal_opens_where_the_system_refuses_its_rate(monkeypatch):
    """As on a Mac, where only standard rates are set on a pseudo-terminal."""
    from serial import serialposix

    def refuse(*_):
        raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

    monkeypatch.setattr(serialposix.Serial, "BAUDRATE_CONSTANTS", {9600: 13, 115200: 4098})
    monkeypatch.setattr(serialposix.Serial, "_set_special_baudrate", refuse)
    board, host = os.openpty()
    try:
        with closing(open_port(os.ttyname(host), 1_234_567)) as port:
            port.write(b"out")
            assert os.read(board, 3) == b"out"
        # A serial port that runs at another rate than it was asked to would be read wrongly.
        monkeypatch.setattr("ohmprop.host.link.port.PTY", re.compile("nothing"))
        with pytest.raises(UserError, match="does not open as a serial port"):
            open_port(os.ttyname(host), 1_234_567)
    finally:
        os.close(board)
        os.close(host)


REASONS = {
    "socket://127.0.0.1:1": "nothing listens there",
    "socket://no-such-host.invalid:5000": "there is no such host",
    "foo://x": "no such kind of port",
    "/": "it is a folder",
    "/dev/null": "it is no port",
}


@pytest.mark.parametrize("url", REASONS)
def test_why_a_port_does_not_open(url):
    with pytest.raises(UserError) as caught:
        open_port(url, 115_200)
    said = str(caught.value)
    assert said.startswith(url) and REASONS[url] in said
    # Nothing of the library's own words, or of an error's arguments.
    for foreign in ("[Errno", "could not open", "Could not", "invalid URL", "(25,"):
        assert foreign not in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EIO, "Input/output error"), "cable was pulled, or the board lost its power"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "the other end hung up"),
        (serial.SerialTimeoutException("Write timeout"), "takes no more data"),
        (serial.SerialException("device reports readiness to read but returned no data"), "cable was pulled"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    ],
)
def test_why_a_link_broke(error, said):
    class Broken(GoldenPort):
        port = "/dev/ttyUSB3"

        def write(self, data, /):
            raise error

    with pytest.raises(MachineError) as caught:
        Link(Broken(GoldenBoard(MachineSpec(layers=(9,)))), 1.0)
    assert "on /dev/ttyUSB3 broke (" in str(caught.value) and said in str(caught.value)
    assert "readiness" not in str(caught.value) and "Write timeout" not in str(caught.value)


class Opened:
    """A port that notes whether low latency was asked for; ``refusal`` is what it says to that."""

    def __init__(self, refusal=None):
        self.asked, self.refusal = [], refusal

    def set_low_latency_mode(self, low):
        self.asked.append(low)
        if self.refusal:
            raise self.refusal


@pytest.mark.parametrize("refusal", [None, ValueError("no"), OSError(errno.ENOTTY, "no"), NotImplementedError()])
def test_low_latency_is_asked_for_and_may_be_refused(refusal, monkeypatch):
    opened = Opened(refusal)
    monkeypatch.setattr(serial, "serial_for_url", lambda url, baud, **options: opened)
    assert open_port("/dev/ttyUSB0", 115_200) is opened
    assert opened.asked == [True]


def test_a_cable_that_holds_replies_back_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(port, "TIMERS", tmp_path)
    assert held_back("/dev/ttyUSB7") == ""
    timer = tmp_path / "ttyUSB7" / "latency_timer"
    timer.parent.mkdir()
    timer.write_text("16\n")
    assert held_back("/dev/ttyUSB7").endswith(f"that with `echo 1 | sudo tee {timer}`.")
    assert "up to 16 ms" in held_back("/dev/ttyUSB7")
    for short in ("1\n", "no number"):
        timer.write_text(short)
        assert held_back("/dev/ttyUSB7") == ""


@pytest.mark.parametrize("layers", [(4,), (4, 3, 2)], ids=["recurrent", "layered"])
def test_a_run_says_once_that_replies_are_held_back(layers, monkeypatch, capsys):
    monkeypatch.setattr(run, "held_back", lambda url: f"Replies of {url} are held back from {layers}.")
    start = run.fresh(MachineSpec(layers=layers, lanes=2), 1)
    for _ in range(2):
        with run.learning("golden", start):
            pass
    assert capsys.readouterr().err.splitlines() == [f"Replies of golden are held back from {layers}."]
