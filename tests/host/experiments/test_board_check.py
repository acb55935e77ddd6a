"""``ohmprop board check``: a good board passes and has its weights back, and each kind of fault is named."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments.board_check import check, complaint, steps
from ohmprop.host.link.board import Board
from ohmprop.host.link.identify import recognised
from ohmprop.host.link.port import GoldenPort
from ohmprop.host.run.run import fresh
from ohmprop.model.errors import MachineError, UserError
from ohmprop.model.golden.board import GoldenBoard
from ohmprop.model.link.frames import Op
from ohmprop.model.link.spaces import Space
from ohmprop.model.spec import MachineSpec
from tests.host.link.test_cable import SMALL

SPECS = {
    "recurrent": MachineSpec(layers=(20,), lanes=8),
    "layered": MachineSpec(layers=(36, 7, 5), lanes=4, biases=True, fine_bits=3),
    "sparse": MachineSpec(layers=(64, 7, 5), lanes=4, sparse=True),
    "stored": MachineSpec(layers=(64, 7, 5), lanes=4, sparse=True, store=1 << 15),
}


class Stuck(GoldenBoard):
    """A bit of a weight never changes."""

    def _image(self, space):
        image = bytearray(super()._image(space))
        if space is Space.WEIGHTS:
            image[21] |= 4
        return bytes(image)


class Unsaturated(GoldenBoard):
    """Weights at the upper rail move."""

    def _learn(self, payload):
        status, reply = super()._learn(payload)
        weights = self.machine.weights
        limit = self._spec.matrices[0].limit
        self.machine.weights = tuple(np.where(matrix == limit, limit - 1, matrix) for matrix in weights)
        return status, reply


class Forgetful(GoldenBoard):
    """Draws other random numbers from some pattern on."""

    def _learn(self, payload):
        if self.machine.learnt == 15:
            self.machine.lfsr ^= 1
        return super()._learn(payload)


class Leaking(GoldenBoard):
    """Its store loses a bit of every pattern; of those that are found at once, or of the pixels that it learns from."""

    found = True

    def _execute(self, op, payload):
        answer = super()._execute(op, payload)
        if op == Op.STORE and self.found:
            held = self.store.held
            held.records = [record[:-1] + bytes([record[-1] ^ 1]) for record in held.records]
        elif op == Op.STORE:
            self.store._patterns[-1].pixels[:] ^= 1
        return answer


@pytest.mark.parametrize(("found", "where"), [(True, "changed one of the patterns 0 to 63"), (False, "stored pattern")])
def test_a_store_that_leaks(found, where, monkeypatch):
    device = Leaking(SPECS["stored"])
    device.found = found
    planted(monkeypatch, lambda spec: device)
    result = check(SPECS["stored"], "golden", 3)
    assert not result["passed"] and re.match(f"store: .*{where}", result["first_difference"])
    assert "--no-stored" in result["meaning"] and result["checks"] == ["identity", "memory", "rails", "patterns"]


def planted(monkeypatch, kind):
    monkeypatch.setattr("ohmprop.host.link.port.GoldenBoard", kind)


@pytest.mark.parametrize("name", SPECS)
def test_a_good_board_passes_and_keeps_its_weights(name, monkeypatch):
    spec, count = SPECS[name], 0
    device = GoldenBoard(spec)
    planted(monkeypatch, lambda spec: device)
    board, start = Board(GoldenPort(device), spec), fresh(spec, 9)
    board.write_weights(start.weights)
    board.write_settings(spec.settings, 0xBEEF)

    def advance():
        nonlocal count
        count += 1

    found = check(spec, "golden", 3, advance)
    assert found["passed"] and found["first_difference"] is None and count == steps("golden", spec)
    assert found["checks"] == ["identity", "memory", "rails", "patterns", *(["store"] if name == "stored" else [])]
    board = Board(GoldenPort(device), spec)
    assert all(map(np.array_equal, board.read_weights(), start.weights)) and board.read_settings()[1] == 0xBEEF


@pytest.mark.parametrize("name", ["recurrent", "layered"])
@pytest.mark.parametrize(
    ("kind", "where", "meaning"),
    [
        (
            Stuck,
            r"memory: word \d+, lane \d+ of WEIGHTS holds -?\d+ where -?\d+ was written",
            "does not hold what is written",
        ),
        (Unsaturated, "rails: ", "largest values"),
        (Forgetful, "patterns: pattern 1[0-9]: reply", "learns otherwise than its model"),
    ],
)
def test_the_first_difference_is_named_with_what_it_means(name, kind, where, meaning, monkeypatch):
    planted(monkeypatch, kind)
    found = check(SPECS[name], "golden", 3)
    assert not found["passed"] and meaning in found["meaning"]
    with pytest.raises(MachineError, match=where):
        raise complaint(found)


@pytest.mark.parametrize("ends", ["difference", "Ctrl-C"])
def test_a_check_that_ends_early_gives_the_weights_back(ends, monkeypatch):
    spec = SPECS["layered"]
    device, start = (Forgetful if ends == "difference" else GoldenBoard)(spec), fresh(spec, 9)
    planted(monkeypatch, lambda spec: device)
    board = Board(GoldenPort(device), spec)
    board.write_weights(start.weights)
    passed = []
    found = check(spec, "golden", 3, lambda: passed.append(1), lambda: ends == "Ctrl-C" and len(passed) > 5)
    assert not found["passed"] and (found["first_difference"] is None) == (ends == "Ctrl-C")
    assert all(map(np.array_equal, Board(GoldenPort(device), spec).read_weights(), start.weights))


def test_another_machine_is_the_first_difference(monkeypatch):
    planted(monkeypatch, lambda spec: GoldenBoard(SPECS["layered"]))
    found = check(SPECS["recurrent"], "golden", 3)
    assert found["first_difference"].startswith("identity: The board is machine") and found["checks"] == []


def test_a_line_that_takes_no_other_rate_is_named(monkeypatch):
    monkeypatch.setattr("ohmprop.host.experiments.board_check._rates", lambda board: range(1, 2))
    outcomes = {1: "errors"}
    monkeypatch.setattr(
        "ohmprop.host.experiments.board_check.try_rate",
        lambda spec, board, percent, advance: {"outcome": outcomes[percent]},
    )
    found = check(SPECS["recurrent"], "golden", 3)
    assert found["first_difference"] == "rates: +1 %: errors" and "patterns" in found["checks"]


def test_the_virtual_board_passes_and_the_command_says_so(tmp_path):
    machine, figures = tmp_path / "mine machine.toml", tmp_path / "check.json"
    # The machine of another test, which need not be compiled again.
    machine.write_text(SMALL.to_toml(), encoding="utf-8")
    command = ["board", "check", "sim", "--machine", str(machine), "--json", str(figures)]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0 and result.output.endswith("PASS\n")
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert found["passed"] is True and found["first_difference"] is None and found["checks"][-1] == "rates"


def test_a_command_whose_board_differs_fails_in_a_sentence(monkeypatch):
    planted(monkeypatch, Stuck)
    result = CliRunner().invoke(main, ["board", "check", "golden"])
    assert result.exit_code == 1 and "The board differs (memory: " in result.stderr and result.stderr.count("\n") == 1


def test_the_machine_of_a_board_is_recognised():
    known = list(SPECS.values())
    opened = []

    def opening(kind):
        def open_it(url, baud):
            opened.append(baud)
            return GoldenPort(GoldenBoard(kind), lambda seconds: None)

        return open_it

    assert recognised("/dev/x", known, opening(SPECS["layered"])) == SPECS["layered"]
    with pytest.raises(UserError, match=r"none of the boards' own machines .* give its --machine file"):
        recognised("/dev/x", known, opening(MachineSpec(layers=(9,), lanes=3)))
    assert set(opened) == {1_000_000}


def test_a_silent_port_is_tried_at_every_rate():
    rates = []

    class Silent:
        in_waiting = 0

        def read(self, size=1):
            return b""

        def write(self, data):
            return len(data)

        def close(self):
            pass

    def opening(url, baud):
        rates.append(baud)
        return Silent()

    slow = MachineSpec(layers=(9,), lanes=3, baud=500_000)
    with pytest.raises(MachineError, match="did not answer"):
        recognised("/dev/x", [SPECS["recurrent"], slow], opening)
    assert rates == [1_000_000, 500_000]
