"""Devices by name, with the parameters of their publications.

Those after "aihwkit" are its presets (Rasch et al. 2021), those after "NeuroSim" the table of its manual 3.0 (Chen, Peng, Yu
2018). Not modelled: aihwkit's write noise and its spread of the range's ends from device to device.
"""

from ohmprop.model.errors import UserError
from ohmprop.model.memristors.curves import Device, ExponentialCurve, ExponentialStep, LinearStep


def _soft_bounds(source: str, step: float, spread: float, noise: float, low: float = -1.0, high: float = 1.0) -> Device:
    return LinearStep(
        source=source, low=low, high=high, zero=0.0, step_up=step, step_down=step,
        slope_up=1.0, slope_down=1.0, spread=spread, noise=noise,
    )  # fmt: skip


def _neurosim(
    source: str, levels: tuple[int, int], shapes: tuple[float, float], low: float, high: float, noise: float
) -> Device:
    return ExponentialCurve(
        source=f"{source}, NeuroSim",
        low=low,
        high=high,
        levels_up=levels[0],
        levels_down=levels[1],
        shape_up=shapes[0],
        shape_down=shapes[1],
        range_noise=noise,
    )


#: Conductances of NeuroSim's devices are in nS; those of aihwkit's are weights.
PRESETS: dict[str, Device] = {
    "linear": LinearStep(source="ideal: 128 equal levels", zero=0.0, step_up=2 / 127, step_down=2 / 127),
    "soft-bounds": _soft_bounds("ideal: soft bounds, 128 levels at a weight of 0", 2 / 127, 0.0, 0.0),
    "gokmen-vlasov": LinearStep(
        source="Gokmen and Vlasov 2016, aihwkit", zero=0.0, step_up=0.0016, step_down=0.0016, spread=0.3, noise=0.3
    ),
    "reram-es": ExponentialStep(
        source="Gong et al. 2018, aihwkit ReRam-ES", zero=0.0, step_up=0.00135, step_down=0.00135 * (1 - 0.259359),
        scale=-0.5, offset=-0.5, gain_up=-1.18445, gain_down=-0.081404, rate_up=5.0, rate_down=5.0, spread=0.2, noise=5.0,
    ),
    "reram-sb": _soft_bounds("Gong et al. 2018, aihwkit ReRam-SB", 0.002, 0.3, 3.75, -0.75, 1.25),
    "reram-array-om": _soft_bounds("Gong, Rasch et al. 2022, aihwkit", 0.0949, 0.7829, 0.4158),
    "reram-array-hfo2": _soft_bounds("Gong, Rasch et al. 2022, aihwkit", 0.4622, 0.7125, 0.2174),
    "pcm": ExponentialStep(
        source="Nandakumar et al. 2020, aihwkit PCM", low=0.0, high=2.0, step_up=0.01, step_down=0.01,
        scale=-1.0, offset=0.0, gain_up=-27.235, gain_down=-2.235, rate_up=2.5, rate_down=2.5,
        spread=0.2, noise=0.6, noise_floor=0.042, noise_slope=0.108, one_sided=True,
    ),
    "ecram": LinearStep(
        source="Tang et al. 2018, aihwkit EcRam", low=-0.8276, high=1.1724, zero=0.0, step_up=0.002, step_down=0.002,
        slope_up=0.1153, slope_down=0.5085, spread=0.1, noise=0.3,
    ),
    "ecram-mo": LinearStep(
        source="Kim et al. 2019, aihwkit EcRamMO", low=-0.8286, high=1.1714, zero=0.0, step_up=2.8214e-4, step_down=2.8214e-4,
        slope_up=0.4152, slope_down=0.7342, spread=0.1, noise=2.0,
    ),
    "capacitor": LinearStep(
        source="Li et al. 2018, aihwkit Capacitor", zero=0.0, step_up=0.005, step_down=0.005,
        slope_up=0.05, slope_down=0.05, spread=0.1, noise=0.3,
    ),
    "ag-a-si": _neurosim("Jo et al. 2010", (97, 100), (0.4992, -0.2003), 3.08, 38.5, 0.035),
    "taox-hfox": _neurosim("Wu et al. 2018", (128, 128), (31.567, -1.9973), 1000.0, 10_000.0, 0.037),
    "taox-tio2": _neurosim("Gao et al. 2015", (102, 102), (0.6619, -0.6855), 100.0, 200.0, 0.01),
    "pcmo": _neurosim("Park et al. 2013", (50, 50), (0.3006, -0.1003), 6.357, 43.48, 0.01),
    "alox-hfo2": _neurosim("Woo et al. 2016", (40, 40), (0.6292, -2.0633), 13_360.0, 59_170.0, 0.05),
    "gst-pcm": _neurosim("Kuzum et al. 2011", (100, 120), (12.626, 0.4992), 10_720.0, 212_300.0, 0.015),
    "epiram": _neurosim("Choi et al. 2018", (64, 64), (2.5199, -2.5199), 245.9, 12_350.0, 0.02),
    "hzo-fefet": _neurosim("Jerry et al. 2017", (32, 32), (0.7021, 0.8487), 39.75, 1789.0, 0.005),
}  # fmt: skip


def preset(name: str) -> Device:
    """The device of this name; UserError if there is none."""
    if name not in PRESETS:
        raise UserError(f"There is no device {name!r}; give one of {', '.join(PRESETS)}, or the file of a fitted one.")
    return PRESETS[name]
