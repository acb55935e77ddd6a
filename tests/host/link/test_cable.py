"""What a cable costs, by a model of its chip: on the golden board in simulated time, and on the virtual board."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.link.board import connect
from ohmprop.host.link.patterns import Pace
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

#: The ULX3S's clock and serial rate; few neurons, since only the line counts.
SPEC = MachineSpec(layers=(784, 16, 10), lanes=8, sparse=True, clock_hz=75_000_000, baud=3_000_000)
SMALL = MachineSpec(layers=(196, 9, 10), lanes=8, sparse=True, clock_hz=48_000_000, baud=3_000_000)


def strokes(spec, count):
    """Images with as much ink as MNIST's: a stroke of seven pixels in each row but the uppermost and lowest ones."""
    rng, width = np.random.default_rng(4), int(spec.inputs**0.5)
    images = np.zeros((count, width, width), np.uint8)
    for image in images:
        for row in image[4:-4]:
            row[(start := rng.integers(width - 7)) : start + 7] = rng.integers(1, 16, 7)
    return images.reshape(count, -1), np.eye(spec.outputs, dtype=bool)[rng.integers(spec.outputs, size=count)]


def paced(spec, board, cable, count):
    """The figures of learning, and the replies."""
    images, targets = strokes(spec, count)
    with connect(board, spec, cable=cable) as connected:
        connected.write_settings(spec.settings, 1)
        pace = Pace()
        replies = [reply for reply, _ in connected.learn_many(images, targets, pace)]
    return pace.figures(spec), replies


def test_the_timer_of_a_cable_costs_sparse_patterns_nothing():
    sparse, _ = paced(SPEC, "golden", "ftdi", 2000)
    assert 0.95 <= sparse["line_share"] <= 1 and sparse["board_patterns_per_second"] > 2500
    assert sparse["load_clocks"] <= 350 < sparse["idle_clocks"]
    # Each by itself two wait for the timer again and again, and more bytes go over the line.
    packed, _ = paced(replace(SPEC, sparse=False), "golden", "ftdi", 200)
    assert packed["line_share"] < 0.2 and packed["board_patterns_per_second"] < 130
    low, _ = paced(replace(SPEC, sparse=False), "golden", "ftdi-low", 200)
    assert low["line_share"] > 4 * packed["line_share"]


@pytest.mark.parametrize("sparse", [True, False], ids=["sparse", "packed"])
def test_the_virtual_boards_chip_waits_for_its_timer_unless_a_packet_is_full(sparse):
    """By the board's own clocks; a busy computer, whose host is slow, costs a few."""
    spec, idle = replace(SMALL, sparse=sparse), {}
    for cable in ("ftdi", "ftdi-low", None):
        virtual, replies = paced(spec, "sim", cable, 60)
        idle[cable] = virtual["idle_clocks"]
        golden, expected = paced(spec, "golden", cable, 60)
        assert replies == expected and 0 < virtual["line_share"] <= 1
        assert not cable or virtual["load_clocks"] == golden["load_clocks"]
    # Packed ones wait for the timer's 16 ms, two at a time; sparse ones once, before the first.
    timer = 0.016 * spec.clock_hz
    assert idle["ftdi"] < 0.08 * timer if sparse else idle["ftdi"] > 0.45 * timer
    assert idle["ftdi"] > idle[None]


def test_a_cable_that_there_is_not(tmp_path):
    with (
        pytest.raises(UserError, match="no cable 'rope'; the cables are ftdi, ftdi-low"),
        connect("golden", SMALL, cable="rope"),
    ):
        pass
    with pytest.raises(UserError, match="has a cable of its own"), connect("/dev/ttyUSB0", SMALL, cable="ftdi"):
        pass


def test_a_run_says_what_its_line_took(tmp_path):
    command = [
        "train",
        "--data",
        "digits",
        "--classes",
        "0,1,2",
        "--per-class",
        "20",
        "--epochs",
        "1",
        "--board",
        "golden",
    ]
    files = {name: tmp_path / f"{name}.json" for name in ("cable", "alone")}
    CliRunner().invoke(main, [*command, "--cable", "ftdi", "--json", str(files["cable"])], catch_exceptions=False)
    CliRunner().invoke(main, [*command, "--json", str(files["alone"])], catch_exceptions=False)
    cable, alone = (json.loads(file.read_text(encoding="utf-8")) for file in files.values())
    assert (
        cable["bit_exact"] is True and 0 < cable["line_share"] < 1 and cable["idle_clocks"] > cable["load_clocks"] > 0
    )
    assert "line_share" not in alone and alone["busy_clocks_per_pattern"] == cable["busy_clocks_per_pattern"]
    assert np.isfinite(cable["board_patterns_per_second"])
