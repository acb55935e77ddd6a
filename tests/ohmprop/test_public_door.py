"""What `import ohmprop` gives, and what it does not load."""

import doctest
import subprocess
import sys

import pytest

import ohmprop
from ohmprop.model.errors import UserError


def test_every_name_that_is_promised_is_there_and_no_other():
    exported = {name for name in vars(ohmprop) if not name.startswith("_")}
    # What the door itself is made of, and rooms that other tests have imported.
    made_of = {"AbstractContextManager", "import_module", "TYPE_CHECKING", "Any"}
    rooms = {"model", "analog", "hw", "sim", "boards", "host"}
    promised = {
        *("AssociativeMemory", "EPClassifier", "Machine"),
        *("MachineSpec", "GoldenMachine", "Board", "open_board", "machine", "memristor"),
        *("load_data", "load_patterns"),
    }
    assert set(ohmprop.__all__) == promised
    assert all(callable(getattr(ohmprop, name)) for name in promised)
    assert exported - made_of - rooms <= promised
    assert promised <= set(dir(ohmprop))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ohmprop.nothing


def loaded_by(program):
    """Names of all modules that a fresh interpreter has loaded after running a program."""
    command = [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_the_door_alone_loads_nothing():
    loaded = loaded_by("import ohmprop")
    assert not loaded & {"numpy", "serial", "amaranth", "matplotlib", "numba", "click", "scipy"}


@pytest.mark.parametrize("name", ["Board", "MachineSpec", "open_board", "machine('glyphs-100')"])
def test_what_drives_a_board_loads_neither_the_design_nor_pictures(name):
    assert not loaded_by(f"import ohmprop; ohmprop.{name}") & {"amaranth", "matplotlib"}


def test_every_name_has_an_example_that_runs():
    modules = {ohmprop, *(sys.modules[getattr(ohmprop, name).__module__] for name in ohmprop.__all__)}
    for module in modules:
        assert not doctest.testmod(module).failed
    for name in ohmprop.__all__:
        assert ">>>" in getattr(ohmprop, name).__doc__


def test_names_that_are_not_there_are_refused_in_a_sentence():
    with pytest.raises(UserError, match=r"\.$"):
        ohmprop.machine("no-such-machine")
    with pytest.raises(UserError, match=r"\.$"):
        ohmprop.memristor("no-such-memristor")


def test_the_command_is_also_a_module():
    command = [sys.executable, "-m", "ohmprop", "--help"]
    assert "Usage: ohmprop" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
