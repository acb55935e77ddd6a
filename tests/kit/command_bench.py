"""The host's end of the link and a machine made of the golden one, for the command processor's bench."""

import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.frames import Op, decode_frame, encode_frame
from ohmprop.model.link.packing import block_bytes, pack_pattern, pattern_bytes, unpack_pattern
from ohmprop.model.link.registers import SettingsRegisters
from ohmprop.model.link.spaces import Space
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.bench import bench_parameters
from tests.kit.clocked import rest

PARAMETERS = bench_parameters()
SPEC = MachineSpec.from_toml(PARAMETERS["machine"])
LAYOUT = SPEC.layout
REGISTERS = [name for name in SettingsRegisters.widths() if name != "lfsr"]


class Machine:
    """The golden machine at the command processor's port; it takes random times and checks the port's rules."""

    def __init__(self, dut):
        self.dut = dut
        self.golden = GoldenMachine(SPEC)
        self.rng = random.Random(0)
        self.image = LAYOUT.to_words(self.golden.weights).astype(np.int8)
        self.loaded = bytearray(2 * pattern_bytes(SPEC))
        self.runs = self.writes = self.lfsr_loads = 0
        self.busy = 0
        self.pending = None
        self.steps = self.clocks = 0
        self.sign_bits = 0

    async def run(self):
        """Answer clock by clock."""
        port = self.dut
        while True:
            self._show()
            await ReadOnly()
            start, load, access = (
                int(signal.value) for signal in (port.machine__start, port.machine__load, port.machine__access)
            )
            assert not (start or load or access) or not (self.busy or self.pending), "asked while busy"
            sign_at = int(port.machine__sign_block.value), int(port.machine__sign_byte.value)
            if port.machine__lfsr_load.value:
                self.golden.lfsr = int(port.machine__lfsr_next.value)
                self.lfsr_loads += 1
            if load:
                self._load()
            if access:
                self.pending = self.rng.randrange(1, 5), self._access()
            learn = not int(port.machine__program.value)
            settings = int(port.machine__settings.value)
            await RisingEdge(port.clk)
            self.busy = max(0, self.busy - 1)
            if start:
                self._start(learn, settings)
            port.machine__sign_bits.value = self.sign_bits
            signs = pack_pattern(SPEC, self.golden.states > 0)
            at = sign_at[0] * block_bytes(SPEC) + sign_at[1]
            self.sign_bits = signs[at] if at < len(signs) else 0

    def _show(self):
        port, golden = self.dut, self.golden
        done = bool(self.pending and self.pending[0] == 1)
        port.machine__access_done.value = done
        port.machine__access_read.value = self.pending[1] & 255 if done else self.rng.randrange(256)
        if self.pending:
            self.pending = None if done else (self.pending[0] - 1, self.pending[1])
        port.machine__busy.value, port.machine__load_ready.value = self.busy > 0, 1
        port.machine__lfsr.value = golden.lfsr
        port.machine__steps.value = self.steps
        port.machine__clocks.value = self.clocks
        port.machine__counters.value = (
            golden.busy_clocks | golden.steps << 48 | golden.learnt << 80 | golden.recalled << 112
        )

    def _load(self):
        port = self.dut
        at = int(port.machine__load_block.value) * block_bytes(SPEC) + int(port.machine__load_byte.value)
        at += int(port.machine__load_target.value) * pattern_bytes(SPEC)
        self.loaded[at] = int(port.machine__load_bits.value)

    def _access(self):
        port = self.dut
        space, address, lane = (
            int(signal.value)
            for signal in (port.machine__access_space, port.machine__access_address, port.machine__access_lane)
        )
        assert space in (Space.WEIGHTS, Space.STATES, Space.SIDE)
        if port.machine__access_write.value:
            assert space == Space.WEIGHTS
            self.writes += 1
            self.image[address, lane] = np.uint8(int(port.machine__access_data.value)).astype(np.int8)
            return 0
        if space == Space.SIDE:
            return int(LAYOUT.to_blocks(self.golden.side_states)[address // 2, lane]) >> 8 * (address % 2)
        words = self.image if space == Space.WEIGHTS else LAYOUT.to_blocks(self.golden.states)
        return int(words[address, lane])

    def _start(self, learn, settings):
        golden = self.golden
        values = {name: settings >> 8 * at & 255 for at, name in enumerate(REGISTERS)}
        golden.settings = SettingsRegisters(**values, lfsr=1).settings(SPEC)
        golden.weights = LAYOUT.from_words(self.image)
        half = pattern_bytes(SPEC)
        pattern = unpack_pattern(SPEC, bytes(self.loaded[:half]))
        if learn:
            reply = golden.learn(pattern, unpack_pattern(SPEC, bytes(self.loaded[half:])))
            self.steps = reply.free_steps | reply.nudged_steps << 8
        else:
            reply, _ = golden.recall(pattern)
            self.steps = reply.driven_steps | reply.released_steps << 8
        self.clocks = reply.clocks
        self.image = LAYOUT.to_words(golden.weights).astype(np.int8)
        self.runs += 1
        self.busy = self.rng.randrange(1, 60)


class Bench:
    """The host's end of the link, beside the golden device."""

    def __init__(self, dut):
        self.dut = dut
        self.machine = Machine(dut)
        self.device = GoldenBoard(SPEC)
        self.sent = bytearray()
        self.sequence = 0
        self.rng = random.Random(1)

    async def start(self):
        """Clock, reset, machine and host."""
        dut = self.dut
        rest(dut)
        dut.rst.value = 1
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        cocotb.start_soon(self.machine.run())
        for _ in range(3):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        cocotb.start_soon(self._take())
        # The next number is 0.
        await self.request(Op.IDENTIFY, sequence=255)

    async def _take(self):
        dut = self.dut
        dut.bytes__ready.value = 1
        while True:
            await ReadOnly()
            if dut.bytes__valid.value:
                self.sent.append(int(dut.bytes__payload.value))
            await RisingEdge(dut.clk)

    async def feed(self, wire):
        """Bytes to the receiver."""
        for byte in wire:
            self.dut.data.value = byte
            self.dut.valid.value = 1
            await RisingEdge(self.dut.clk)
        self.dut.valid.value = 0

    async def answers(self, count):
        """The next replies, zero bytes included."""
        for _ in range(40_000):
            if self.sent.count(0) >= count:
                break
            await RisingEdge(self.dut.clk)
        parts = bytes(self.sent).split(b"\0")
        assert len(parts) > count, f"{len(parts) - 1} replies and not {count}"
        self.sent = bytearray(b"\0".join(parts[count:]))
        return [part + b"\0" for part in parts[:count]]

    async def exchange(self, wire):
        """One frame; its reply, decoded, which must be the golden device's as well."""
        await self.feed(wire)
        (reply,) = await self.answers(1)
        wanted = self.device.feed(wire)
        assert reply == wanted, f"{decode_frame(reply[:-1])} and not {decode_frame(wanted[:-1])}"
        return decode_frame(reply[:-1])

    async def request(self, op, payload=b"", sequence=None):
        """A request with the next sequence number, or the one that is given; its status and the rest of its reply."""
        number = self.sequence if sequence is None else sequence
        answer = await self.exchange(encode_frame(op, number & 255, payload))
        assert answer[:2] == (op | 0x80, number & 255)
        if sequence is None:
            self.sequence += 1
        return answer[2][0], answer[2][1:]

    def pattern(self):
        """A random one, packed."""
        return pack_pattern(SPEC, np.array([self.rng.random() < 0.5 for _ in range(SPEC.neurons)]))


def access(space, address, count, data=b""):
    """The payload of READ and WRITE."""
    return bytes([space]) + address.to_bytes(2, "little") + count.to_bytes(2, "little") + data


def random_words(rng):
    """Bytes of a whole weight memory."""
    half = np.triu([[rng.randrange(-127, 128) for _ in range(SPEC.neurons)] for _ in range(SPEC.neurons)], 1)
    return LAYOUT.to_words(((half + half.T).astype(np.int8),)).tobytes()
