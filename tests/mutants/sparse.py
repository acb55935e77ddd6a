"""Faults of sparse patterns."""

from tests.mutants.mutant import Mutant

PATTERNS = "tests/hw/link/test_sparse.py::test_sparse_patterns[two-blocks]"
WIDE = "tests/hw/link/test_sparse.py::test_sparse_patterns[wide]"
WRONG = "tests/hw/link/test_sparse.py::test_wrong_records_are_refused_and_change_nothing[two-blocks]"
BETWEEN = "tests/hw/link/test_handling.py::test_the_clocks_between_two_patterns_are_those_of_the_formula[1 bit]"

MUTANTS = (
    Mutant(
        "sparse: a digit at the beginning is a pixel",
        "control/inputs.py",
        "& a_pixel)\n            m.d.sync",
        ")\n            m.d.sync",
        WRONG,
    ),
    Mutant(
        "a recalled image runs before its last byte is taken apart",
        "link/load_pattern.py",
        " & self._taken",
        "",
        "tests/hw/test_quick.py::test_the_last_pixel_of_a_recalled_image_is_taken_in_before_it_runs[4-parallel]",
    ),
    Mutant("sparse: a run of 15 ends", "control/inputs.py", "(self.nibble == LONGEST)", "0", PATTERNS),
    Mutant(
        "sparse: a run that goes on is ended by a digit of 0",
        "control/inputs.py",
        "self.empty = self.within & ~self.longer & (nibble == 0)",
        "self.empty = self.within & (nibble == 0)",
        PATTERNS,
    ),
    Mutant(
        "sparse: what lies behind the end is a pixel", "control/inputs.py", "m.d.sync += self.left.eq(0)", "pass", WRONG
    ),
    Mutant(
        "sparse: the class's bit is in every byte",
        "link/sparse.py",
        "Mux(ahead[3:] == 0, 1 << ahead[:3], 0)",
        "1 << ahead[:3]",
        WIDE,
    ),
    Mutant(
        "sparse: every byte of a block has eight lanes",
        "link/sparse.py",
        "Mux(self.last_byte, narrow, 8)",
        "8",
        PATTERNS,
    ),
    Mutant(
        "sparse: the last record is not answered with zeros",
        "link/sparse.py",
        "with m.If(pattern.position == self.requests.length):",
        "with m.If(0):",
        PATTERNS,
    ),
    Mutant(
        "sparse: a reply of another length",
        "link/sparse.py",
        "last = self._count == REPLY_BYTES - 1",
        "last = self._count == REPLY_BYTES - 2",
        PATTERNS,
    ),
    Mutant(
        "sparse: any class",
        "link/sparse.py",
        "(byte >= spec.outputs) | (found == MOST_PATTERNS)",
        "found == MOST_PATTERNS",
        WRONG,
    ),
    Mutant(
        "sparse: as many records as there are",
        "link/sparse.py",
        "(byte >= spec.outputs) | (found == MOST_PATTERNS)",
        "byte >= spec.outputs",
        WRONG,
    ),
    Mutant(
        "sparse: a pixel more than there are",
        "link/sparse.py",
        "too_many = pixels > spec.inputs",
        "too_many = pixels > spec.inputs + 1",
        WRONG,
    ),
    Mutant(
        "sparse: a record without an end",
        "link/sparse.py",
        "sound.eq(between & (found != 0)",
        "sound.eq((found != 0)",
        WRONG,
    ),
    Mutant("sparse: no record", "link/sparse.py", "between & (found != 0) & ~bad", "between & ~bad", WRONG),
    Mutant("sparse: two records are recalled", "link/dispatch.py", " | (kind.recalling & ~verdict.single)", "", WRONG),
    Mutant(
        "sparse: zero pixels that are not skipped", "link/dispatch.py", " | ~self.machine.settings.skip[0]", "", WRONG
    ),
    Mutant(
        "sparse: the CRC is looked at as well",
        "link/sparse.py",
        "self.verdict.eq(verdicts[-1])",
        "self.verdict.eq(verdicts[-2])",
        WRONG,
    ),
    Mutant(
        "inputs: a byte comes before the last pixel but one is taken",
        "control/inputs.py",
        "self.ready.eq(left <= 2)",
        "self.ready.eq(left <= 3)",
        BETWEEN,
    ),
)
