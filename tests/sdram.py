"""The SDRAM's controller and the model of each chip: ``python -m tests.sdram --clocks 100000000``."""

import subprocess
import tempfile
from dataclasses import astuple
from pathlib import Path

import click
from amaranth.back import verilog
from amaranth.hdl import ClockDomain, Module, Shape, Signal
from amaranth.lib.wiring import Out, connect

from ohmprop.hw.store.chips import CHIPS
from ohmprop.hw.store.memory import store_signature
from ohmprop.hw.store.sdram import PinRegisters, SdramStore, sdram_pins
from ohmprop.model.spec.fields import SDRAM_BYTES, SLOT_BYTES
from ohmprop.model.spec.validation import SDRAM_CLOCKS
from ohmprop.sim.verilator import compile_design
from ohmprop.sim.virtual_board import COMPILER_OPTIONS, SDRAM_MODEL, VERILATOR_OPTIONS

BENCH = Path(__file__).with_suffix(".cpp")
#: The ULX3S's, and those between which an SDRAM can be used.
FREQUENCIES = (75_000_000, *SDRAM_CLOCKS)


def bench(clock_hz: int, directory: Path) -> tuple[Path, SdramStore]:
    """The compiled bench of the controller at a clock, and the controller."""
    module, controller, registers = Module(), SdramStore(clock_hz), PinRegisters()
    module.domains.sync = clock = ClockDomain(reset_less=True)
    module.submodules.controller, module.submodules.registers = controller, registers
    connect(module, controller.pins, registers.fabric)
    late = Signal.like(controller.late, name="late")
    module.d.comb += late.eq(controller.late)
    ports = [clock.clk, late]
    signatures = ((controller.store, store_signature(SDRAM_BYTES // SLOT_BYTES).flip(), ""),)
    signatures += ((registers.pins, sdram_pins(), "sdram_"),)
    for part, signature, prefix in signatures:
        for name, member in signature.members.items():
            pin, inside = Signal(Shape.cast(member.shape), name=prefix + name), getattr(part, name)
            module.d.comb += pin.eq(inside) if member.flow is Out else inside.eq(pin)
            ports.append(pin)
    text = verilog.convert(module, ports=ports, name="top", emit_src=False)
    headers = {SDRAM_MODEL.name: SDRAM_MODEL.read_text(encoding="utf-8")}
    program = compile_design(text, directory, [BENCH], VERILATOR_OPTIONS, COMPILER_OPTIONS, headers=headers)
    return program, controller


def run(program: Path, clock_hz: int, chip: str, clocks: int, seed: int = 1) -> str:
    """What the bench prints at the end; AssertionError with its complaint if it does not come to it."""
    bits, times = astuple(CHIPS[chip])[:2], astuple(CHIPS[chip])[2:]
    numbers = [*bits, *(round(1000 * time) for time in times)]
    words = [clocks, seed, round(1e12 / clock_hz), *numbers]
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@click.command()
@click.option("--clocks", default=100_000_000, show_default=True, help="Clocks of each chip at each frequency.")
def main(clocks: int) -> None:
    """Compare every word of random records, and look at every command."""
    for clock_hz in FREQUENCIES:
        with tempfile.TemporaryDirectory() as directory:
            program, _ = bench(clock_hz, Path(directory) / "bench")
            for chip, described in CHIPS.items():
                if described.clock * clock_hz <= 1e9:
                    click.echo(f"{chip} at {clock_hz / 1e6:g} MHz: {run(program, clock_hz, chip, clocks)}")


if __name__ == "__main__":
    main()
