import errno
import os
import re
from contextlib import closing

import pytest

from ohmprop.host.link.port import open_port
from ohmprop.model.errors import UserError


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
