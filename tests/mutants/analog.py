"""Faults of circuits, wires and the machine around an analog crossbar."""

from tests.mutants.mutant import Mutant

CIRCUIT, RESISTIVE = "../analog/circuit.py", "../analog/resistive.py"
KIRCHHOFF = "tests/analog/test_circuit.py::test_elements_obey_kirchhoff_as_the_equations_do"
TEXT = "tests/analog/test_circuit.py::test_a_netlist_is_the_committed_text"
GRADIENT = "tests/analog/test_resistive.py::test_ep_is_the_gradient"
SLOPE = "tests/analog/test_resistive.py::test_the_adjoint_is_the_slope_of_the_loss"
LOOP = "tests/analog/test_learning.py::test_spice_learns_a_memory_as_float64_does"
ON_WIRES = "tests/model/memristors/test_wires.py::test_a_step_sees_the_weights_through_the_wires"
WIRED = "tests/hw/test_quick.py::test_wires_with_factors"
WIRES, CROSSBAR = "parallel/wires.py", "parallel/crossbar.py"
PORT = "tests/hw/parallel/test_analog.py::test_ten_patterns_are_learnt"

MUTANTS = (
    Mutant("circuit: both cells hang on one line", CIRCUIT, '(0, "d", straight, ', '(0, "d", inverted, ', KIRCHHOFF),
    Mutant(
        "circuit: the input's current flows out", CIRCUIT, "-self.clamps[index] *", "self.clamps[index] *", KIRCHHOFF
    ),
    Mutant("circuit: a negative nudge pulls", CIRCUIT, "(a if sign > 0 else b, x)", "(a, x)", KIRCHHOFF),
    Mutant("circuit: absent weights have no cell", CIRCUIT, "analog.g_min + part", "part + 1e-9", TEXT),
    Mutant("netlist: it begins where it likes", "../analog/netlist.py", " uic", "", TEXT),
    Mutant("closed loop: twice the rate", "../analog/learning.py", "2.0**-shift", "2.0 ** (1 - shift)", LOOP),
    Mutant("resistive: below an amplifier as above it", RESISTIVE, "self.spec.gain**2 * first", "first", GRADIENT),
    Mutant("resistive: the adjoint forgets the way back", RESISTIVE, "None] / self.spec.gain)", "None])", SLOPE),
    Mutant(
        "crossbar: the columns end at the top",
        "../analog/crossbar.py",
        "diagonal[place[-1] + count]",
        "diagonal[place[0] + count]",
        "tests/analog/test_crossbar.py::test_the_exact_solution_is_badcrossbar_s",
    ),
    Mutant(
        "wires: the columns' currents flow upwards",
        "../model/memristors/wires.py",
        "np.arange(rows, 0, -1)",
        "np.arange(1, rows + 1)",
        "tests/analog/test_crossbar.py::test_the_closed_form_is_its_formula",
    ),
    Mutant(
        "wires: rows and columns are exchanged",
        "../model/golden/recurrent.py",
        "np.ascontiguousarray(factors.T)",
        "np.ascontiguousarray(factors)",
        ON_WIRES,
    ),
    Mutant(
        "wires: currents are a bit short",
        "../model/golden/recurrent_loops.py",
        "current + ((1 << bits) >> 1) >> bits",
        "current >> bits",
        ON_WIRES,
    ),
    Mutant(
        "wires: cells decay as if each piece were the first",
        "../model/golden/recurrent.py",
        "undecayed + done",
        "undecayed",
        "tests/model/memristors/test_wires.py::test_one_by_one_is_as_many_at_once",
    ),
    Mutant(
        "wires: currents are cut off",
        "parallel/datapath.py",
        "current + (1 << low - 1) >> low",
        "current >> low",
        WIRED,
    ),
    Mutant("wires: a factor of 0 counts nothing", WIRES, "factor + (1 << WIRE_BITS)", "factor", WIRED),
    Mutant(
        "wires: factors of the word before",
        CROSSBAR,
        "timing.operands - timing.factor - t",
        "timing.operands - t",
        WIRED,
    ),
    Mutant("wires: the row's value comes early", CROSSBAR, "delayed(m, driving, timing.factor)", "driving", WIRED),
    Mutant(
        "wires: a host's factor is a weight too",
        CROSSBAR,
        "self.access_write & ~self.access_factors",
        "self.access_write",
        WIRED,
    ),
    Mutant("wires: a host's factor goes into all lanes", WIRES, "self.access_lane == lane", "1", WIRED),
    Mutant(
        "analog port: it waits a clock too many",
        "parallel/analog.py",
        "(stood != self.settle)",
        "(stood <= self.settle)",
        PORT,
    ),
    Mutant(
        "analog port: half the current", "parallel/analog.py", "self.spec.adc.shift)", "self.spec.adc.shift - 1)", PORT
    ),
    Mutant(
        "analog port: activities pass no converter",
        "parallel/analog.py",
        "converted(activity, self.spec.dac) if self.spec.dac.shift else activity",
        "activity",
        PORT,
    ),
)
