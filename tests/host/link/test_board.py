"""The driver and the golden device: every request, every refusal, and exactly-once execution over a lossy wire."""

import numpy as np
import pytest
import serial

from ohmprop.host.link.board import Board
from ohmprop.host.link.port import GoldenPort, open_port
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.golden.machine import GoldenMachine
from ohmprop.model.link.frames import REPLY, WINDOW, Op, Status, decode_frame, encode_frame
from ohmprop.model.link.identity import MAGIC, Identity
from ohmprop.model.link.records import Counters
from ohmprop.model.link.spaces import Space
from ohmprop.model.spec import MachineSpec, Settings

SPECS = [
    MachineSpec(layers=(20,), lanes=8),
    MachineSpec(layers=(13,), lanes=1),
    MachineSpec(layers=(30,), lanes=7, cut_diagonals=9),
    MachineSpec(layers=(256,), lanes=64),
]
SMALL = SPECS[0]


def random_weights(spec, rng):
    """Symmetric weights over the machine's whole range, within its band."""
    weights = np.triu(rng.integers(-spec.weight_limit, spec.weight_limit + 1, (spec.neurons, spec.neurons)), 1)
    weights -= np.triu(weights, spec.reach + 1)
    return (weights + weights.T).astype(np.int8)


def connect(spec, **options):
    device = GoldenBoard(spec)
    return device, Board(GoldenPort(device), spec, **options)


def status_of(reply):
    return decode_frame(reply.rstrip(b"\0"))[2][0]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.neurons}x{spec.lanes}")
def test_every_request(spec):
    rng = np.random.default_rng(1)
    _, board = connect(spec)
    golden = GoldenMachine(spec)
    settings = Settings(
        free_steps=12,
        nudged_steps=5,
        driven_steps=9,
        released_steps=30,
        eta_shifts=(5,),
        tolerance=1,
        stop_when_settled=False,
    )
    board.write_settings(settings, 0x1234567)
    golden.settings, golden.lfsr = settings, 0x1234567
    assert board.read_settings() == (settings, 0x1234567)
    golden.weights = (random_weights(spec, rng),)
    board.write_weights(golden.weights)
    np.testing.assert_array_equal(board.read_weights(), golden.weights)

    pattern, target = rng.random((2, spec.neurons)) < 0.5
    assert board.learn(pattern, target) == golden.learn(pattern, target)
    np.testing.assert_array_equal(board.read_states(), golden.states)
    patterns = rng.random((5, spec.neurons)) < 0.5
    results = list(board.learn_many(patterns))
    assert len(results) == 5
    for pattern, (reply, states) in zip(patterns, results, strict=True):
        assert reply == golden.learn(pattern)
        np.testing.assert_array_equal(states, golden.states)
    for image, (reply, signs) in zip(patterns, board.recall_many(patterns), strict=True):
        expected, expected_signs = golden.recall(image)
        assert reply == expected
        np.testing.assert_array_equal(signs, expected_signs)
    np.testing.assert_array_equal(board.read_weights(), golden.weights)
    counters = board.read_counters()
    assert (counters.busy_clocks, counters.steps) == (golden.busy_clocks, golden.steps)
    assert (counters.learnt, counters.recalled) == (6, 5)
    assert (counters.refused, counters.repeated, counters.dropped) == (0, 0, 0)
    assert board.read_settings()[1] == golden.lfsr


class LossyPort(GoldenPort):
    """Loses, damages and repeats whole frames in both directions, and puts noise between them."""

    def __init__(self, device, seed, rate):
        super().__init__(device)
        self._rng = np.random.default_rng(seed)
        self._rate = rate

    def _spoil(self, data):
        frames = [frame + b"\0" for frame in data.split(b"\0")[:-1]]
        out = []
        for frame in frames:
            fate = self._rng.random() / self._rate
            if fate < 1:
                continue
            if fate < 2:
                place = self._rng.integers(len(frame))
                frame = frame[:place] + bytes([frame[place] ^ 1 << self._rng.integers(8)]) + frame[place + 1 :]
            elif fate < 3:
                frame = frame + frame
            elif fate < 4:
                frame = self._rng.bytes(5) + b"\0" + frame
            out.append(frame)
        return b"".join(out)

    def write(self, data, /):
        self._replies += self._spoil(self._device.feed(self._spoil(data)))
        return len(data)


@pytest.mark.parametrize("seed", range(4))
def test_a_lossy_wire_executes_everything_exactly_once(seed, monkeypatch):
    monkeypatch.setattr("ohmprop.host.link.exchange.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("ohmprop.host.link.port.POLL_SECONDS", 0.001)
    monkeypatch.setattr("ohmprop.host.link.exchange.SILENT_TRIES", 30)
    device = GoldenBoard(SMALL)
    board = Board(LossyPort(device, seed, 0.04), SMALL, timeout=0.005)
    golden = GoldenMachine(SMALL)
    patterns = np.random.default_rng(seed).random((150, SMALL.neurons)) < 0.5
    replies = [reply for reply, _ in board.learn_many(patterns)]
    assert replies == [golden.learn(pattern) for pattern in patterns]
    assert device.machine.learnt == len(patterns)
    np.testing.assert_array_equal(board.read_weights(), golden.weights)
    counters = board.read_counters()
    assert counters.repeated > 0
    assert counters.refused > 0


def test_refusals_change_nothing():
    device, board = connect(SMALL)
    board.learn(np.ones(20, np.bool_))
    weights, states = device.machine.weights[0].copy(), device.machine.states
    for op, payload, word in [
        (0x55, b"", "0x55"),
        (Op.LEARN, b"123", "length"),
        (Op.RECALL, b"", "length"),
        (Op.READ, bytes([Space.WEIGHTS, 0, 0, 0, 0]), "length"),
        (Op.READ, bytes([Space.WEIGHTS, 0, 0, 255, 0]), "length"),
        (Op.READ, bytes([9, 0, 0, 1, 0]), "address"),
        (Op.READ, bytes([Space.COUNTERS, Counters.size(), 0, 1, 0]), "address"),
        (Op.WRITE, bytes([Space.STATES, 0, 0, 1, 0]) + bytes(8), "address"),
        (Op.WRITE, bytes([Space.WEIGHTS, 0, 0, 1, 0]) + bytes(7), "length"),
    ]:
        with pytest.raises(MachineError, match=word):
            board.request(op, payload)
    np.testing.assert_array_equal(device.machine.weights[0], weights)
    np.testing.assert_array_equal(device.machine.states, states)
    assert device.machine.learnt == 1
    assert board.read_counters().refused == 9


def test_the_device_keeps_to_the_sequence():
    device = GoldenBoard(SMALL)
    recall = bytes(3)
    for number in (0, 0, 255):
        refused = decode_frame(device.feed(encode_frame(Op.RECALL, number, recall)).rstrip(b"\0"))
        assert refused == (Op.RECALL | REPLY, number, bytes([Status.NOT_IDENTIFIED, 0]))
    assert status_of(device.feed(encode_frame(Op.IDENTIFY, 200, b""))) == Status.DONE
    first = device.feed(encode_frame(Op.RECALL, 201, recall))
    assert device.feed(encode_frame(Op.RECALL, 201, recall)) == first
    assert device.machine.recalled == 1
    ahead = decode_frame(device.feed(encode_frame(Op.RECALL, 203, recall)).rstrip(b"\0"))
    assert ahead == (Op.RECALL | REPLY, 203, bytes([Status.OUT_OF_SEQUENCE, 202]))
    for _ in range(WINDOW):
        device.feed(encode_frame(Op.RECALL, 201 + device.machine.recalled, recall))
    assert status_of(device.feed(encode_frame(Op.RECALL, 201, recall))) == Status.OUT_OF_SEQUENCE
    damaged = decode_frame(device.feed(b"\x05abcd\0").rstrip(b"\0"))
    assert damaged == (Op.REFUSED | REPLY, damaged[1], bytes([Status.BAD_CRC, 204]))
    long = device.feed(encode_frame(Op.RECALL, 204, bytes(range(1, 251)) * 2))
    assert status_of(long) == Status.TOO_LONG
    # 256 bytes come out of a run of 254, which stands for no zero, and one that is cut after two of fifteen bytes.
    cut = b"\xff" + b"a" * 254 + b"\x10bc"
    assert status_of(device.feed(cut + b"\0")) == Status.BAD_CRC
    assert status_of(device.feed(cut + b"d\0")) == Status.TOO_LONG
    assert device.machine.recalled == 3


class Answering(GoldenPort):
    """Answers every request by the same function of its sequence number."""

    def __init__(self, answer):
        super().__init__(GoldenBoard(SMALL))
        self._answer = answer

    def write(self, data, /):
        for frame in data.split(b"\0"):
            if decoded := decode_frame(frame):
                self._replies += self._answer(decoded[1])
        return len(data)


@pytest.mark.parametrize(
    ("answer", "error", "word"),
    [
        (lambda n: b"", MachineError, "silence"),
        (lambda n: b"$GPGGA,no zero byte", MachineError, "silence"),
        (lambda n: b"noise\0", MachineError, "damaged"),
        (lambda n: encode_frame(Op.IDENTIFY | REPLY, n, b"\0hello"), MachineError, "ID block"),
        (
            lambda n: encode_frame(Op.IDENTIFY | REPLY, n, b"\0" + MAGIC + b"\x07!!"),
            MachineError,
            "version 7 .* version 2 .*board build",
        ),
        (
            lambda n: encode_frame(Op.IDENTIFY | REPLY, n, b"\0" + Identity.of(SPECS[1]).pack()),
            UserError,
            f"{SPECS[1].spec_hash} .*{SMALL.spec_hash}",
        ),
        (
            lambda n: encode_frame(
                Op.IDENTIFY | REPLY, n, b"\0" + Identity.of(SMALL).pack().replace(bytes([20, 0, 8]), bytes([21, 0, 8]))
            ),
            MachineError,
            "does not match",
        ),
        (lambda n: encode_frame(Op.IDENTIFY | REPLY, n, bytes([Status.BAD_CRC, 0])), MachineError, "BAD_CRC"),
        (lambda n: encode_frame(Op.REFUSED | REPLY, n, bytes([Status.TOO_LONG, 0])), MachineError, "TOO_LONG"),
    ],
)
def test_no_board_of_ours_is_refused_in_a_sentence(answer, error, word, monkeypatch):
    monkeypatch.setattr("ohmprop.host.link.exchange.QUIET_SECONDS", 0.01)
    with pytest.raises(error, match=word) as caught:
        Board(Answering(answer), SMALL, timeout=0.03)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_what_a_former_host_left_does_not_matter():
    device = GoldenBoard(SMALL)
    port = GoldenPort(device)
    port.write(b"half a fra")
    board = Board(port, SMALL)
    board.learn(np.ones(20, np.bool_))
    assert Board(port, SMALL).read_counters().learnt == 1


def test_weights_the_machine_cannot_hold_are_refused():
    spec = SPECS[2]
    _, board = connect(spec)
    good = random_weights(spec, np.random.default_rng(3))
    asymmetric, diagonal, outside, large = (good.copy() for _ in range(4))
    asymmetric[0, 1] ^= 1
    diagonal[4, 4] = 1
    outside[0, -1] = outside[-1, 0] = 1
    large[0, 1] = large[1, 0] = -128
    for bad in (asymmetric, diagonal, outside, large, good[1:], good.astype(float)):
        with pytest.raises(UserError):
            board.write_weights([bad])
    with pytest.raises(UserError):
        board.write_weights([good, good])
    assert not board.read_weights()[0].any()


@pytest.mark.parametrize(
    "url",
    [
        *("/dev/no-such-port", "/etc/hostname", "/dev/null", "/tmp", "nonsense://x", "rfc2217://x"),
        *(
            "socket://127.0.0.1:1",
            "socket://127.0.0.1",
            "socket://127.0.0.1:",
            "socket://:5",
            "socket://127.0.0.1:99999",
        ),
    ],
)
def test_ports_that_do_not_open(url):
    with pytest.raises(UserError, match=url.replace(".", r"\.")) as caught:
        open_port(url, 1_000_000)
    assert "\n" not in str(caught.value)
    if "socket" in url and not url.endswith(":1"):
        assert "give socket://HOST:NUMBER" in str(caught.value)


class TermiosError(Exception):
    """As termios.error, which is no OSError."""


@pytest.mark.parametrize(
    "error",
    [
        *(TermiosError(22, "Invalid argument"), OSError(5, "Input/output error"), ValueError("Invalid baud rate: -1")),
        *(serial.SerialException("no"), TypeError("no number"), OverflowError(), NotImplementedError()),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_the_serial_layer_raises_is_a_sentence_that_names_the_port(error, monkeypatch):
    def refuse(*arguments, **options):
        raise error

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(UserError, match=r"^/dev/ttyUSB7 does not open.*\.$") as caught:
        open_port("/dev/ttyUSB7", 1_000_000)
    assert "\n" not in str(caught.value)


def test_a_pseudo_terminal_opens_at_a_rate_that_every_system_has(monkeypatch):
    """Some refuse others, even where a rate means nothing; what has a rate opens at its own."""
    rates = {}
    monkeypatch.setattr(serial, "serial_for_url", lambda url, baud, **options: rates.setdefault(url, baud))
    for url in ("/dev/pts/3", "/dev/ttys003", "socket://127.0.0.1:5", "/dev/ttyUSB0", "/dev/ttyS0", "COM3"):
        open_port(url, 1_000_000)
    assert list(rates.values()) == [115_200] * 3 + [1_000_000] * 3


def test_a_port_in_use():
    pty = pytest.importorskip("pty")
    import os

    master, slave = pty.openpty()
    try:
        port = open_port(os.ttyname(slave), 1_000_000)
        with pytest.raises(UserError, match="in use"):
            open_port(os.ttyname(slave), 1_000_000)
        port.close()
    finally:
        os.close(master)
        os.close(slave)


def test_a_cut_cable():
    pty = pytest.importorskip("pty")
    import os

    master, slave = pty.openpty()
    port = open_port(os.ttyname(slave), 1_000_000)
    os.close(slave)
    os.close(master)
    with pytest.raises(MachineError, match="broke"):
        Board(port, SMALL)
    port.close()
