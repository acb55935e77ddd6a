"""LEARN and RECALL in the command processor: the pattern goes to the machine block by block, which then runs."""

from collections.abc import Callable
from typing import Any

from amaranth import Module, Mux, Signal

from ohmprop.hw.shapes.signatures import Program
from ohmprop.model.link.packing import block_bytes, frame_bytes, input_bytes, target_blocks
from ohmprop.model.spec import MachineSpec


class PatternLoader:
    """A part of the command processor's state machine, which it joins: from FetchPattern on, until the machine has run.

    A byte of a pattern takes two clocks, and in a layered machine waits until the one before is taken in.

    Members
    -------
    position : byte of the payload.
    target, block, byte : where in the machine a byte of the pattern goes, or where a byte of the signs comes from.
    last_byte, last_sign : it is the block's last, and the last of all; a clock after ``byte`` and ``block``.
    loads : one clock: the byte goes to the machine.
    """

    def __init__(self, m: Module, spec: MachineSpec, machine: Any, requests: Any, learning: Signal):
        self.machine, self.learning = machine, learning
        self.position = Signal(range(frame_bytes(spec)), reset_less=True, name="position")
        self.target = Signal(reset_less=True, name="target")
        self.block = block = Signal.like(machine.load_block, reset_less=True, name="block")
        self.byte = byte = Signal.like(machine.load_byte, reset_less=True, name="byte")
        # Registers, since a byte takes two clocks at least.
        self.last_byte, self.last_sign = (
            Signal(reset_less=True, name="last_byte"),
            Signal(reset_less=True, name="last_sign"),
        )
        last_of_target, last_input_byte = Signal(reset_less=True), Signal(reset_less=True)
        ends_block = byte == block_bytes(spec) - 1
        m.d.sync += [
            self.last_byte.eq(ends_block),
            self.last_sign.eq(ends_block & (block == spec.layout.blocks - 1)),
            last_of_target.eq(ends_block & (block == len(target_blocks(spec)) - 1)),
            # A layered machine's input is one block of pixels.
            last_input_byte.eq(ends_block if spec.recurrent else byte == input_bytes(spec) - 1),
        ]
        last_of_input = self.last_sign if spec.recurrent else last_input_byte
        self._ends_block = Mux(self.target, self.last_byte, last_input_byte)
        self._last = Mux(self.target, last_of_target, last_of_input)
        self.loads = Signal(name="loads")
        # A clock ago no more than the last pixel of the input was left to be taken apart.
        self._taken = Signal(name="taken")
        m.d.comb += [
            machine.program.eq(Mux(learning, Program.LEARN, Program.RECALL)),
            machine.sign_block.eq(block),
            machine.sign_byte.eq(byte),
        ]
        m.d.sync += [
            machine.load.eq(self.loads),
            machine.load_target.eq(self.target),
            machine.load_block.eq(block),
            machine.load_byte.eq(byte),
            machine.load_bits.eq(requests.byte),
            machine.start.eq(0),
            self._taken.eq(machine.load_ready & (~machine.load | machine.load_target)),
        ]

    def next_byte(self, m: Module, last: Any, last_of_all: Any) -> None:
        """Go on to the next byte of the block, or of the next block, or back to the first one of all."""
        m.d.sync += self.byte.eq(self.byte + 1)
        with m.If(last):
            m.d.sync += [self.byte.eq(0), self.block.eq(self.block + 1)]
        with m.If(last_of_all):
            m.d.sync += self.block.eq(0)

    def load(self, m: Module) -> None:
        """The state LoadPattern once the machine is ready: a byte of the input or, if it learns, of the target."""
        m.d.sync += self.position.eq(self.position + 1)
        self.load_byte(m)

    def load_byte(self, m: Module) -> None:
        """Load a byte, and go on to the next one or to the run."""
        m.d.comb += self.loads.eq(1)
        self.next_byte(m, self._ends_block, self._last)
        m.next = "FetchPattern"
        with m.If(self._last):
            m.d.sync += self.target.eq(1)
            with m.If(self.target | ~self.learning):
                m.next = "Start"

    def states(self, m: Module, ran: Callable[[], None]) -> None:
        """The states from FetchPattern on; ``ran`` says what follows once the machine has run."""
        machine = self.machine
        with m.State("FetchPattern"):
            m.next = "LoadPattern"
        with m.State("LoadPattern"), m.If(machine.load_ready):
            self.load(m)
        with m.State("Start"), m.If(machine.load_ready & ~machine.load & self._taken):
            m.d.sync += machine.start.eq(1)
            m.next = "Begin"
        with m.State("Begin"), m.If(machine.busy):
            m.next = "Run"
        with m.State("Run"), m.If(~machine.busy):
            ran()
