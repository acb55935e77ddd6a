"""Kernels between layers: their text, the maps that they make, and what is refused."""

import numpy as np
import pytest

from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec
from ohmprop.model.spec.kernels import Kernel, joints
from tests.kit.convolutions import dense

GOOD = {"layers": (100, 64, 27, 3), "kernels": ("3x3x4 pool", "2x2x3", "full")}


def test_maps_and_matrices():
    spec = MachineSpec.load("mnist-p16-s32-10")
    maps = [(joint.above.side, joint.above.channels) for joint in joints(spec.layers, spec.kernels)]
    assert maps == [(12, 16), (4, 32), (1, 10)]
    assert [(matrix.rows, matrix.columns) for matrix in spec.matrices] == [(25, 16), (400, 32), (10, 512)]
    assert spec.synapses == 18_320 and spec.layout.words == 585
    assert Kernel.parse("5x5x16 pool", "x") == Kernel(5, 16, 1, True)
    assert Kernel.parse("3x3x8 stride 2 pool", "x") == Kernel(3, 8, 2, True)


def test_a_file_keeps_them():
    spec = MachineSpec(**GOOD, nudges=True)
    assert MachineSpec.from_saved(spec.to_toml()) == MachineSpec.from_toml(spec.to_toml()) == spec
    others = ({"kernels": ("3x3x4 pool", "2x2x3 stride 1", "full")}, {"fine_bits": 4}, {})
    assert len({MachineSpec(**{**GOOD, **other}).spec_hash for other in others}) == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kernels": ("3x3x4 pool", "full")}, "are 2 for 4 layers; give one for each pair"),
        ({"layers": (90, 64, 27, 3)}, r"layers\[0\] = 90 is no square, and kernels want square images of one channel"),
        ({"kernels": ("11x11x4", "full", "full")}, "kernels.0. = 11x11x4 is larger than the map of 10 x 10 below it"),
        ({"kernels": ("4x4x4 pool", "full", "full")}, "has 7 x 7 windows, and a pool takes 2 x 2 of an even number"),
        (
            {"kernels": ("3x3x4 pool", "2x2x4", "full")},
            r"layers\[2\] = 27 does not fit .* which makes 3 x 3 x 4 of 4 x 4; give 36",
        ),
        ({"kernels": ("3x3x4 pool", "2x2x3 pool", "full")}, "has a pool; only the first kernel has a pool"),
        ({"kernels": ("full", "2x2x3", "full")}, "kernels.0. = full is no kernel; give one to the images"),
        ({"kernels": ("3x3x4 pool", "full", "1x1x3")}, "follows a full layer; .* kernels come before full layers"),
        ({"kernels": ("3x3x200", "full", "full")}, "makes 12800 units of at most 4096; give fewer channels"),
        ({"kernels": ("3x4x4", "full", "full")}, "'3x4x4' is no kernel; give rows x columns x channels"),
        ({"kernels": ("3x3x4 stride 0", "full", "full")}, "stride 0' is no kernel"),
        ({"kernels": (3, "full", "full")}, "kernels.0. = 3 is no kernel"),
        ({"serial": True, "lanes": 8}, "serial = true is impossible with kernels"),
        ({"pulses": True, "fine_bits": 0}, "pulses = true is impossible with kernels"),
        ({"asymmetric": True}, "asymmetric = true is impossible with kernels"),
        ({"adc_bits": 6}, "adc_bits = 6 is impossible with kernels"),
        ({"in_turn": False}, "in_turn = false is impossible with kernels"),
        ({"biases": True}, "biases = True belongs to a layered machine"),
        ({"sparse": True}, "sparse = True belongs to a layered machine"),
    ],
)
def test_what_is_refused(changes, said):
    with pytest.raises(UserError, match=said):
        MachineSpec(**{**GOOD, **changes})


@pytest.mark.parametrize("line", ['order = "together"', "free_eps = 0.5", "feedforward = true", 'nudge = "centred"'])
def test_settings_that_are_refused(line):
    text = MachineSpec(**GOOD, nudges=True).to_toml()
    name = line.split(" =")[0]
    kept = [row for row in text.splitlines() if not row.startswith(f"{name} =")]
    with pytest.raises(UserError, match="steps in turn by whole steps"):
        MachineSpec.from_toml("\n".join([*kept, line]))


def test_nothing_would_be_learnt_of_phases_that_never_settle():
    text = MachineSpec(**GOOD, nudges=True).to_toml().replace("stop_when_settled = true", "stop_when_settled = false")
    with pytest.raises(UserError, match="settled_only = true teaches nothing with stop_when_settled = false"):
        MachineSpec.from_toml(text)


def test_the_setting_of_settled_patterns_is_of_kernels():
    with pytest.raises(UserError, match="settled_only = true belongs to a machine with kernels"):
        MachineSpec.from_toml("[machine]\nlayers = [64, 32, 10]\n[settings]\nsettled_only = true\n")


@pytest.mark.parametrize(
    ("layers", "kernels"),
    [
        ((64, 54, 40, 3), ("3x3x6 pool", "full", "full")),
        ((64, 9, 70, 3), ("3x3x1 pool", "full", "full")),
        ((64, 36, 48, 10), ("3x3x4 pool", "2x2x12", "full")),
        ((64, 36, 60), ("3x3x4 pool", "3x3x60")),
    ],
)
def test_the_largest_sum_is_that_of_all_cells_at_their_limits(layers, kernels):
    """By dense matrices: what a unit is made of, and all that it is part of."""
    spec = MachineSpec(layers=layers, kernels=kernels)
    counts = dense(spec, [np.ones((matrix.rows, matrix.columns), int) for matrix in spec.matrices])
    ups = [0, *(matrix.sum(axis=1).max() for matrix in counts[1:])]
    downs = [*(matrix.sum(axis=0).max() for matrix in counts[1:]), 0]
    found = max(up + down for up, down in zip(ups, downs, strict=True)) * spec.weight_limit * spec.state.high
    own = 2 * spec.state.high << spec.leak_shift
    drive = counts[0].sum(axis=1).max() * spec.input_weight.high * spec.brightest << spec.drive_shift
    least = found + own
    assert least <= spec.worst_accumulator <= least + drive + (1 << spec.euler_shift)
