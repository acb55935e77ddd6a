"""Boards: what fits, what is refused, and what a report says of what the tools said."""

import json
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import ohmprop.boards
from ohmprop.boards.build import _judge, planned
from ohmprop.boards.description import board, boards
from ohmprop.boards.estimate import estimate
from ohmprop.boards.families import ecp5, gowin, ice40
from ohmprop.boards.program import built as bitstream_of
from ohmprop.boards.program import program
from ohmprop.boards.report import SPARSE_BYTES, Built, between_patterns, learn_bytes, link, make_report, speed, table
from ohmprop.boards.tools import Tool, find_tool
from ohmprop.host.cli.main import main
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.link.frames import encode_frame
from ohmprop.model.link.handling import handling_clocks
from ohmprop.model.link.packing import input_bytes, target_bytes
from ohmprop.model.link.stored import numbered, numbers_in_frame
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SDRAM_BYTES
from tests.kit.paths import ROOT

MNIST = MachineSpec.load("mnist-784-128-10")
#: A report as nextpnr writes it, cut down.
PLACED = {
    "utilization": {
        name: {"used": used, "available": 9999}
        for name, used in [
            ("ICESTORM_LC", 4000),
            ("ICESTORM_DSP", 8),
            ("ICESTORM_RAM", 27),
            ("ICESTORM_SPRAM", 4),
        ]
    },
    "fmax": {"clk": {"achieved": 31.256, "constraint": 30.0}},
    "critical_paths": [
        {"from": "<async>", "to": "posedge clk", "path": [{"delay": 99.0, "net": "uart"}]},
        {
            "from": "posedge clk",
            "to": "posedge clk",
            "path": [
                {"delay": 1.4},
                {"delay": 2.0, "net": "top.neurons.leaked_SB_LUT4_I1_O[3]"},
                {"delay": 3.0, "net": "top.neurons.stepped"},
            ],
        },
    ],
}


def exit_code_and_message(*arguments):
    """Of the command line; the message is one sentence."""
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize("name", [found.name for found in boards()])
def test_a_boards_machines_fit_it(name):
    for machine in board(name).machines:
        spec = board(name).machine(MachineSpec.load(machine))
        assert (spec.lanes, spec.clock_hz, spec.serial) == (board(name).lanes, board(name).clock_hz, board(name).serial)


def test_the_list_names_all_boards():
    code, text = exit_code_and_message("board", "list")
    assert code == 0 and all(item.name in text for item in boards())


def test_what_does_not_fit_is_refused_with_what_would():
    large = MachineSpec.load("mnist-784-500-10")
    with pytest.raises(
        UserError, match=r"needs 400176 bytes of weight memory of 131072; the largest .* 784-\d+-10\.$"
    ) as caught:
        board("icebreaker").machine(large)
    units = int(str(caught.value).rsplit("-", 2)[1])
    chosen = board("icebreaker")
    chosen.machine(MachineSpec(layers=(784, units, 10)))
    with pytest.raises(UserError):
        chosen.machine(MachineSpec(layers=(784, units + 1, 10)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "nexys"], "There is no board 'nexys'; the boards are ecpix5, icebreaker"),
        (["build", "icebreaker", "--machine", "nothing.toml"], "cannot be read"),
        (["build", "icebreaker", "--estimate", "--machine", "mnist-784-500-10"], "does not fit icebreaker"),
        (["build", "icebreaker", "--estimate", "--lanes", "16"], "have 8 lanes"),
        (["build", "ulx3s", "--estimate", "--lanes", "64", "--machine", "glyphs-pulses-100"], "320 multipliers of 156"),
        (["program", "icebreaker", "--out", "empty"], "There is no bitstream in .*empty; run"),
        (["report", "icebreaker", "--out", "empty"], "The report .*No such file.*; run"),
    ],
)
def test_mistakes_are_one_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ohmprop", "board", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    message = capsys.readouterr().err
    assert stop.value.code == 2 and message.count("\n") == 1
    assert re.search(said, message), message


def test_a_missing_tool_is_told():
    with pytest.raises(
        UserError, match=r"There is no nextpnr-none, .* install it with `pip install 'ohmprop\[boards\]'`"
    ):
        find_tool("nextpnr-none")


def test_a_tool_that_is_too_old_is_passed_over(tmp_path, monkeypatch):
    for version in ("0.23", "0.40"):
        script = tmp_path / "yosys"
        script.write_text(f"#!/bin/sh\necho Yosys {version} of a test\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert (find_tool("yosys").command == str(script)) == (version == "0.40")


def test_a_tool_that_fails_names_its_log(tmp_path):
    failing = Tool("yosys", sys.executable)
    with pytest.raises(MachineError, match=r"yosys failed \(no such cell\); its log is .*log\."):
        failing.run(["-c", "print('ERROR: no such cell.'); raise SystemExit(1)"], tmp_path, tmp_path / "log")


def test_a_clock_that_the_pll_cannot_make():
    assert ice40.settings(12_000_000, 30_000_000) == (79, 5)
    assert ecp5.settings(25_000_000, 75_000_000) == (15, 8)
    # 27 MHz twice, by an oscillator of 432 MHz; and 27 / 9 * 20.
    assert gowin.settings(27_000_000, 54_000_000) == (1, 2, 8)
    assert gowin.settings(27_000_000, 60_000_000) == (9, 20, 8)
    said = (
        ("icebreaker", 31_000_000, "PLL of icebreaker cannot make 31 MHz from 12 MHz; give --freq 30.75 or 31.125."),
        ("icebreaker", 1_000_000, "give --freq 8.625."),
        ("ulx3s", 76_000_000, "give --freq 75 or 80."),
        ("ulx3s", 900_000_000, "give --freq 800."),
        ("ecpix5", 75_000_000, "give --freq 60 or 80."),
        ("tangnano9k", 53_123_000, "give --freq 51 or 54."),
    )
    for name, clock_hz, sentence in said:
        with pytest.raises(UserError, match=re.escape(sentence)):
            board(name).clock(clock_hz)


#: Those of one file from the smallest on.
NAMES = ["ecpix5", "icebreaker", "icesugar", "tangnano9k", "ulx3s-12f", "ulx3s-25f", "ulx3s-45f", "ulx3s"]


def test_a_file_with_a_board_is_a_board(tmp_path, monkeypatch):
    text = "from dataclasses import replace\nfrom ohmprop.boards.icebreaker import ICEBREAKER\n"
    text += "BOARDS = (replace(ICEBREAKER, name='new'),)\n"
    (tmp_path / "unheard_of.py").write_text(text)
    monkeypatch.setattr(ohmprop.boards, "__path__", [*ohmprop.boards.__path__, str(tmp_path)])
    assert [found.name for found in boards()] == [*NAMES, "new"]
    assert board("new").machine(MNIST).lanes == 8


def built(directory: Path, placed: dict | None = PLACED) -> dict:
    """The report of a build whose tools said this."""
    cells = {f"cell{number}": {"type": kind} for number, kind in enumerate(["SB_LUT4"] * 3 + ["SB_DFFE", "$scopeinfo"])}
    (directory / "top.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    if placed:
        (directory / "top.report.json").write_text(json.dumps(placed))
    chosen = board("icebreaker")
    return make_report(Built(chosen, chosen.machine(MNIST), "mnist-784-128-10", directory, 7, {"yosys": "0.70"}))


def test_a_report_of_place_and_route(tmp_path):
    report = built(tmp_path)
    assert (report["luts"], report["luts_available"], report["multipliers"], report["block_rams"]) == (
        4000,
        5280,
        8,
        27,
    )
    assert (report["fmax_mhz"], report["target_mhz"], report["timing_met"], report["seed"]) == (31.26, 30.0, True, 7)
    assert report["critical_path"] == {"ns": 6.4, "nets": ["top.neurons.leaked", "top.neurons.stepped"]}
    assert report["netlist"] == {"SB_DFFE": 1, "SB_LUT4": 3}
    assert ("clock", "31.26 MHz, target 30 MHz: met") in table(report)


def test_a_report_of_a_synthesis(tmp_path):
    report = built(tmp_path, None)
    assert (report["luts"], report["fmax_mhz"], report["timing_met"], report["critical_path"]) == (3, None, None, None)


@pytest.mark.parametrize(("fmax", "name"), [(31.0, "top.bin"), (29.0, "missed-timing.bin")])
def test_a_bitstream_that_misses_its_clock_is_not_called_as_if_it_did_not(tmp_path, fmax, name):
    report = built(tmp_path, PLACED | {"fmax": {"clk": {"achieved": fmax, "constraint": 30.0}}})
    (tmp_path / "top.bin").write_bytes(b"bits")
    said: list[str] = []
    _judge(tmp_path, report, said.append)
    assert [file.name for file in tmp_path.glob("*.bin")] == [name] and len(said) == 1
    if name != "top.bin":
        with pytest.raises(UserError, match="did not reach its clock"):
            program(board("icebreaker"), bitstream_of(board("icebreaker"), tmp_path))


def test_the_speed_is_that_of_the_timing():
    spec = board("icebreaker").machine(MNIST)
    settings, timing = spec.settings, spec.timing
    # Layers step in turn, of which there are two.
    dense = timing.pattern(settings.free_steps + settings.nudged_steps, 1, 784, turns=2)
    found = speed(spec, 30e6)
    assert found["clocks_per_pattern_dense"] == dense > found["clocks_per_pattern"]
    rate = 30e6 / (dense + between_patterns(spec, spec.pixel_bits, False))
    assert found["gcups_dense"] == round(spec.synapses * rate / 1e9, 4)
    assert found["patterns_per_second_dense"] == round(rate)
    recurrent = board("icebreaker").machine(MachineSpec())
    assert speed(recurrent, 30e6)["clocks_per_pattern_dense"] == recurrent.timing.pattern(28, 1)


def test_the_link_limits_what_it_carries():
    spec = board("icebreaker").machine(MNIST)
    frame = encode_frame(6, 1, bytes([1]) * 4 * SPARSE_BYTES)
    assert learn_bytes(spec, spec.pixel_bits, False) == len(frame) / 4
    spec = replace(spec, sparse=False)
    frame = encode_frame(2, 1, bytes([1]) * (input_bytes(spec) + target_bytes(spec)))
    assert learn_bytes(spec, spec.pixel_bits, False) == len(frame)
    rows = {(row["baud"], row["pixel_bits"]): row for row in link(spec, 30e6)}
    assert rows[1_000_000, 4]["patterns_per_second"] == round(1_000_000 / (10 * len(frame)))
    assert rows[1_000_000, 4]["limit"] == "link"
    # Eight bits take more clocks to take in than one.
    machine = link(spec, 1e5)
    rates = {row["pixel_bits"]: row["patterns_per_second"] for row in machine if row["limit"] == "machine"}
    typical = speed(spec, 1e5)["clocks_per_pattern"]
    assert rates[8] == round(1e5 / (typical + handling_clocks(spec, 8)))
    assert handling_clocks(spec, 8) == 784 * 2 + 2 * 2 + 36


def test_stored_patterns_leave_the_line_to_their_order():
    spec = board("ulx3s-25f").machine(MNIST)
    count = numbers_in_frame(spec)
    frame = encode_frame(9, 1, bytes([1]) * len(numbered(0, [0] * count)))
    assert count >= 250 and learn_bytes(spec, 4, True) == len(frame) / count < 2.1
    rows = {row["baud"]: row for row in link(spec, 75e6) if "stored" in row}
    found = speed(spec, 75e6)
    assert rows[3_000_000]["limit"] == "machine"
    assert rows[3_000_000]["patterns_per_second"] == found["patterns_per_second"]
    assert found["clocks_between_patterns"] == between_patterns(spec, 4, True) <= 40 < between_patterns(spec, 4, False)
    # A board without an SDRAM keeps what it asks for in block RAMs, and no machine of a board that has one.
    asked = board("icebreaker").machine(replace(MNIST, store=1 << 12)).store, board("icebreaker").machine(spec).store
    assert (spec.store, *asked) == (SDRAM_BYTES, 1 << 12, 0)


REPORTS = sorted((ROOT / "docs" / "boards").glob("*.json"))


@pytest.mark.parametrize("file", REPORTS, ids=lambda file: file.stem)
def test_committed_reports_are_of_todays_machines(file):
    report = json.loads(file.read_text(encoding="utf-8"))
    chosen = board(report["board"])
    spec = chosen.machine(MachineSpec.load(report["machine"]), round(report["target_mhz"] * 1e6), lanes=report["lanes"])
    assert file.stem == f"{report['board']}-{report['machine']}" and report["timing_met"]
    expected = speed(spec, 1e6 * report["fmax_mhz"])
    assert {name: report[name] for name in expected} == expected
    assert report["spec_hash"] == spec.spec_hash


ICEBREAKER = [file for file in REPORTS if file.stem.startswith("icebreaker-")]


def cells(report):
    """The netlist's cells by kind; flip-flops are one kind, since each takes a logic cell whatever its reset and enable."""
    counted = Counter()
    for kind, count in report["netlist"].items():
        counted["SB_DFF" if kind.startswith("SB_DFF") else kind] += count
    return counted


def grown(report, before, limit):
    """A sentence for each kind of cell that is used more than before, or more than there is."""
    now, then = cells(report), cells(before)
    said = [
        f"{kind} grew from {then[kind]} to {count}"
        for kind, count in now.items()
        if count > 100 and count > 1.05 * then[kind]
    ]
    # At worst each LUT and flip-flop that came takes a logic cell of its own.
    packed = before["luts"] + sum(now[kind] - then[kind] for kind in ("SB_LUT4", "SB_DFF"))
    return said + ([f"{packed} logic cells of {limit}"] if packed > limit else [])


def test_a_machine_that_outgrows_its_report_or_its_fpga_is_found():
    (file,) = (file for file in ICEBREAKER if "glyphs" in file.stem)
    before = json.loads(file.read_text(encoding="utf-8"))
    spare = 5280 - before["luts"]

    def with_more(kind, more):
        netlist = before["netlist"] | {kind: before["netlist"][kind] + more}
        return grown({"netlist": netlist}, before, 5280)

    assert with_more("SB_CARRY", 0) == with_more("SB_LUT4", 190) == []
    assert with_more("SB_DFFESR", 100) == []
    assert with_more("SB_DFFESR", 200)[0] == "SB_DFF grew from 2395 to 2595"
    assert with_more("SB_CARRY", 93) == ["SB_CARRY grew from 807 to 900"]
    assert with_more("SB_LUT4", spare + 1)[-1] == "5281 logic cells of 5280"


@pytest.mark.slow
@pytest.mark.parametrize("file", ICEBREAKER, ids=lambda file: file.stem)
def test_a_machine_does_not_outgrow_its_committed_report(file, tmp_path):
    from ohmprop.boards.build import build

    before = json.loads(file.read_text(encoding="utf-8"))
    chosen = board(before["board"])
    spec = chosen.machine(MachineSpec.load(before["machine"]), round(before["target_mhz"] * 1e6))
    report = build(chosen, spec, before["machine"], tmp_path / "build", 1, False, lambda line: None)
    assert not grown(report, before, chosen.resources.luts), "if that is meant, commit the report of a new build"


def test_a_cable_carries_what_its_chip_can():
    assert board("icebreaker").machine(MNIST, baud=6_000_000).baud == 6_000_000
    with pytest.raises(
        UserError, match="FT231X of ulx3s-25f carries at most 3000000 baud; give --baud 3000000 or less"
    ):
        board("ulx3s-25f").machine(MNIST, baud=4_000_000)
    assert all(one.baud <= one.usb.baud for one in boards())


def test_a_board_that_shows_itself_as_a_drive_is_not_programmed(tmp_path):
    (tmp_path / "top.bin").write_bytes(b"")
    with pytest.raises(UserError, match=r"copy .*top\.bin to the drive iCELink"):
        program(board("icesugar"), tmp_path / "top.bin")


@pytest.mark.parametrize("name", ["ecpix5", "icesugar", "tangnano9k", "ulx3s-25f"])
def test_boards_have_their_pins(name):
    """One of each file that no other test takes: its clock, its LEDs of one or several colours, and the rate of its cable."""
    chosen = board(name)
    lanes = None if chosen.serial else 4
    spec = chosen.machine(MachineSpec.load("mnist-196-128-5"), baud=chosen.usb.baud // 2, lanes=lanes)
    if name == "tangnano9k":
        assert "module \\top\n" in planned(chosen, spec, 1).files["top.il"]
        with pytest.raises(UserError, match=r"No syntheses are known .* give --no-place"):
            estimate(chosen, spec)
    else:
        found = estimate(chosen, spec)
        assert found["fits"] and found["patterns_per_second"] > 0


def test_place_and_route_of_gowin_is_called_as_it_is_now():
    retired = "nextpnr-gowin --quiet --log top.tim --device D --family F --json top.json --cst top.cst --freq 54"
    placer = "nextpnr-himbaechel-gowin --quiet --device D --json top.json --freq 54 --vopt family=F --vopt cst=top.cst"
    packer = ["gowin_pack", "-d", "F"]
    assert gowin.commands([retired.split(), packer]) == [placer.split(), packer]
    with pytest.raises(UserError, match=r"pip install 'ohmprop\[gowin\]'"):
        find_tool("gowin-none", gowin.GOWIN.extra)
