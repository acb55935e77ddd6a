"""MachineSpec: TOML both ways, a hash that stays, and every impossible machine refused in a sentence."""

import re
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmprop.model.errors import UserError
from ohmprop.model.formats import Format
from ohmprop.model.spec import MachineSpec, Settings
from tests.kit.specs import SPECS

STEPS = st.integers(0, 255)
SETTINGS = st.builds(
    Settings, STEPS, STEPS, STEPS, STEPS, st.tuples(st.integers(2, 9)), st.integers(0, 127), st.booleans()
)
MACHINES = st.builds(
    lambda neurons, lanes, cut, settings: MachineSpec(
        layers=(neurons,), lanes=lanes, cut_diagonals=min(cut, neurons - 2), settings=settings
    ),
    st.integers(2, 256),
    st.integers(1, 64),
    st.integers(0, 254),
    SETTINGS,
)


@given(MACHINES)
def test_toml_round_trips(spec: MachineSpec) -> None:
    again = MachineSpec.from_toml(spec.to_toml())
    assert again == spec and hash(again) == hash(spec) and again.spec_hash == spec.spec_hash


@pytest.mark.parametrize("name", SPECS)
def test_files_round_trip(name: str, tmp_path: Path) -> None:
    path = tmp_path / "machine.toml"
    path.write_text(SPECS[name].to_toml(), encoding="utf-8")
    assert MachineSpec.load(path) == SPECS[name]


def test_what_a_file_leaves_out_is_default() -> None:
    assert MachineSpec.from_toml("") == MachineSpec()
    assert MachineSpec.from_toml("machine.lanes = 8\nsettings.eta_shifts = [5]") == MachineSpec(
        lanes=8, settings=Settings(eta_shifts=(5,))
    )


def test_the_hash_stays() -> None:
    # It names compiled boards and saved weights: if this fails, every one of those is orphaned.
    assert MachineSpec().spec_hash == "d7fe1d5b0f636b8e"


def test_the_hash_is_the_hardwares() -> None:
    specs = [*SPECS.values(), MachineSpec(lanes=31), MachineSpec(cut_diagonals=1), MachineSpec(clock_hz=12_000_000)]
    assert len({spec.spec_hash for spec in specs}) == len(specs)
    assert replace(MachineSpec(), settings=Settings(free_steps=3)).spec_hash == MachineSpec().spec_hash


@pytest.mark.parametrize(("neurons", "cut", "synapses"), [(100, 0, 9900), (100, 60, 6240), (11, 6, 68), (2, 0, 2)])
def test_synapses(neurons: int, cut: int, synapses: int) -> None:
    assert MachineSpec(layers=(neurons,), cut_diagonals=cut).synapses == synapses


NAN = float("nan")
IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"lanes": 0}, "lanes = 0 .* from 1 to 128"),
    ({"lanes": 129}, "lanes = 129 .* from 1 to 128"),
    ({"lanes": -1}, "lanes = -1"),
    ({"lanes": 2.0}, "lanes = 2.0 .* whole number"),
    ({"lanes": True}, "lanes = True"),
    ({"lanes": "4"}, "lanes = '4'"),
    ({"lanes": NAN}, "lanes = nan"),
    ({"layers": (1,)}, r"layers\[0\] = 1 .* from 2 to 256"),
    ({"wires": 1}, "wires = 1 is impossible; write true or false"),
    (
        {"wires": True},
        "wires = true is impossible with 100 neurons and 32 lanes; give at most 64 neurons and as many lanes",
    ),
    ({"wires": True, "lanes": 100}, "wires = true is impossible with 100 neurons and 100 lanes"),
    ({"wires": True, "layers": (8,), "lanes": 8, "serial": True}, "wires = true is impossible in a serial machine"),
    ({"wires": True, "layers": (64,), "lanes": 64, "memory_bytes": 8191}, "memory_bytes = 8191 .* which need 8192"),
    (
        {"wires": True, "layers": (64,), "lanes": 64, "accumulator": Format(True, 21, 14)},
        "overflows: .* at least 27 bits",
    ),
    ({"layers": (257,)}, r"layers\[0\] = 257"),
    ({"layers": (NAN,)}, r"layers\[0\] = nan"),
    ({"layers": (784, 10)}, "layers = .* give one number,.* or inputs"),
    ({"layers": ()}, "layers = "),
    ({"layers": 100}, "layers = 100"),
    ({"cut_diagonals": 99}, "cut_diagonals = 99 .* from 0 to 98"),
    ({"cut_diagonals": -1}, "cut_diagonals = -1"),
    ({"accumulator": Format(True, 21, 14)}, "overflows: .* at least 26 bits"),
    ({"accumulator": Format(True, 24, 13)}, "does not match the products .* 14 bits of fraction"),
    ({"accumulator": Format(False, 24, 14)}, "accumulator = .* signed"),
    ({"weight": Format(True, 9, 8)}, "weight = fxp-s9/8 .* 2 to 8 bits"),
    ({"weight": "fxp-s8/7"}, "weight = "),
    ({"activity": Format(True, 8, 6)}, "activity = fxp-s8/6 .* give fxp-s8/7"),
    ({"state": Format(True, 8, 15)}, "state = fxp-s8/15 .* fewer bits of fraction"),
    ({"state": Format(False, 8, 5)}, "state = fxp-u8/5 .* signed"),
    ({"input_level": 0}, "input_level = 0"),
    ({"input_level": 128}, "input_level = 128 .* from 1 to 127"),
    ({"target_level": 128}, "target_level = 128"),
    ({"memory_bytes": 9727}, "memory_bytes = 9727 is too small .* need 9728"),
    ({"memory_bytes": 0}, "memory_bytes = 0"),
    ({"clock_hz": 0}, "clock_hz = 0"),
    ({"clock_hz": NAN}, "clock_hz = nan"),
    ({"baud": 1_000_001}, "baud = 1000001 is too fast .* at most 1000000 baud"),
    ({"settings": Settings(eta_shifts=(1,))}, r"eta_shifts\[0\] = 1 .* give 2 to 9"),
    ({"settings": Settings(eta_shifts=(10,))}, r"eta_shifts\[0\] = 10 .* give 2 to 9"),
]


@pytest.mark.parametrize(("changes", "said"), IMPOSSIBLE, ids=lambda value: value if isinstance(value, str) else "")
def test_impossible_machines(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        MachineSpec(**changes)
    assert_sentence(str(caught.value), said)


def assert_sentence(text: str, said: str) -> None:
    """One line, a full stop at the end, and what has to be said in it."""
    assert re.search(said, text) and text.endswith(".") and "\n" not in text


def test_memory_that_just_suffices() -> None:
    assert MachineSpec(memory_bytes=304 * 32).memory_bytes == 9728


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"free_steps": 256}, "free_steps = 256 .* from 0 to 255"),
        ({"nudged_steps": -1}, "nudged_steps = -1"),
        ({"driven_steps": NAN}, "driven_steps = nan"),
        ({"released_steps": 1.0}, "released_steps = 1.0"),
        ({"eta_shifts": (16,)}, r"eta_shifts\[0\] = 16 .* from 0 to 15"),
        ({"eta_shifts": 6}, "eta_shifts = 6 .* give a list"),
        ({"tolerance": 128}, "tolerance = 128 .* from 0 to 127"),
        ({"stop_when_settled": 1}, "stop_when_settled = 1 .* true or false"),
    ],
)
def test_impossible_settings(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        Settings(**changes)
    assert_sentence(str(caught.value), said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lanes 4", "is not TOML"),
        ("machine.lanes = ", "is not TOML"),
        ("lanes = 4", r"unknown table \[lanes\]"),
        ("[board]\nname = 'x'", r"unknown table \[board\]"),
        ("machine.lane = 4", "unknown key 'lane' .* known are layers, lanes"),
        ("settings.steps = 4", "unknown key 'steps'"),
        ("machine.settings = 4", "unknown key 'settings'"),
        ("machine = 4", r"\[machine\] .* is not a table"),
        ("[[machine]]\nlanes = 4", r"\[machine\] .* is not a table"),
        ("machine.layers = 100", "layers = 100"),
        ("machine.layers = ['a']", r"layers\[0\] = 'a'"),
        ("machine.lanes = 0", "lanes = 0"),
        ("machine.lanes = nan", "lanes = nan"),
        ("machine.lanes = '4'", "lanes = '4'"),
        ("machine.weight = 8", "8.* is not a number format"),
        ("machine.weight = 'int8'", "'int8' is not a number format"),
        ("settings.tolerance = inf", "tolerance = inf"),
        ("settings.stop_when_settled = 'no'", "stop_when_settled = 'no'"),
    ],
)
def test_impossible_files(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        MachineSpec.from_toml(text)
    assert_sentence(str(caught.value), said)


# fmt: off
#: What a key may be given by mistake.
STRANGE = [
    "0", "1", "-1", "true", "nan", "inf", "1.5", "10000000000", "{}", "[]",
    "[1,2]", "[[1]]", "[3,2,2,2,2,2]", "['a']", "'x'", "'fxp-s1/1'", "'fxp-s8/7'", "'fxp-u8/8'", "'fxp-s48/48'", "1979-05-27",
]
# fmt: on


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("layers", ["[25]", "[9, 3, 2]"])
def test_no_value_of_a_key_ends_in_a_traceback(layers: str, saved: bool) -> None:
    read = MachineSpec.from_saved if saved else MachineSpec.from_toml
    keys = [
        *(f"machine.{item.name}" for item in fields(MachineSpec)),
        *(f"settings.{i.name}" for i in fields(Settings)),
    ]
    refused = 0
    for key, value in product(keys, STRANGE):
        lines = {"machine.layers": layers} | {key: value}
        try:
            read("\n".join(f"{name} = {given}" for name, given in lines.items()))
        except UserError as error:
            assert_sentence(str(error), "")
            refused += 1
    assert refused > len(keys) * len(STRANGE) / 2


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "absent.toml", tmp_path, tmp_path / "binary.toml"):
        with pytest.raises(UserError) as caught:
            MachineSpec.load(path)
        assert_sentence(str(caught.value), "cannot be read .* give the path of a TOML file or one of .*mnist-784-128-5")


@pytest.mark.parametrize("spec", [MachineSpec(), MachineSpec(layers=(64, 32, 10), biases=True)], ids=["100", "biased"])
def test_the_layout_is_made_once_and_no_part_of_the_spec(spec: MachineSpec) -> None:
    fresh = MachineSpec(**{item.name: getattr(spec, item.name) for item in fields(spec)})
    before = hash(spec), repr(spec)
    assert spec.layout is spec.layout and spec.timing is spec.timing and spec.timing.layout is spec.layout
    assert fresh == spec and (hash(spec), repr(spec)) == before == (hash(fresh), repr(fresh))
    assert replace(spec, lanes=8).layout.lanes == 8
