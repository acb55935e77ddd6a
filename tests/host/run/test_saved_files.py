"""Files that earlier versions wrote load for ever, and their runs go on to the bits they went on to then."""

import json
import shutil
import zlib

import numpy as np
import pytest
from click.testing import CliRunner

from ohmprop import AssociativeMemory
from ohmprop.host.cli.main import main
from tests.kit.paths import ROOT

SAVED = ROOT / "tests" / "vectors" / "saved"
EXPECTED = json.loads((SAVED / "expected.json").read_text(encoding="utf-8"))


def bits(path):
    """What a saved file holds; the weights as 16-bit numbers, one matrix after another."""
    with np.load(path) as file:
        return {
            "spec_hash": file["spec_hash"].tobytes().decode(),
            "lfsr": int(file["lfsr"]),
            "learnt": int(file["learnt"]),
            "weights_crc32": zlib.crc32(file["weights"].astype("<i2").tobytes()),
        }


@pytest.mark.parametrize("name", EXPECTED)
def test_an_old_file_goes_on_to_the_stored_bits(name, tmp_path):
    expected = EXPECTED[name]
    assert bits(SAVED / f"{name}.npz") == expected["saved"]
    path = tmp_path / "run.npz"
    shutil.copy(SAVED / f"{name}.npz", path)
    options = ["train", "--board", "golden"]
    if expected["kind"] == "resume":
        options += ["--resume", str(path)]
    else:
        options += [*expected["options"], "--load", str(path), "--epochs", str(expected["epochs"]), "--save", str(path)]
    result = CliRunner().invoke(main, options, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert bits(path) == expected["continued"]


def test_an_old_file_of_an_estimator_knows_its_patterns_and_goes_on_to_the_stored_bits():
    patterns = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [3, 0, 3, 0, 3, 0, 3, 0]])
    memory = AssociativeMemory.load(SAVED / "memory-of-an-estimator.npz")
    assert np.array_equal(memory.patterns_, patterns > 1.5)
    assert (memory.middle_, memory.epochs_) == (1.5, 20)
    memory.partial_fit(patterns)
    assert zlib.crc32(memory.weights_[0].astype("<i2").tobytes()) == 3855016486
    assert memory.recall(patterns[:, ::-1]).astype(int).tolist() == [[0] * 8, [0, 1] * 4]
