"""Layered machines as specs and memory layouts: what is possible, where weights lie, what the sweeps compute."""

import re
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.spec import MachineSpec, Settings, ready_machines
from ohmprop.model.spec.kernels import Joint, joints
from ohmprop.model.spec.options import equipped
from tests.kit.paths import ROOT
from tests.model.golden.test_layered_machine import FINE, SPECS

MNIST = MachineSpec(layers=(784, 128, 5))
BIASED = MachineSpec(layers=(784, 128, 5), biases=True)


@pytest.mark.parametrize("name", SPECS)
def test_toml_round_trips(name: str) -> None:
    again = MachineSpec.from_toml(SPECS[name].to_toml())
    assert again == SPECS[name] and hash(again) == hash(SPECS[name])


def test_the_hash_stays() -> None:
    # As for recurrent machines, it names compiled boards and saved weights.
    assert MNIST.spec_hash == "54c1532d738dfe56"
    others = [replace(MNIST, pixel_bits=1), replace(MNIST, input_weight=Format(True, 8, 9)), replace(MNIST, lanes=8)]
    assert len({spec.spec_hash for spec in [MNIST, *others, *SPECS.values()]}) == 4 + len(SPECS)
    assert BIASED.spec_hash != MNIST.spec_hash
    assert replace(MNIST, settings=replace(MNIST.settings, skip=False)).spec_hash == MNIST.spec_hash


def test_defaults_of_a_layered_machine() -> None:
    assert [str(form) for form in (MNIST.input_weight, MNIST.weight, MNIST.state, MNIST.activity)] == [
        "fxp-s8/8",
        "fxp-s8/7",
        "fxp-u8/8",
        "fxp-u8/8",
    ]
    assert MNIST.settings == Settings(20, 4, 20, 0, (3, 4))
    assert (MNIST.leak_shift, MNIST.drive_shift) == (7, 3)
    # 784 bright pixels on weights of one sign need a bit more than 24.
    assert str(MNIST.accumulator) == "fxp-s25/15"
    assert str(MachineSpec(layers=(64, 32, 10)).accumulator) == "fxp-s24/15"
    in_turn = {"order": "layers", "free_eps": 1.0, "nudged_eps": 1.0}
    assert MachineSpec.from_toml("machine.layers = [9, 3, 3, 2]\nsettings.skip = false") == MachineSpec(
        layers=(9, 3, 3, 2), settings=Settings(100, 4, 100, 0, (4, 5, 6), skip=False, **in_turn)
    )


def test_defaults_of_deep_machines() -> None:
    for layers in ((64, 64, 64, 10), (64, 32, 32, 32, 10)):
        ready = MachineSpec.load(f"digits-{'-'.join(map(str, layers))}")
        assert MachineSpec(layers=layers) == ready
    deep = MachineSpec(layers=(9, 3, 3, 2), biases=True)
    assert (deep.fine_bits, deep.in_turn, deep.settings.eta_shifts) == (4, True, (4, 5, 6, 4))
    # What a machine cannot have is left out, and what it has not got is not used.
    assert MachineSpec(layers=deep.layers, weight=Format(True, 12, 11)).fine_bits == 0
    pulsed = MachineSpec(layers=deep.layers, pulses=True)
    assert not pulsed.fine_bits and not pulsed.in_turn and pulsed.settings.order == "together"
    together = MachineSpec(layers=deep.layers, in_turn=False)
    assert together.settings.order == "together" and together.settings.nudged_steps == 8
    for spec in (deep, pulsed, together, replace(deep, fine_bits=0), equipped(deep, order="together", free_eps=0.5)):
        assert MachineSpec.from_toml(spec.to_toml()) == spec == MachineSpec.from_saved(spec.to_toml())


def test_defaults_of_biases() -> None:
    spec = MachineSpec.from_toml("machine.layers = [64, 32, 10]\nmachine.biases = true")
    assert spec == MachineSpec(layers=(64, 32, 10), biases=True) and spec.settings.eta_shifts == (3, 4, 3)
    assert (spec.matrices[-1].rows, spec.matrices[-1].columns, spec.synapses) == (1, 42, 64 * 32 + 320 + 42)
    assert spec.worst_accumulator - MachineSpec(layers=(64, 32, 10)).worst_accumulator == 127 * 15 << 3
    # The outputs' sums are the largest here.
    few = MachineSpec(layers=(1, 512, 2), pixel_bits=1, input_weight=Format(True, 8, 1))
    many = MachineSpec(layers=few.layers, pixel_bits=1, input_weight=few.input_weight, biases=True)
    assert many.worst_accumulator - few.worst_accumulator == 127 << 13


@pytest.mark.parametrize("pixel_bits", [1, 4, 8])
@pytest.mark.parametrize("formats", [{}, FINE])
def test_the_learning_rates_within_reach(pixel_bits: int, formats: dict[str, Format]) -> None:
    spec = MachineSpec(layers=(4, 3, 2), pixel_bits=pixel_bits, **formats)
    first, later = spec.matrices
    assert first.eta_shifts == range(1, 9) and later.eta_shifts == (range(1, 9) if formats else range(8))


def joints_of(spec: MachineSpec) -> tuple[Joint, ...]:
    """What joins the layers of a machine with kernels."""
    return joints(spec.layers, spec.kernels) if spec.kernels else ()


@pytest.mark.parametrize("name", ready_machines())
def test_ready_machines(name: str) -> None:
    spec = MachineSpec.load(name)
    maps = [f"{'p' if one.pool else 's'}{one.channels}" for one in (joint.kernel for joint in joints_of(spec)) if one]
    layers = [*maps, *spec.layers[-1:]] if maps else spec.layers
    assert name.endswith("-".join(map(str, layers))) and spec.lanes == 32


@pytest.mark.parametrize("name", ready_machines())
def test_ready_machines_are_written_out_in_full(name: str) -> None:
    written = tomllib.loads((ROOT / "model" / "machines" / f"{name}.toml").read_text(encoding="utf-8"))
    assert written == tomllib.loads(MachineSpec.load(name).to_toml())


def test_names_of_the_ready_machines() -> None:
    nets = ["196-128-5", "784-128-10", "784-128-5", "784-500-10"]
    digits = ["digits-64-32-10", "digits-64-32-32-32-10", "digits-64-64-64-10"]
    kernels = ["p16-s32-10", "p8-s16-10", "s16-s32-10"]
    assert ready_machines() == [*digits, "glyphs-100", "glyphs-pulses-100", *(f"mnist-{net}" for net in nets + kernels)]


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"layers": (784, 10)}, "give one number, .* or inputs, one to 3 hidden layers and outputs"),
    ({"layers": (9, 8, 7, 6, 5, 4)}, "layers = "),
    ({"layers": (1025, 128, 5)}, r"layers\[0\] = 1025 .* from 1 to 1024"),
    ({"layers": (784, 513, 5)}, r"layers\[1\] = 513 .* from 1 to 512"),
    ({"layers": (784, 128, 0, 5)}, r"layers\[2\] = 0 "),
    ({"layers": (784, 128, 1)}, r"layers\[2\] = 1 .* from 2 to 64"),
    ({"layers": (784, 128, 65)}, r"layers\[2\] = 65 "),
    ({"pixel_bits": 2}, "pixel_bits = 2 .* give 1, 4 or 8"),
    ({"pixel_bits": True}, "pixel_bits = True"),
    ({"layers": (100,), "pixel_bits": 8}, "pixel_bits = 8 belongs to a layered machine"),
    ({"layers": (100,), "input_weight": Format(True, 8, 7)}, "input_weight = fxp-s8/7 belongs to a layered machine"),
    ({"layers": (100,), "biases": True}, "biases = True belongs to a layered machine"),
    ({"biases": 1}, "biases = 1 .* write true or false"),
    (
        {"biases": True, "settings": MNIST.settings},
        r"eta_shifts = \[3, 4\] .* has 3 weight matrices, the biases included, so give",
    ),
    ({"cut_diagonals": 1}, "cut_diagonals = 1 belongs to a recurrent machine"),
    ({"input_level": 8}, "input_level = 8 belongs to a recurrent machine"),
    ({"target_level": 100}, "target_level = 100 belongs to a recurrent machine"),
    ({"weight": Format(True, 13, 12)}, "weight = fxp-s13/12 .* 2 to 12 bits"),
    ({"input_weight": "fxp-s8/8"}, "input_weight = "),
    ({"input_weight": Format(False, 8, 8)}, "input_weight = fxp-u8/8 .* signed"),
    ({"weight": Format(True, 8, 0)}, "weight's fraction = 0 .* from 1 to 16"),
    ({"state": Format(True, 8, 5)}, "state = fxp-s8/5 .* it is fxp-u8/8"),
    ({"activity": Format(True, 8, 7)}, "activity = fxp-s8/7 .* it is fxp-u8/8"),
    ({"accumulator": Format(True, 24, 15)}, "overflows: .* at least 25 bits"),
    ({"accumulator": Format(True, 26, 14)}, "does not match .* 15 bits of fraction"),
    ({"in_turn": 1}, "in_turn = 1 .* write true or false"),
    ({"sparse": 1}, "sparse = 1 .* write true or false"),
    ({"sparse": True, "pixel_bits": 8}, "sparse = true is impossible with pixel_bits = 8; give 4, or leave sparse out"),
    ({"layers": (100,), "sparse": True}, "sparse = True belongs to a layered machine"),
    ({"sparse": True, "store": 1000}, "store = 1000 is impossible; give a multiple of 512"),
    ({"sparse": True, "store": 1 << 26}, "store = 67108864 .* from 0 to 33554432"),
    ({"store": 1 << 16}, "store = 65536 keeps sparse patterns; write sparse = true as well, or store = 0"),
    ({"sparse": True, "store": 1 << 25}, "is an SDRAM chip, which clock_hz = 4000000 does not suit; give 6000000 to 1"),
    ({"layers": (100,), "store": 1 << 16}, "store = 65536 belongs to a layered machine"),
    ({"adc_bits": 1}, "adc_bits = 1 .* from 2 to 16"),
    ({"wires": True}, "wires = True belongs to a recurrent machine"),
    ({"adc_bits": 6, "adc_range": 3}, "adc_range = 3 is impossible; give a power of two, 1 to 64"),
    ({"dac_bits": 8}, "dac_bits = 8 .* from 2 to 7"),
    ({"in_turn": True, "pulses": True}, "in_turn = true is impossible with pulses = true"),
    ({"settings": replace(MNIST.settings, order="layers")}, "order = layers needs .* write in_turn = true"),
    ({"settings": replace(MNIST.settings, nudged_eps=1)}, "nudged_eps = 1 needs .* in_turn = true"),
    (
        {"in_turn": True, "settings": replace(MNIST.settings, order="blocks")},
        "order = blocks is impossible in a layered machine; give together or layers",
    ),
    (
        {"layers": (9,), "in_turn": True, "settings": Settings(order="blocks", rule="rbp")},
        "order = blocks does not go with rule = rbp",
    ),
    ({"nudges": "yes"}, "nudges = 'yes' .* write true or false"),
    ({"settings": replace(MNIST.settings, nudge="negative")}, "nudge = negative needs .* nudges = true"),
    ({"settings": replace(MNIST.settings, beta=0.5)}, "beta = 0.5 needs .* nudges = true"),
    (
        {"nudges": True, "weight": Format(True, 8, 1), "settings": Settings(released_steps=0, eta_shifts=(3, 1))},
        "nudges = true is impossible with weight = fxp-s8/1",
    ),
    ({"fine_bits": 9}, "fine_bits = 9 .* from 0 to 8"),
    ({"fine_bits": True}, "fine_bits = True"),
    ({"fine_bits": 4, **FINE}, "fine_bits = 4 is impossible with weights of 12 bits"),
    ({"fine_bits": 4, "pulses": True}, "fine_bits = 4 is impossible with pulses = true"),
    ({"fine_bits": 4, "memory_bytes": 151_487}, "memory_bytes = 151487 is too small .* need 151488"),
    ({"fine_bits": 5, "memory_bytes": 201_983}, "memory_bytes = 201983 is too small .* need 201984"),
    ({"memory_bytes": 100_991}, "memory_bytes = 100991 is too small .* need 100992"),
    ({"memory_bytes": 200_000, **FINE}, "memory_bytes = 200000 is too small .* need 201984"),
    ({"settings": Settings(released_steps=0)}, r"eta_shifts = \[6\] .* has 2 weight matrices"),
    ({"settings": Settings(eta_shifts=(0, 4), released_steps=0)}, r"eta_shifts\[0\] = 0 .* fxp-s8/8 give 1 to 8"),
    ({"settings": Settings(eta_shifts=(3, 8), released_steps=0)}, r"eta_shifts\[1\] = 8 .* fxp-s8/7 give 0 to 7"),
    ({"settings": Settings(eta_shifts=(3, 4), released_steps=1)}, "released_steps = 1 .* give 0"),
    ({"layers": (100,), "settings": Settings(feedforward=True)}, "feedforward and skip belong to a layered machine"),
    ({"layers": (100,), "settings": Settings(skip=False)}, "feedforward and skip belong to a layered machine"),
]


@pytest.mark.parametrize(("changes", "said"), IMPOSSIBLE, ids=lambda value: value if isinstance(value, str) else "")
def test_impossible_machines(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        MachineSpec(**{"layers": (784, 128, 5)} | changes)
    text = str(caught.value)
    assert re.search(said, text) and text.endswith(".") and "\n" not in text
