"""The link over a faulty line: every pattern is learnt exactly once, or the host says in a sentence why not."""

import json
from contextlib import closing
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.link.board import Board
from ohmprop.host.link.faults import DISCONNECT, KINDS, Fault, FaultyPort, SimulatedTime, at_random
from ohmprop.host.link.port import GoldenPort, open_port
from ohmprop.host.run.run import fresh
from ohmprop.host.run.twin import Twin
from ohmprop.model.errors import MachineError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.frames import Op, decode_frame, encode_frame
from ohmprop.model.link.packing import pack_pattern
from ohmprop.model.spec import MachineSpec
from ohmprop.sim.virtual_board import VirtualBoard
from tests.kit.specs import SPECS

SPEC = MachineSpec(layers=(20,), lanes=8)
PATTERNS = np.random.default_rng(1).random((3, SPEC.neurons)) < 0.5


def faulty(device, to_board=(), to_host=()):
    """A port to the device with these faults, and the clock that counts its waits."""
    clock = SimulatedTime()
    port = FaultyPort(GoldenPort(device, clock.sleep), to_board, to_host, clock.now)
    port.stall_for(1.6)
    return port, clock.now


def learn(port, clock, patterns=PATTERNS):
    """Connect and learn the patterns; the replies."""
    return [reply for reply, _ in Board(port, SPEC, 1.0, clock).learn_many(patterns)]


class Recording(GoldenPort):
    """Counts the bytes of both directions."""

    written = read_so_far = 0

    def write(self, data, /):
        self.written += len(data)
        return super().write(data)

    def read(self, size=1, /):
        data = super().read(size)
        self.read_so_far += len(data)
        return data


@cache
def error_free():
    """Replies and weights of the exchange without a fault, and the bytes to the board and to the host."""
    device = GoldenBoard(SPEC)
    port = Recording(device)
    replies = [reply for reply, _ in Board(port, SPEC).learn_many(PATTERNS)]
    return replies, device.machine.weights[0], port.written, port.read_so_far


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("to_host", [False, True])
def test_a_fault_at_every_byte_of_an_exchange(kind, to_host):
    """Connecting and learning three patterns, the second on its way while the first is learnt."""
    replies, weights, *lengths = error_free()
    for position in range(lengths[to_host]):
        for value in (1, 0x80, 0xFF) if kind in ("flip", "insert", "delay") else (1,):
            fault = [Fault(position, kind, value)]
            device = GoldenBoard(SPEC)
            port, clock = faulty(device, *(((), fault) if to_host else (fault, ())))
            assert learn(port, clock) == replies, (position, value)
            assert port.faults[kind] == 1, (position, value)
            assert device.machine.learnt == len(PATTERNS), (position, value)
            np.testing.assert_array_equal(device.machine.weights[0], weights)


@pytest.mark.parametrize("to_host", [False, True])
def test_a_cable_pulled_at_every_byte(to_host):
    """The host says so; the board's counter tells how many patterns it has learnt, and a new host learns the others."""
    replies, weights, *lengths = error_free()
    for position in range(lengths[to_host]):
        device = GoldenBoard(SPEC)
        fault = [Fault(position, DISCONNECT)]
        port, clock = faulty(device, *(((), fault) if to_host else (fault, ())))
        with pytest.raises(MachineError, match=r"broke.*pulled.*\.$"):
            learn(port, clock)
        port, clock = faulty(device)
        board = Board(port, SPEC, 1.0, clock)
        done = board.read_counters().learnt
        assert [reply for reply, _ in board.learn_many(PATTERNS[done:])] == replies[done:]
        np.testing.assert_array_equal(device.machine.weights[0], weights)


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line(seed):
    """One byte in a hundred is hit, so that about every second exchange fails."""
    rng = np.random.default_rng(seed)
    device, golden = GoldenBoard(SPEC), GoldenMachine(SPEC)
    port, clock = faulty(device, at_random(0.01, rng), at_random(0.01, rng))
    patterns = rng.random((150, SPEC.neurons)) < 0.5
    assert learn(port, clock, patterns) == [golden.learn(pattern) for pattern in patterns]
    assert device.machine.learnt == len(patterns)
    np.testing.assert_array_equal(device.machine.weights[0], golden.weights[0])
    assert set(port.faults) == set(KINDS)


def test_the_virtual_board_on_a_bad_line(monkeypatch):
    monkeypatch.setattr("ohmprop.host.link.exchange.QUIET_SECONDS", 0.02)
    spec, rng = SPECS["lanes_do_not_divide"], np.random.default_rng(1)
    patterns = rng.random((150, spec.neurons)) < 0.5
    golden = GoldenMachine(spec)
    with VirtualBoard(spec) as virtual, closing(open_port(virtual.port, spec.baud)) as line:
        port = FaultyPort(line, at_random(0.004, rng), at_random(0.004, rng))
        board = Board(port, spec, timeout=0.2)
        port.stall_for(1.5 * board.link.timeout)
        assert [reply for reply, _ in board.learn_many(patterns)] == [golden.learn(pattern) for pattern in patterns]
        np.testing.assert_array_equal(board.read_weights(), golden.weights)
        assert board.read_counters().learnt == len(patterns)
    assert port.faults.total() > 20 and board.link.retries > 20


class Switched(GoldenPort):
    """Another device takes the place of the first one before a set number of writes."""

    def __init__(self, device, other, writes, sleep):
        super().__init__(device, sleep)
        self._other, self._writes = other, writes

    def write(self, data, /):
        self._writes -= 1
        if self._writes == 0:
            self._device = self._other
        return super().write(data)


def test_a_reset_is_noticed():
    """A board that has lost its weights must not go on learning, even where the next number is the one of a fresh board."""
    request = Op.LEARN, 2 * pack_pattern(SPEC, PATTERNS[0])
    for number in (0, 1, 100, *range(250, 260)):
        fresh, clock = GoldenBoard(SPEC), SimulatedTime()
        # The link's first two writes are a zero byte and IDENTIFY.
        board = Board(Switched(GoldenBoard(SPEC), fresh, number + 3, clock.sleep), SPEC, clock=clock.now)
        learnt = 0
        with pytest.raises(MachineError, match=r"was reset.*\.$"):
            for _ in board.exchange([request] * (number + 2)):
                learnt += 1
        assert fresh.machine.learnt == 0 and learnt >= number - 1


def test_another_program_on_the_port_is_noticed():
    device, clock = GoldenBoard(SPEC), SimulatedTime()
    board = Board(GoldenPort(device, clock.sleep), SPEC, clock=clock.now)
    request = Op.LEARN, 2 * pack_pattern(SPEC, PATTERNS[0])
    for _ in range(9):
        board.request(*request)
    Board(GoldenPort(device), SPEC).read_counters()
    with pytest.raises(MachineError, match=r"Another program.*\.$"):
        board.request(*request)
    assert device.machine.learnt == 9


def test_a_refusal_of_before_the_connection_does_not_matter():
    """What a fresh board answered to a former host is still on the line when the next one connects."""
    device, clock = GoldenBoard(SPEC), SimulatedTime()
    port = GoldenPort(device, clock.sleep)
    port.write(encode_frame(Op.LEARN, 7, 2 * pack_pattern(SPEC, PATTERNS[0])))
    assert Board(port, SPEC, clock=clock.now).read_counters().learnt == 0


def test_faults_are_as_many_as_asked_for():
    rng = np.random.default_rng(2)
    faults = at_random(1e-3, rng)
    last = [next(faults) for _ in range(2000)][-1]
    assert 1_850_000 < last.position < 2_150_000


class Forgetful(GoldenBoard):
    """Executes a repeated request again."""

    def _answer(self, frame):
        decoded = decode_frame(frame)
        if decoded and decoded[0] == Op.LEARN:
            self._expected = decoded[1]
        return super()._answer(frame)


SPARSE = MachineSpec(layers=(40, 6, 5), lanes=8, sparse=True)


@pytest.mark.parametrize("store", [0, 1 << 14], ids=["sparse", "stored"])
def test_soak_of_several_in_a_frame(store, tmp_path):
    """Each learnt exactly once: under random faults, and with each fault at each byte."""
    machine, result = tmp_path / "machine.toml", tmp_path / "soak.json"
    machine.write_text(replace(SPARSE, store=store).to_toml(), encoding="utf-8")
    for options in (["--frames", "1500"], ["--each-byte"]):
        command = ["link", "soak", "--machine", str(machine), "--json", str(result), *options]
        assert CliRunner().invoke(main, command).exit_code == 0
        figures = json.loads(result.read_text(encoding="utf-8"))
        assert figures["passed"] and figures["lost"] == figures["duplicated"] == figures["replies_different"] == 0
        assert figures["patterns"] >= (1 if store else 2) * figures.get("frames", 3) and figures["faults"] > 50


def test_soak(monkeypatch, tmp_path):
    machine, result = tmp_path / "machine.toml", tmp_path / "soak.json"
    machine.write_text(SPEC.to_toml(), encoding="utf-8")
    command = ["link", "soak", "--machine", str(machine), "--frames", "3000", "--json", str(result)]
    assert CliRunner().invoke(main, command).exit_code == 0
    figures = json.loads(result.read_text(encoding="utf-8"))
    assert figures["frames"] == 3000 and figures["faults"] > 50 and figures["retries"] > 50
    assert figures["passed"] and figures["lost"] == figures["duplicated"] == figures["replies_different"] == 0
    monkeypatch.setattr("ohmprop.host.experiments.soak.GoldenBoard", Forgetful)
    run = CliRunner().invoke(main, command)
    assert run.exit_code == 1 and "report this" in run.stderr
    assert json.loads(result.read_text(encoding="utf-8"))["duplicated"] > 0


def test_the_command_plants_each_fault_at_each_byte(tmp_path):
    machine, result = tmp_path / "machine.toml", tmp_path / "soak.json"
    machine.write_text(SPECS["one_lane"].to_toml(), encoding="utf-8")
    command = ["link", "soak", "--each-byte", "--machine", str(machine), "--json", str(result)]
    assert CliRunner().invoke(main, command).exit_code == 0
    figures = json.loads(result.read_text(encoding="utf-8"))
    size = figures["bytes_to_board"] + figures["bytes_to_host"]
    assert size > 100 and figures["faults_by_kind"] == dict.fromkeys(sorted(KINDS), size)
    assert figures["passed"] and figures["retries"] and figures["lost"] == figures["duplicated"] == 0
    refused = CliRunner().invoke(main, [*command, "--board", "sim"])
    assert refused.exit_code == 2 and "leave out --board" in refused.stderr


def test_a_run_says_what_went_wrong_on_its_line():
    rng, clock = np.random.default_rng(5), SimulatedTime()
    port = FaultyPort(GoldenPort(GoldenBoard(SPEC), clock.sleep), at_random(0.01, rng), at_random(0.01, rng), clock.now)
    board = Board(port, SPEC, 1.0, clock.now)
    twin = Twin(board, SPEC.settings, fresh(SPEC, 1).weights, 1)
    patterns = rng.random((100, SPEC.neurons)) < 0.5
    assert len(list(twin.learn([""] * 100, patterns, patterns, lambda: False))) == 100
    twin.check("at the end")
    link = twin.figures()["link"]
    assert twin.count == 0 and link["retries"] == board.link.retries > 20
    assert link["refused"] > 0 and link["repeated"] > 0 and link["restored"] == 0
