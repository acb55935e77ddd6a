"""A range of the converters that wastes their bits is said, with the one that would do."""

import numpy as np
import pytest

from ohmprop.host.experiments import training
from ohmprop.host.run.converter import largest_current, wasted_range
from ohmprop.model.float64.reference import Reference, as_float64
from ohmprop.model.spec import MachineSpec
from tests.kit.memories import classifier, memory


def test_currents_are_those_behind_which_a_converter_stands():
    machine, patterns = memory(16, 3)
    weights = machine.weights
    states = Reference(machine.spec, machine.spec.settings, as_float64(machine.spec, weights))
    rest = [states.states_after(one, one, machine.spec.settings) for one in patterns]
    expected = max(float(np.abs(np.tanh(one) @ as_float64(machine.spec, weights)[0]).max()) for one in rest)
    # The nudge moves what has settled by little.
    assert largest_current(machine.spec, weights, patterns) == pytest.approx(expected, rel=0.1)
    layered, images, _ = classifier()
    assert 0.5 < largest_current(layered.spec, layered.weights, images) < 4


@pytest.mark.parametrize(("layers", "trained"), [((16,), memory(16, 3)[:2]), ((12, 8, 3), classifier()[:2])])
def test_a_wide_range_is_warned_of(layers, trained):
    machine, inputs = trained
    largest = largest_current(machine.spec, machine.weights, inputs)
    enough = 1 if largest <= 1 else 2 if largest <= 2 else 4

    def said(**fields):
        return wasted_range(MachineSpec(layers=layers, lanes=4, **fields), machine.weights, inputs)

    assert said() == said(adc_bits=6, adc_range=enough) == said(adc_bits=6, adc_range=2 * enough) == ""
    sentence = said(adc_bits=6, adc_range=8 * enough)
    assert f"wastes 3 of the converters' 6 bits; adc_range = {enough} would do." in sentence


def test_training_says_it(tmp_path, monkeypatch, capsys):
    """At the end of a run, once."""
    from click.testing import CliRunner

    from ohmprop.host.cli.main import main

    monkeypatch.chdir(tmp_path)
    said = []
    monkeypatch.setattr(training, "warn", said.append)
    np.save("p.npy", memory(16, 3)[1])
    for fields, count in (("adc_bits = 6\nadc_range = 64", 1), ("adc_bits = 6\nadc_range = 2", 0)):
        (tmp_path / "m.toml").write_text(f"[machine]\nlayers = [16]\nlanes = 4\n{fields}\n")
        said.clear()
        result = CliRunner().invoke(
            main, ["train", "--board", "golden", "--machine", "m.toml", "--patterns", "p.npy", "--epochs", "3"]
        )
        assert result.exit_code == 0, result.output
        assert len([one for one in said if "adc_range" in one]) == count
