import errno
import os
import re
from contextlib import closing

import pytest
import serial

from ohmprop.host.link.exchange import Link
from ohmprop.host.link.port import GoldenPort, open_port
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
