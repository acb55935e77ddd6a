"""Pulse curves and step tables of memristors, against curves made here from the published equations and against aihwkit."""

from dataclasses import replace

import numpy as np
import pytest

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.memristors.presets import PRESETS, preset
from ohmprop.model.memristors.tables import DOWN, UP, equation, step_tables, table_errors

WEIGHT = Format(True, 8, 7)
PULSES = 500


# -- the published equations, written once more ---------------------------------------------------------------------


def exponential_step(w, rising, dw, a, b, gamma, gain_up, gain_down, up_down, low, high):
    """One pulse of aihwkit's ExpStepDevice, from its manual."""
    z = 2 * a * w / (high - low) + b
    if rising:
        w += dw * max(1 - gain_up * np.exp(gamma * z), 0)
    else:
        w -= dw * (1 - up_down) * max(1 - gain_down * np.exp(-gamma * z), 0)
    return min(max(w, low), high)


def exponential(low, high, **parameters):
    def reference(rising):
        w = [low if rising else high]
        for _ in range(PULSES):
            w.append(exponential_step(w[-1], rising, low=low, high=high, **parameters))
        return np.array(w)

    return reference


def neurosim(low, high, up, down):
    """NeuroSim's G(P) = B (1 - exp(-P / A)) + Gmin, by the number of the pulse and not pulse by pulse."""

    def reference(rising):
        levels, shape = up if rising else down
        p = np.minimum(np.arange(PULSES + 1), levels)
        p = p if rising else levels - p
        a = shape * levels
        return (high - low) / (1 - np.exp(-levels / a)) * (1 - np.exp(-p / a)) + low

    return reference


def soft_bounds(step):
    """The geometric series that pulses towards a soft bound make."""
    return lambda rising: (1 if rising else -1) * (1 - 2 * (1 - step) ** np.arange(PULSES + 1))


def ecram(rising):
    """LinearStepDevice with slopes: a first-order recurrence, solved."""
    step, slope_up, slope_down, low, high = 0.002, 0.1153, 0.5085, -0.8276, 1.1724
    n = np.arange(PULSES + 1)
    start, rest, ratio = (low, high / slope_up, 1 - step * slope_up / high) if rising else (
        high, low / slope_down, 1 + step * slope_down / low
    )  # fmt: skip
    return np.clip(rest + (start - rest) * ratio**n, low, high)


REFERENCES = {
    "reram-es": exponential(
        -1, 1, dw=0.00135, a=-0.5, b=-0.5, gamma=5, gain_up=-1.18445, gain_down=-0.081404, up_down=0.259359
    ),
    "pcm": exponential(0, 2, dw=0.01, a=-1, b=0, gamma=2.5, gain_up=-27.235, gain_down=-2.235, up_down=0),
    "ag-a-si": neurosim(3.08, 38.5, (97, 0.4992), (100, -0.2003)),
    "gst-pcm": neurosim(10_720, 212_300, (100, 12.626), (120, 0.4992)),
    "hzo-fefet": neurosim(39.75, 1789, (32, 0.7021), (32, 0.8487)),
    "soft-bounds": soft_bounds(2 / 127),
    "ecram": ecram,
}


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("name", REFERENCES)
def test_float_curves(name, rising):
    device = preset(name)
    found = device.curve(device.low if rising else device.high, PULSES, rising)
    expected = REFERENCES[name](rising)
    assert np.abs(found - expected).max() <= 1e-12 * PULSES * (device.high - device.low)
    assert abs(expected[-1] - expected[0]) > 0.3 * (device.high - device.low)


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("name", [name for name in REFERENCES if name != "pcm"])
def test_integer_curves(name, rising):
    """Half a level over 500 pulses, whole levels and tables of 12 bits instead of float64."""
    device = preset(name)
    tables = step_tables(device, WEIGHT)
    per_level = 1 / 127 * max(device.high - device.reference, device.reference - device.low)
    expected = (REFERENCES[name](rising) - device.reference) / per_level
    assert np.abs(tables.curve(PULSES, rising) - expected).max() < 0.5


def test_integer_curve_of_a_one_sided_pair():
    """Up as the device does, down by the first step of the other cell, however far up the weight is."""
    tables = step_tables(preset("pcm"), WEIGHT)
    up = REFERENCES["pcm"](True) * 127 / 2
    assert np.abs(tables.curve(PULSES, True) - up).max() < 0.5
    assert np.abs(tables.curve(6, False) - (127 - up[1] * np.arange(7))).max() < 0.05
    assert np.array_equal(tables.steps[UP, 1:], tables.steps[DOWN, 1:][::-1])


@pytest.mark.parametrize("bits", [6, 7, 8])
@pytest.mark.parametrize("name", PRESETS)
def test_tables_of_every_device(name, bits):
    weight = Format(True, bits, bits - 1)
    tables, exact = step_tables(preset(name), weight), equation(preset(name), weight)
    step, curve = table_errors(tables, exact)
    assert step <= 2.0 ** (tables.scale - 17) < 0.05
    assert curve <= 0.501
    assert tables.steps.max() >= 2048 or tables.scale == 0
    floats = np.arange(tables.low, tables.high + 1.0)
    noises = tables.noises[:, tables.levels - weight.low] * 85**0.5 * 2.0 ** (tables.scale - 16)
    for direction in (UP, DOWN):
        assert np.abs(noises[direction] - exact.noise(direction, floats)).max() < 0.15


@pytest.mark.parametrize("name", ["reram-es", "epiram", "linear"])
def test_a_pair_is_symmetric(name):
    device = preset(name)
    tables, exact = step_tables(device, WEIGHT, "pair"), equation(device, WEIGHT, "pair")
    assert np.array_equal(tables.steps[UP, 1:], tables.steps[DOWN, 1:][::-1])
    # 100 levels out from 0 the cell on that side rises or falls as the device does.
    w = device.low + (device.high - device.low) * np.array([100.0]) / 127
    scale = 127 / (device.high - device.low)
    assert tables.step(UP, np.array([100])) == pytest.approx(device.up(w) * scale, abs=0.01)
    assert tables.step(DOWN, np.array([100])) == pytest.approx(device.down(w) * scale, abs=0.01)
    assert table_errors(tables, exact)[0] < 0.01


def test_mean_of_whole_levels():
    """The mean of cells that round at random, drawn one by one."""
    tables = step_tables(preset("reram-es"), WEIGHT)
    rng = np.random.default_rng(1)
    cells = np.full(4000, tables.low)
    for _ in range(PULSES):
        cells += np.floor(tables.step(UP, cells) + rng.random(len(cells))).astype(np.int64)
    mean, deviation = (values[-1] for values in tables.mean_curve(PULSES, True))
    # Five standard errors of either.
    assert abs(cells.mean() - mean) < 5 * deviation / 4000**0.5
    assert abs(cells.std() - deviation) < 5 * deviation / 8000**0.5
    assert abs(mean - tables.curve(PULSES, True)[-1]) < 0.2


def test_fewer_levels():
    assert (
        step_tables(preset("linear"), WEIGHT, levels=129).low,
        step_tables(preset("linear"), WEIGHT, "pair", 64).high,
    ) == (
        -64,
        63,
    )
    # The same device: as many pulses from rail to rail, within one.
    for levels in (255, 129, 65):
        curve = step_tables(preset("epiram"), WEIGHT, levels=levels).curve(80, True)
        assert abs(int(np.argmax(curve >= curve[-1] - 0.5)) - 64) <= 1


# -- bad input ------------------------------------------------------------------------------------------------------


def refused(call, *words):
    with pytest.raises(UserError) as caught:
        call()
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    for word in words:
        assert word in text


def test_bad_input():
    linear = preset("linear")
    tables = step_tables(linear, WEIGHT)
    refused(lambda: preset("unobtainium"), "unobtainium", "reram-es")
    refused(lambda: step_tables(linear, WEIGHT, levels=256), "256", "255")
    refused(lambda: step_tables(linear, WEIGHT, "pair", 129), "129", "128")
    refused(lambda: step_tables(linear, WEIGHT, levels=2), "2 levels")
    refused(lambda: step_tables(linear, WEIGHT, "triple"), "triple", "pair")
    refused(lambda: step_tables(linear, Format(True, 12, 11)), "fxp-s12/11", "8 bits")
    refused(lambda: replace(tables, high=128), "128", "fxp-s8/7")
    refused(lambda: replace(tables, steps=tables.steps[:, :100]), "(2, 100)", "256")
    refused(lambda: replace(tables, steps=tables.steps + 4000), "4095")
    refused(lambda: replace(tables, scale=16), "scale = 16")
    bent = tables.steps.copy()
    bent[DOWN, 128 + 40] += 1100
    refused(lambda: replace(tables, steps=bent), "down", "monotone", "39", "40")
    refused(lambda: replace(linear, low=1.0), "low")
    refused(lambda: replace(linear, zero=1.0), "zero")


# -- aihwkit --------------------------------------------------------------------------------------------------------

AIHWKIT = {
    "reram-es": "ReRamESPresetDevice",
    "reram-sb": "ReRamSBPresetDevice",
    "gokmen-vlasov": "GokmenVlasovPresetDevice",
    "ecram": "EcRamPresetDevice",
    "pcm": "PCMPresetDevice",
}


@pytest.mark.parametrize("name", AIHWKIT)
def test_against_aihwkit(name):
    presets = pytest.importorskip(
        "aihwkit.simulator.presets.devices", reason="aihwkit is not installed, so its curves are not compared"
    )
    from aihwkit.simulator.configs import SingleRPUConfig
    from aihwkit.utils.visualization import compute_pulse_response, get_tile_for_plotting

    theirs = getattr(presets, AIHWKIT[name])()
    for field in vars(theirs):
        if field.endswith(("_dtod", "_std", "_std_add", "_std_slope")):
            setattr(theirs, field, 0.0)
    device = preset(name)
    tile = get_tile_for_plotting(SingleRPUConfig(device=theirs), 1, False, noise_free=True, w_init=device.low)
    trace = compute_pulse_response(tile, np.repeat([1.0, -1.0], PULSES))[:, 0, 0]
    up = device.curve(device.low, PULSES, True)
    down = device.curve(float(up[-1]), PULSES, False)
    # aihwkit computes in float32.
    assert np.abs(trace - np.concatenate([up[1:], down[1:]])).max() < 1e-5
