"""LUTs of the link on the iCEBreaker, by component and by window: ``python -m tests.overheads``.

Each component is synthesised by itself with synth_ice40, so that the sums differ a little from a whole build's.
"""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import click
from amaranth.back import verilog
from amaranth.hdl import Value

from ohmprop.boards.icebreaker import ICEBREAKER
from ohmprop.boards.tools import find_tool
from ohmprop.hw.link.dispatch import CommandProcessor
from ohmprop.hw.link.frame_receiver import FrameReceiver
from ohmprop.hw.link.frame_sender import FrameSender
from ohmprop.hw.link.uart import Uart
from ohmprop.model.link.packing import frame_bytes
from ohmprop.model.spec import MachineSpec


def cells(component, directory):
    """LUTs, flip-flops and block RAMs of a component."""
    ports = [Value.cast(value) for _, _, value in component.signature.flatten(component)]
    (directory / "top.v").write_text(
        verilog.convert(component, name="top", ports=ports, emit_src=False), encoding="utf-8"
    )
    script = f"read_verilog top.v; synth_ice40 -top top {ICEBREAKER.family.options['synth_opts']}; tee -q -o top.json stat -json"
    find_tool("yosys").run(["-q", "-p", script], directory, directory / "yosys.log")
    counted = json.loads((directory / "top.json").read_text(encoding="utf-8"))["design"]["num_cells_by_type"]
    flip_flops = sum(number for name, number in counted.items() if name.startswith("SB_DFF"))
    return counted.get("SB_LUT4", 0), flip_flops, counted.get("SB_RAM40_4K", 0)


def components(spec, window):
    """The link's components with a window of so many requests; the protocol has ohmprop.model.link.frames.WINDOW."""
    size = frame_bytes(spec)
    with ExitStack() as stack:
        stack.enter_context(patch("ohmprop.hw.link.dispatch.WINDOW", window))
        # A window of one is only counted here; nothing else has it.
        for module in ("frame_receiver", "frame_sender"):
            stack.enter_context(patch(f"ohmprop.hw.link.{module}.check_geometry"))
        line = spec.clock_hz, spec.baud
        yield "serial receiver and transmitter", [Uart(*line)]
        yield "frame receiver", [FrameReceiver(size, window)]
        yield "frame sender with kept replies", [FrameSender(size, window)]
        yield "command processor", [CommandProcessor(spec)]


@click.command()
@click.argument("machine", default="glyphs-100")
def run(machine):
    """Print the table for a machine as the iCEBreaker has it."""
    spec = ICEBREAKER.machine(MachineSpec.load(machine))
    with tempfile.TemporaryDirectory() as name:
        for window in (1, 2, 4):
            total = [0, 0, 0]
            for title, parts in components(spec, window):
                counts = [sum(column) for column in zip(*(cells(part, Path(name)) for part in parts), strict=True)]
                total = [a + b for a, b in zip(total, counts, strict=True)]
                _row(window, title, *counts)
            _row(window, "together", *total)


def _row(window, title, luts, flip_flops, memories):
    click.echo(f"window {window}  {title:<34}{luts:>6} LUTs{flip_flops:>6} flip-flops{memories:>4} block RAMs")


if __name__ == "__main__":
    run()
