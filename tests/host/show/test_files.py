"""Before the work it is seen whether what is to be written can be, and has room."""

import errno
import io

import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.show import files
from ohmprop.model.errors import UserError


class Small(io.BytesIO):
    """A file on a disk with so much room."""

    room = 1 << 14

    def write(self, data):
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_disk_without_room_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "TemporaryFile", lambda dir: Small())
    with pytest.raises(UserError, match="No space left on device"):
        files.check_writable(tmp_path / "w.json")
    files.check_writable(tmp_path / "w.json", room=Small.room)
    result = CliRunner().invoke(
        main, ["train", "--board", "golden", "--epochs", "1", "--save", str(tmp_path / "w.npz")]
    )
    assert result.exit_code == 2 and "No space left" in result.stderr and not (tmp_path / "w.npz").exists()


def test_weights_need_room_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "TemporaryFile", lambda dir: Small())
    monkeypatch.setattr(Small, "room", files.ROOM + 1000)
    for machine, code in (("glyphs-100", 2), ("machine.layers = [9]\n", 0)):
        if code == 0:
            (tmp_path / "m.toml").write_text(machine, encoding="utf-8")
            machine = str(tmp_path / "m.toml")
            (tmp_path / "p.txt").write_text("010101010\n", encoding="utf-8")
        patterns = ("--patterns", str(tmp_path / "p.txt")) if code == 0 else ()
        words = (
            "--board",
            "golden",
            "--epochs",
            "1",
            "--checkpoint",
            str(tmp_path / "c.npz"),
            "--machine",
            machine,
            *patterns,
        )
        assert CliRunner().invoke(main, ["train", *words]).exit_code == code
