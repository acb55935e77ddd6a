"""Devices with one property changed."""

import numpy as np
import pytest

from ohmprop.model.errors import UserError
from ohmprop.model.memristors.energy import PROGRAMMING, programming
from ohmprop.model.memristors.presets import PRESETS, preset
from ohmprop.model.memristors.variants import levels, shape_of, symmetric, with_levels, with_nonlinearity

#: Non-linearities and shapes of NeuroSim's manual 3.0.
PUBLISHED = {
    2.4: 0.4992, 4.88: 0.2003, 0.04: 31.567, 0.63: 1.9973, 1.85: 0.6619, 1.79: 0.6855, 3.68: 0.3006,
    6.76: 0.1003, 1.94: 0.6292, 0.61: 2.0633, 0.105: 12.626, 0.5: 2.5199, 1.75: 0.7021, 1.46: 0.8487,
}  # fmt: skip


def test_shapes_are_the_published_ones():
    for nonlinearity, shape in PUBLISHED.items():
        assert shape_of(nonlinearity) == pytest.approx(shape, rel=0.06), nonlinearity
    assert shape_of(0) == float("inf")
    for wrong in (-0.1, 9.1, float("nan")):
        with pytest.raises(UserError, match="0 to 9"):
            shape_of(wrong)


def test_nonlinearity_is_the_distance_from_the_straight_line():
    for nonlinearity in (0.5, 3.0, 6.0):
        device = with_nonlinearity(preset("linear"), nonlinearity)
        count = round(levels(preset("linear")))
        for rising, start in ((True, device.low), (False, device.high)):
            curve = (device.curve(start, count, rising) - device.low) / (device.high - device.low)
            line = np.linspace(0, 1, count + 1) if rising else np.linspace(1, 0, count + 1)
            # Up the curve runs above the line, down below it.
            assert 10 * ((curve - line) * (1 if rising else -1)).max() == pytest.approx(nonlinearity, rel=0.02)
    w = np.linspace(-1, 1, 9)
    assert np.allclose(with_nonlinearity(preset("linear"), 0).up(w), 2 / 127)


def test_levels():
    assert levels(preset("linear")) == pytest.approx(127)
    assert levels(preset("soft-bounds")) == pytest.approx(127)
    assert levels(preset("gokmen-vlasov")) == pytest.approx(1250)
    for name, device in PRESETS.items():
        changed = with_levels(device, 40)
        assert levels(changed) == pytest.approx(40), name
        w = np.linspace(device.low, device.high, 7)
        # All steps by one factor, and everything else as it was.
        assert np.allclose(changed.up(w) * 40, device.up(w) * levels(device)), name
        assert np.allclose(changed.up(w) * device.down(w), changed.down(w) * device.up(w)), name
        assert (changed.low, changed.noise, changed.spread) == (device.low, device.noise, device.spread)


def test_symmetric():
    w = np.linspace(3.08, 38.5, 5)
    device, changed = preset("ag-a-si"), symmetric(preset("ag-a-si"))
    assert not np.allclose(device.up(w), device.down(w))
    assert np.allclose(changed.up(w), changed.down(w))
    assert np.allclose(2 * changed.up(w), device.up(w) + device.down(w))
    assert symmetric(preset("pcm")) is preset("pcm")


def test_energy_of_a_pulse_by_hand():
    # 1.6 V through 100 kOhm for 50 ns, and 0.5 V for 5 ns.
    assert programming("taox-hfox")[1].picojoules() == pytest.approx((1.28, 1.28, 0.0125))
    assert programming("gst-pcm")[1].picojoules()[1] == pytest.approx(9 / 4710 * 125e-9 * 1e12)
    assert programming("hzo-fefet")[0] == "taox-hfox"
    assert set(PROGRAMMING) <= set(PRESETS)
