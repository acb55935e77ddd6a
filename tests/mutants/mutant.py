"""What a mutant is: a fault of the hardware and the test that must catch it."""

from dataclasses import dataclass
from pathlib import Path

from tests.kit.paths import ROOT

LEARNING = "tests/hw/test_quick.py::test_learning_and_recall[lanes_do_not_divide-ep-ep]"
BAND = "tests/hw/test_quick.py::test_learning_and_recall[band-ep-ep]"
SIDE = "tests/hw/test_quick.py::test_learning_and_recall[lanes_do_not_divide-rbp-rbp-ep]"
SIDE_NEURON = "tests/hw/units/test_lane_parts.py::test_side_neuron_at_its_rails_and_ties"
SETTLING = "tests/hw/test_quick.py::test_a_phase_ends_when_all_is_settled"
LAYERED = "tests/hw/test_quick.py::test_a_layered_machine[one_hidden]"
DEEP = "tests/hw/test_quick.py::test_a_layered_machine[two_hidden]"
ONE_BLOCK = "tests/hw/test_quick.py::test_a_layered_machine[one_block]"
BIASES = "tests/hw/test_quick.py::test_a_layered_machine[biases]"
SERIAL = "tests/hw/test_quick.py::test_learning_and_recall[serial-rbp-rbp-ep]"
SERIAL_LAYERED = "tests/hw/test_quick.py::test_a_layered_machine[serial]"
FINE = "tests/hw/test_quick.py::test_fine_bits[recurrent]"
FINE_LAYERED = "tests/hw/test_quick.py::test_fine_bits[layered]"
FINE_SERIAL = "tests/hw/test_quick.py::test_fine_bits[serial]"
TURNS = "tests/hw/test_quick.py::test_options_of_learning[recurrent]"
TURNS_LAYERED = "tests/hw/test_quick.py::test_options_of_learning[layered]"
TURNS_SERIAL = "tests/hw/test_quick.py::test_options_of_learning[serial]"
CONTINUAL = "tests/hw/test_quick.py::test_options_of_learning[continual]"
CONTINUAL_LAYERED = "tests/hw/test_quick.py::test_options_of_learning[continual-layered]"
CONTINUAL_SERIAL = "tests/hw/test_quick.py::test_options_of_learning[continual-serial]"
FIELD = "tests/hw/test_quick.py::test_options_of_learning[asymmetric]"
FIELD_SERIAL = "tests/hw/test_quick.py::test_options_of_learning[asymmetric-serial]"
NUDGES = "tests/hw/test_quick.py::test_options_of_learning[nudges]"
NUDGES_LAYERED = "tests/hw/test_quick.py::test_options_of_learning[nudges-layered]"
NUDGES_SERIAL = "tests/hw/test_quick.py::test_options_of_learning[nudges-serial]"
LINK = "tests/hw/test_quick.py::test_link"
NEURON = "tests/hw/units/test_lane_parts.py::test_neuron_at_its_rails_and_ties"
PULSE_UNIT = "tests/hw/units/test_pulse_unit.py"
PULSED = "tests/hw/test_quick.py::test_pulses[recurrent]"
PULSED_SERIAL = "tests/hw/test_quick.py::test_pulses[serial]"
HOST_PULSED = "tests/hw/test_quick.py::test_pulses_of_the_host[recurrent]"
HOST_PULSED_LAYERED = "tests/hw/test_quick.py::test_pulses_of_the_host[layered]"
HOST_PULSED_SERIAL = "tests/hw/test_quick.py::test_pulses_of_the_host[serial]"
SYNAPSE = "tests/hw/units/test_lane_parts.py::test_synapse_at_its_rails_and_ties"


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Members
    -------
    name : what is wrong with the hardware then.
    file : the file in hw/.
    old, new : the text, which occurs once there, and what takes its place.
    tests : the pytest selection that must catch it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


def faulty(mutant: Mutant, hardware: Path = ROOT / "hw") -> str:
    """The file's text with the fault; ValueError if what it replaces does not occur exactly once."""
    text = (hardware / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(
            f"Mutant {mutant.name!r}: {mutant.old!r} occurs {text.count(mutant.old)} times in hw/{mutant.file} and not "
            "once; bring the mutant up to date."
        )
    return text.replace(mutant.old, mutant.new)
