"""Fuzzes the compiled board at the level of the serial line's bits: ``python -m tests.fuzz``.

Frames of all kinds, whole, damaged, wrong, cut, repeated, too long and too close together, come at baud rates of up to 2 % off,
with pulses of noise and breaks of the line in between. The golden device is fed what the board's serial receiver makes of
that, without the frames that the board dropped for want of a free slot; each reply must be the golden device's, byte for byte.
After each burst the board must be idle before long, take a clean frame at such a baud rate without a wrong bit, answer it,
and hold the golden device's weights.
"""

import hashlib
import random
import struct
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from ohmprop.host.show.console import show
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import REPLY, Op, Status, decode_frame
from ohmprop.model.link.spaces import Space
from ohmprop.sim.virtual_board import board_verilog, compile_into_cache, program_path
from tests.fuzz_traffic import Traffic, access, burst, waveform
from tests.kit.specs import LAYERED, SPECS

MAIN = Path(__file__).with_suffix(".cpp")
MACHINES = {
    "recurrent": SPECS["lanes_do_not_divide"],
    "layered": LAYERED["one_hidden"],
    "stored": replace(LAYERED["one_hidden"], sparse=True, store=1 << 12),
}
#: Clocks after a burst within which the board must be idle; a few runs of 255 steps each.
LIMIT = 400_000

# States are numbered in the order in which they are first named.
UART = ("Idle", "Start", "Bits", "Broken")
RECEIVER = ("Between", "Receiving", "Dropping")
COMMANDS = ("Idle", "Compare", "Sort", "Head", "Check", "Repeat", "FetchPattern", "Access", "LoadPattern", "Start")
COMMANDS += ("Begin", "Run", "Cells", "Finish", "Body", "AskSigns", "AwaitSigns", "TakeSigns", "SendSigns", "Resend")
COMMANDS += ("Release",)
STORED_COMMANDS = (
    *COMMANDS[:8],
    "FetchClass",
    "Stored",
    "TakeClass",
    *COMMANDS[8:12],
    "Report",
    *COMMANDS[12:19],
    "Record",
    "Fill",
)
STORED_COMMANDS += COMMANDS[19:]
ACCESS = ("Idle", "Fetch", "Take", "Measure", "Compare", "Judge", "Tell", "FetchCell", "Write", "Written", "Read")
ACCESS += ("Await", "Offer")

#: The board with what the fuzzer looks at.
PROBED = """
module top(input clk, core_clk, rx, output tx, busy, dropped, output reg valid, output reg [7:0] data,
           output [5:0] uart, receiver, commands, access, detail);
  probed probed(.clk(clk), .core_clk(core_clk), .rx(rx), .tx(tx), .busy(busy));
  // The frame receiver uses a byte, and drops it, a clock after it comes.
  always @(posedge clk) begin
    valid <= probed.board.uart.receiver.valid;
    data <= probed.board.uart.receiver.data;
  end
  assign dropped = probed.board.receiver.requests__dropped;
  assign uart = probed.board.uart.receiver.fsm_state;
  assign receiver = probed.board.receiver.fsm_state;
  assign detail = {probed.board.receiver.maximal, probed.board.receiver.too_long, probed.board.receiver.kept,
                   probed.board.receiver.fsm_state};
  assign commands = probed.board.commands.fsm_state;
  assign access = probed.board.commands.access.fsm_state;
endmodule
"""
RECEIVED, DROPPED, SENT, BROKEN = range(4)
PROBES, VALUES = 5, 64


def compiled(spec):
    """The board's program, from the cache if it is there."""
    key = hashlib.sha256(MAIN.read_bytes() + PROBED.encode()).hexdigest()[:16]
    base = program_path(spec)
    program = base.with_name(f"{base.name}-fuzz-{key}")
    if not program.exists():
        compile_into_cache(board_verilog(spec).replace("module top(", "module probed(") + PROBED, MAIN, program)
    return program


class Probed:
    """The running board: plays levels, tells what came of them.

    Attributes
    ----------
    clocks : played so far.
    """

    def __init__(self, spec):
        self.clocks = 0
        command = [compiled(spec), str(spec.clock_hz // spec.baud), str(LIMIT)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def play(self, levels):
        """Play levels (clocks,), one each clock; whether the board hangs, and the events (kind, byte)."""
        edges = np.flatnonzero(np.diff(levels, prepend=True, append=not levels[-1]))
        runs = np.diff(edges, prepend=0).astype("<u4")
        self._process.stdin.write(struct.pack("<I", len(runs)) + runs.tobytes())
        self._process.stdin.flush()
        clocks, hangs, count = struct.unpack("<III", self._process.stdout.read(12))
        self.clocks += clocks
        events = np.frombuffer(self._process.stdout.read(2 * count), "<u2")
        return bool(hangs), [divmod(int(event), 256) for event in events]

    def coverage(self):
        """Clocks and entries of each value of each probe (probes, 2, values); ends the board."""
        data, _ = self._process.communicate()
        return np.frombuffer(data, "<u8").reshape(PROBES, 2, VALUES)

    def close(self):
        """End the board if it still runs."""
        self._process.kill()
        self._process.communicate()


class Twins:
    """The board, and the golden device that is fed what the board has received."""

    def __init__(self, spec, seed):
        self.spec, self.rng = spec, random.Random(seed)
        self.board, self.device = Probed(spec), GoldenBoard(spec)
        self.traffic = Traffic(spec, self.rng)
        self.seen, self.answers = Counter(), Counter()
        self._dropping = False

    def close(self):
        self.board.close()

    def play(self, levels):
        """Play levels; the bytes received and the replies. AssertionError if the replies are not the golden device's."""
        hangs, events = self.board.play(levels)
        assert not hangs, f"not idle {LIMIT} clocks after the last bit"
        assert all(kind != BROKEN for kind, _ in events), "a byte without its stop bit"
        received = [(kind, byte) for kind, byte in events if kind != SENT]
        replies = bytes(byte for kind, byte in events if kind == SENT)
        taken = bytearray()
        for kind, byte in received:
            self.seen["dropped by the board"] += kind == DROPPED
            self._dropping |= kind == DROPPED
            if not self._dropping:
                taken.append(byte)
            self._dropping &= byte != 0
        expected = self.device.feed(bytes(taken))
        assert replies == expected, f"replies {replies.hex(' ')} where the golden device sends {expected.hex(' ')}"
        for reply in replies.split(b"\0")[:-1]:
            op, _, payload = decode_frame(reply)
            name = Op(op - REPLY).name if op - REPLY in set(Op) else "unknown"
            self.answers[f"{name} {Status(payload[0]).name}"] += 1
        return bytes(byte for _, byte in received), replies

    def burst(self):
        """A burst, and after it a clean exchange at a baud rate of up to 2 % off."""
        self.play(burst(self.spec, self.rng, self.traffic, self.seen))
        self.traffic.number = self.rng.randrange(256)
        words = self.spec.layout.words
        clean = b"\0" + self.traffic.frame(Op.IDENTIFY, b"")
        clean += self.traffic.frame(Op.READ, access(Space.WEIGHTS, 0, words))
        received, replies = self.play(waveform(self.spec, self.rng, clean))
        assert received == clean, f"received {received.hex(' ')} where {clean.hex(' ')} was sent"
        *_, weights, _ = replies.split(b"\0")
        _, _, payload = decode_frame(weights)
        assert payload[1:] == self.device._image(Space.WEIGHTS)


def fuzz(name, clocks, seed):
    """Fuzz a machine of MACHINES for at least so many clocks.

    Returns figures and, by state, the clocks in it and how often it was entered. AssertionError if the board is wrong.
    """
    with closing(Twins(MACHINES[name], seed)) as twins:
        bursts = 0
        while twins.board.clocks < clocks:
            try:
                twins.burst()
            except AssertionError as error:
                where = f"machine {name}, seed {seed}, burst {bursts}, clock {twins.board.clocks}"
                raise AssertionError(f"{where}: {error}") from None
            bursts += 1
        coverage = covered(twins.board.coverage(), STORED_COMMANDS if twins.spec.store else COMMANDS)
    machine = twins.device.machine
    figures = {"machine": name, "clocks": twins.board.clocks, "bursts": bursts, "learnt": machine.learnt}
    figures |= {"sent": dict(sorted(twins.seen.items())), "answered": dict(sorted(twins.answers.items()))}
    return figures, coverage


def covered(coverage, commands):
    """Clocks and entries of each state; of the frame receiver's states clocks by frames kept and length as well."""
    machines = {"serial receiver": UART, "frame receiver": RECEIVER, "commands": commands, "cells": ACCESS}
    states = {}
    for (machine, names), counts in zip(machines.items(), coverage, strict=False):
        states |= {f"{machine}: {name}": tuple(map(int, counts[:, at])) for at, name in enumerate(names)}
    # A run of 254 bytes, too long, frames kept, state.
    detail = coverage[-1][0].reshape(2, 2, 4, 4)
    for name, kept in (("Between", 0), ("Between", 1), ("Between", 2), ("Receiving", 0), ("Receiving", 1)):
        states[f"{name}, {kept} kept"] = int(detail[:, :, kept, RECEIVER.index(name)].sum()), None
    for kept in range(3):
        states[f"Dropping, {kept} kept"] = int(detail[:, :, kept, RECEIVER.index("Dropping")].sum()), None
    receiving = detail[..., RECEIVER.index("Receiving")]
    states["Receiving, too long"] = int(receiving[:, 1].sum()), None
    states["Receiving, in a run of 254"] = int(receiving[1].sum()), None
    return states


@click.command()
@click.option("--clocks", default=10_000_000, show_default=True, help="How many, of each machine.")
@click.option("--seed", default=1, show_default=True)
def run(clocks, seed):
    """Fuzz boards of every kind; exits with 1 if one is wrong or a state was never reached."""
    missed = []
    for name in MACHINES:
        figures, states = fuzz(name, clocks, seed)
        show("Fuzzed", figures)
        for state, (count, entered) in states.items():
            click.echo(f"  {state:<40}{count:>14,} clocks{'' if entered is None else f'{entered:>12,} times'}")
        missed += [f"{name}: {state}" for state, (count, _) in states.items() if not count]
    click.echo(f"states never reached: {', '.join(missed) or 'none'}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    run()
