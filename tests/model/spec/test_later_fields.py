"""A field that is added one day: no hash changes where it is off, and saved files mean off by leaving it out."""

import dataclasses
import json
import tomllib
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec, Settings, ready_machines
from ohmprop.model.spec.fields import MachineFields
from ohmprop.model.spec.optional import off_values, optional
from ohmprop.model.spec.options import equipped
from tests.kit.paths import ROOT

#: Fields that had no off value when hashes and saved files began. No name may be added: new fields are ``optional``.
FIRST = {
    MachineFields: (
        "layers lanes cut_diagonals pixel_bits input_weight weight state activity accumulator input_level target_level "
        "side memory_bytes clock_hz baud settings"
    ),
    Settings: ("free_steps nudged_steps driven_steps released_steps eta_shifts tolerance stop_when_settled skip"),
}
#: The hashes name compiled boards and saved weights. Those of the deep machines changed once, when fine bits took the place of
#: weights of 12 bits, which no board could hold, and those of MNIST's when they got a decoder of sparse patterns.
HASHES = {
    "digits-64-32-10": "43c04439f6193a19",
    "digits-64-32-32-32-10": "000a9bcea17ee8c0",
    "digits-64-64-64-10": "e55bf7aef68ad77e",
    "glyphs-100": "d7fe1d5b0f636b8e",
    "glyphs-pulses-100": "26961e9b1522f036",
    "mnist-196-128-5": "85c8ff46fb629ff1",
    "mnist-784-128-10": "d33958f644eb8565",
    "mnist-784-128-5": "26d0d6bf27a08fdd",
    "mnist-784-500-10": "a4218728593cc4b9",
    "mnist-p16-s32-10": "03a9ede86e1379de",
    "mnist-p8-s16-10": "07b1a481bd792f15",
    "mnist-s16-s32-10": "5d54eec04b9da464",
}
#: Those without the decoder, by which files that were saved before still fit.
BASIC_HASHES = {
    "mnist-196-128-5": "06fb504fbd468826",
    "mnist-784-128-10": "5193c2febe289d61",
    "mnist-784-128-5": "8cad79d0fc8a6196",
    "mnist-784-500-10": "cd26914ad0377e37",
}


@dataclass(frozen=True)
class Later(MachineSpec):
    """A later version's spec, whose default is not what all machines were before."""

    fine_bits: int = optional(4, off=0)


@pytest.mark.parametrize("name", ready_machines())
def test_hashes_of_the_ready_machines_stay(name: str) -> None:
    spec = MachineSpec.load(name)
    assert spec.spec_hash == HASHES[name]
    assert Later.from_saved(spec.to_toml()).spec_hash == HASHES[name]
    assert Later.load(name).spec_hash == HASHES[name]
    if name in BASIC_HASHES:
        assert dataclasses.replace(spec, sparse=False).spec_hash == BASIC_HASHES[name]


@pytest.mark.parametrize("cls", FIRST, ids=lambda cls: cls.__name__)
def test_every_new_field_has_an_off_value(cls: type) -> None:
    names = {item.name for item in dataclasses.fields(cls)}
    assert names - set(off_values(cls)) == set(FIRST[cls].split())


def test_a_field_that_is_off_is_no_part_of_the_hash() -> None:
    assert Later(fine_bits=0).spec_hash == MachineSpec().spec_hash
    assert len({MachineSpec().spec_hash, Later(fine_bits=2).spec_hash, Later().spec_hash}) == 3
    assert replace(MachineSpec(), cut_diagonals=0).spec_hash == MachineSpec().spec_hash


@pytest.mark.parametrize("layers", [(100,), (64, 32, 10)], ids=str)
def test_a_key_that_a_file_lacks(layers: tuple[int, ...]) -> None:
    saved, text = MachineSpec(layers=layers).to_toml(), f"machine.layers = {list(layers)}"
    fields = [(type(spec), spec.layers) for spec in (Later.from_saved(saved), Later.from_toml(text))]
    assert fields == [(Later, layers)] * 2
    # The program's file is of a time without the field; the user's is of today.
    assert Later.from_saved(saved) == Later(layers=layers, fine_bits=0)
    assert Later.from_toml(text) == Later(layers=layers, fine_bits=4)
    for spec in (Later(layers=layers, fine_bits=0), Later(layers=layers), Later(layers=layers, fine_bits=2)):
        assert Later.from_saved(spec.to_toml()) == spec == Later.from_toml(spec.to_toml())


def test_a_setting_that_a_saved_file_lacks() -> None:
    text = MachineSpec().to_toml().replace('rule = "ep"\n', "").replace("feedforward = false\n", "")
    assert "rule" not in text and "feedforward" not in text
    assert MachineSpec.from_saved(text) == MachineSpec()


def test_what_is_off_by_default_is_not_written() -> None:
    for spec in (MachineSpec(), MachineSpec(layers=(64, 32, 10))):
        written = tomllib.loads(spec.to_toml())["machine"]
        assert not {"biases", "serial", "pulses"} & set(written)


def test_saved_files_are_read_as_they_were_written() -> None:
    folder = ROOT / "tests" / "vectors" / "saved"
    names = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    for name in names:
        with np.load(folder / f"{name}.npz") as file:
            text, spec_hash = (file[key].tobytes().decode() for key in ("machine_toml", "spec_hash"))
        spec = MachineSpec.from_saved(text)
        assert spec.spec_hash == spec_hash and MachineSpec.from_saved(spec.to_toml()) == spec


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"order": "rows"}, "order = 'rows'"),
        ({"free_eps": 0.25}, "free_eps = 0.25"),
        ({"nudge": "up"}, "nudge = 'up'"),
        ({"beta": 2}, "beta = 2"),
    ],
)
def test_orders_and_steps_that_there_are_not(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Settings(**changes)


def test_a_machine_gets_the_hardware_that_its_settings_need() -> None:
    spec = equipped(MachineSpec(), order="blocks", free_eps=1.0)
    assert spec.in_turn and spec.settings.order == "blocks" and not equipped(MachineSpec(), nudged_steps=3).in_turn
    assert MachineSpec.from_saved(spec.to_toml()) == spec == MachineSpec.from_toml(spec.to_toml())
