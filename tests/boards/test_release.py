"""A release: what was built and reported, and nothing else."""

import json
import shutil

import pytest
from click.testing import CliRunner

from ohmprop.boards.description import board
from ohmprop.boards.release import SUMS, collect, released
from ohmprop.host.cli.main import main
from ohmprop.model.errors import UserError
from tests.kit.paths import ROOT

NAME = "icebreaker-glyphs-100"


@pytest.fixture
def release(tmp_path):
    """A release of one build, made of a committed report; builds, reports and release in a folder."""
    (tmp_path / "reports").mkdir()
    report = tmp_path / "reports" / f"{NAME}.json"
    shutil.copy(ROOT / "docs" / "boards" / report.name, report)
    build = tmp_path / "builds" / NAME
    build.mkdir(parents=True)
    made = json.loads(report.read_text(encoding="utf-8")) | {"seconds": {"yosys": 1}, "tools": {}}
    (build / "report.json").write_text(json.dumps(made), encoding="utf-8")
    (build / "glyphs-100.toml").write_text("[machine]\n", encoding="utf-8")
    (build / "top.bin").write_bytes(b"bits")
    return tmp_path


def test_a_release_has_bitstreams_machines_reports_and_their_sums(release):
    folder = release / "release folder"
    names = collect((release / "reports").glob("*.json"), release / "builds", folder)
    assert sorted(names) == [f"{NAME}.bin", f"{NAME}.json", f"{NAME}.toml"]
    assert {file.name for file in folder.iterdir()} == {*names, SUMS}
    bitstream = released(board("icebreaker"), "glyphs-100", folder)
    assert bitstream == folder / f"{NAME}.bin" and bitstream.read_bytes() == b"bits"
    with pytest.raises(UserError, match=f"no mnist-784-128-10 for icebreaker; it has {NAME}"):
        released(board("icebreaker"), "mnist-784-128-10", folder)
    bitstream.write_bytes(b"other bits")
    with pytest.raises(UserError, match="is not the file that was released, by its checksum"):
        released(board("icebreaker"), "glyphs-100", folder)
    (folder / SUMS).write_bytes(b"\xff\xfe junk \n and more")
    with pytest.raises(UserError):
        released(board("icebreaker"), "glyphs-100", folder)


def test_only_what_was_reported_is_released(release):
    made = release / "builds" / NAME / "report.json"
    report = json.loads(made.read_text(encoding="utf-8"))
    for changed in (report | {"fmax_mhz": 1.0}, None):
        made.write_text(json.dumps(changed), encoding="utf-8") if changed else made.unlink()
        with pytest.raises(UserError, match=r"no build of icebreaker-glyphs-100.json .* run `make boards` first"):
            collect((release / "reports").glob("*.json"), release / "builds", release / "out")


def test_a_board_is_programmed_from_a_release(release, monkeypatch):
    folder, loaded = release / "out", []
    collect((release / "reports").glob("*.json"), release / "builds", folder)
    monkeypatch.setattr(
        "ohmprop.boards.program.program", lambda board, bitstream: loaded.append((board.name, bitstream))
    )
    command = ["board", "program", "icebreaker", "--machine", "glyphs-100", "--release", str(folder)]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert loaded == [("icebreaker", folder / f"{NAME}.bin")]
    missing = CliRunner().invoke(main, [*command[:-1], str(release / "nowhere")])
    assert missing.exit_code == 2 and "give the folder of one" in missing.stderr
    both = CliRunner().invoke(main, [*command, "--out", "x"])
    assert both.exit_code == 2 and "--release does not go with --out" in both.stderr
