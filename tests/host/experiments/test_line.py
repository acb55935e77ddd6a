"""``ohmprop link test``: what it says of a line is what the line's bits say."""

import json

import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import line as measure
from ohmprop.model.spec import MachineSpec

#: The default machine, which other tests compile as well.
SPEC = MachineSpec()
#: Far off, far enough that no bit of a long frame can be right, and right.
PERCENT = (-6, 0)


def link_test(tmp_path, *arguments):
    file = tmp_path / "link.json"
    result = CliRunner().invoke(main, ["link", "test", "--json", str(file), *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_virtual_board_keeps_the_line_busy_with_two_requests_in_flight(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "PERCENT", PERCENT)
    figures = link_test(tmp_path, "--board", "sim", "--requests", "20")
    streams = {(row["stream"], row["window"]): row for row in figures["streams"]}
    alone, both = streams["write", 1], streams["write", 2]
    # However slow the host: once both replies are sent, the board's time stands still after 2,048 clocks.
    assert alone["line_to_board"] < both["line_to_board"] > 0.8
    assert streams["read", 1]["line_to_host"] < streams["read", 2]["line_to_host"] < 1
    bits = 10 * both["bytes_to_board"] * SPEC.clock_hz / SPEC.baud
    assert both["line_to_board"] == pytest.approx(bits / both["board_clocks"])
    assert both["line_to_board"] < 1
    # A READ of six bytes: 12 bytes there, 14 back, 4 clocks a bit.
    assert figures["round_trip"]["board_clocks"]["min"] > 26 * 40
    assert [rate["outcome"] for rate in figures["rates"]] == ["no answer", "passed"]
    assert figures["recommended_baud"] == SPEC.baud
    assert figures["retries"] == figures["refused"] == figures["dropped"] == 0


def test_the_golden_board_has_no_line(tmp_path):
    figures = link_test(tmp_path, "--board", "golden", "--requests", "10")
    assert figures["round_trip"]["wall_ms"]["median"] > 0 and "board_clocks" not in figures["round_trip"]
    assert not {"rates", "recommended_baud"} & set(figures) and "line_to_board" not in figures["streams"][0]


@pytest.mark.parametrize(
    ("good", "recommended"), [((-3, -2, -1, 0, 1, 2), 1000), ((0, 1, 2, 3, 4), 1020), ((-3, -2, -1), 980), ((), None)]
)
def test_recommended_is_the_middle_unless_the_boards_own_rate_is_good(good, recommended):
    rates = [{"percent": percent, "outcome": "passed" if percent in good else "errors"} for percent in range(-6, 7)]
    assert measure._recommended(1000, rates) == recommended
