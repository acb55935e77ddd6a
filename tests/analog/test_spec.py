"""The table [analog] of a machine's file."""

import pytest

from ohmprop.analog.spec import PAIR_UNIT, AnalogSpec
from ohmprop.model.errors import UserError
from ohmprop.model.spec import MachineSpec

MACHINE = "[machine]\nlayers = [9]\n"


def written(tmp_path, text):
    path = tmp_path / "m m.toml"
    path.write_text(text)
    return path


def test_a_table_is_read_and_changes_nothing_of_the_machine(tmp_path):
    path = written(tmp_path, MACHINE + '[analog]\ngain = 1000\noffset = 0.001\nseed = 3\nactivation = "ideal"\n')
    assert AnalogSpec.load(path) == AnalogSpec(gain=1000.0, offset=0.001, seed=3)
    assert MachineSpec.load(path).spec_hash == MachineSpec(layers=(9,)).spec_hash


def test_without_a_table_the_circuit_is_the_usual_one(tmp_path):
    assert AnalogSpec.load(None) == AnalogSpec.load(written(tmp_path, MACHINE)) == AnalogSpec()
    assert AnalogSpec.load("digits-64-32-10") == AnalogSpec()
    assert AnalogSpec().g_min == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("gains = 3", "unknown key 'gains' in [analog]; known are unit,"),
        ('gain = "high"', "[analog] gain is 'high'; it must be a number"),
        ("gain = true", "[analog] gain is True; it must be a number"),
        ("activation = 1", "[analog] activation is 1; it must be a text"),
        ("seed = 1.5", "[analog] seed is 1.5; it must be a whole number"),
        ('activation = "relu"', "[analog] activation is 'relu'; write 'ideal' or 'pair'"),
        ('activation = "pair"', f"a differential pair saturates by {PAIR_UNIT:.5f} V"),
        ("unit = 0", "[analog] unit is 0.0; it must be above 0"),
        ("rc = nan", "[analog] rc is nan; it must be above 0"),
        ("on_off = 1", "[analog] on_off is 1.0; the largest conductance must exceed"),
        ("wire = -1", "[analog] wire is -1.0; a segment of wire has 0 ohms or more"),
        ("gain = 1", "[analog] gain is 1.0; an amplifier's gain is 10 to 1e9"),
        ("offset = -1", "[analog] offset is -1.0; it is in volts, 0 to 1"),
        ("mismatch = 2", "[analog] mismatch is 2.0; it is in volts, 0 to 1"),
    ],
)
def test_impossible_values_end_in_a_sentence(tmp_path, table, sentence):
    with pytest.raises(UserError) as error:
        AnalogSpec.load(written(tmp_path, f"{MACHINE}[analog]\n{table}\n"))
    assert sentence in str(error.value)


def test_a_table_that_is_none(tmp_path):
    with pytest.raises(UserError, match=r"\[analog\] in the machine file is not a table"):
        AnalogSpec.load(written(tmp_path, "analog = 3\n" + MACHINE))
