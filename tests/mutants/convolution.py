"""Faults of kernels in the golden machine, whose equations are written once more beside it, and of their gradients."""

from tests.mutants.mutant import Mutant

LOOPS, FLOAT = "../model/golden/convolutional_loops.py", "../model/float64/convolutional.py"
BITS = "tests/model/golden/test_convolutional.py::test_every_bit_is_that_of_the_equations"
SETTLED = "tests/model/golden/test_convolutional.py::test_a_pattern_that_does_not_settle_teaches_nothing"
GRADIENT = "tests/model/float64/test_convolutional.py"

MUTANTS = (
    Mutant(
        "kernels: images are turned by a quarter",
        LOOPS,
        "(y + tap // size) * side + x + tap % size",
        "(y + tap % size) * side + x + tap // size",
        BITS,
    ),
    Mutant(
        "kernels: an update ignores strides",
        LOOPS,
        "winners[i] // windows * stride,",
        "winners[i] // windows,",
        BITS,
    ),
    Mutant("pool: three windows", LOOPS, "corner + windows, corner + windows + 1)", "corner + windows)", BITS),
    Mutant("kernels: currents are read again at every move", LOOPS, "if move > tolerance:", "if move > 0:", BITS),
    Mutant(
        "kernels: nudged from the first layer up",
        LOOPS,
        "layers - 1 - number if phase.nudged else number",
        "number",
        BITS,
    ),
    Mutant(
        "kernels: the update forgets the nudge's sign",
        LOOPS,
        "sign * np.int64(sums[i, j])",
        "np.int64(sums[i, j])",
        BITS,
    ),
    Mutant(
        "kernels: each matrix's rows begin at 0",
        LOOPS,
        "rows[constants.first_rows[m] : constants.first_rows[m] +",
        "rows[0 : 0 +",
        BITS,
    ),
    Mutant(
        "kernels: an update of the free phase alone", LOOPS, "after * upper[1][first + d] - before", "-before", BITS
    ),
    Mutant("kernels: nudged outputs step as a whole", LOOPS, "elif whole:", "elif True:", BITS),
    Mutant("unsettled patterns teach", LOOPS, "schedule.settled_only and first", "False and first", SETTLED),
    Mutant(
        "float64: feedback through other taps",
        FLOAT,
        "+= grid[:, :, row, column]",
        "+= grid[:, :, column, row]",
        GRADIENT,
    ),
    Mutant("float64: the least of a pool", FLOAT, "four.argmax(axis=1)", "four.argmin(axis=1)", GRADIENT),
)
