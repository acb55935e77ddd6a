"""Plants faults in the hardware, one at a time, and sees that the tests catch each: ``python -m tests.mutants``.

Every fault goes into a copy of the project. It is caught if an assertion of its test fails; a fault that breaks an
import or the build proves nothing about the tests and counts as survived.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 240

LEARNING = "tests/test_quick.py::test_learning_and_recall[lanes_do_not_divide-ep-ep]"
BAND = "tests/test_quick.py::test_learning_and_recall[band-ep-ep]"
SIDE = "tests/test_quick.py::test_learning_and_recall[lanes_do_not_divide-rbp-rbp-ep]"
SIDE_NEURON = "tests/test_quick.py::test_side_neuron_at_its_rails_and_ties"
SETTLING = "tests/test_quick.py::test_a_phase_ends_when_all_is_settled"
LAYERED = "tests/test_quick.py::test_a_layered_machine[one_hidden]"
DEEP = "tests/test_quick.py::test_a_layered_machine[two_hidden]"
ONE_BLOCK = "tests/test_quick.py::test_a_layered_machine[one_block]"
BIASES = "tests/test_quick.py::test_a_layered_machine[biases]"
SERIAL = "tests/test_quick.py::test_learning_and_recall[serial-rbp-rbp-ep]"
SERIAL_LAYERED = "tests/test_quick.py::test_a_layered_machine[serial]"
LINK = "tests/test_quick.py::test_link"
NEURON = "tests/test_quick.py::test_neuron_at_its_rails_and_ties"
PULSE_UNIT = "tests/test_pulse_unit.py"
PULSED = "tests/test_quick.py::test_pulses[recurrent]"
PULSED_SERIAL = "tests/test_quick.py::test_pulses[serial]"
SYNAPSE = "tests/test_quick.py::test_synapse_at_its_rails_and_ties"


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


MUTANTS = (
    Mutant(
        "neuron: rounds down, not to nearest",
        "neuron.py",
        "self.state + 1)",
        "self.state + 0)",
        NEURON,
    ),
    Mutant(
        "neuron: ties round down",
        "neuron.py",
        "half = (self._drive() + self.state + 1) << self.spec.leak_shift",
        "half = ((self._drive() + self.state + 1) << self.spec.leak_shift) - 1",
        NEURON,
    ),
    Mutant("neuron: no saturation above", "neuron.py", "Mux(stepped > high, high, ", "Mux(0, high, ", NEURON),
    Mutant("neuron: no saturation below", "neuron.py", "Mux(stepped < low, low, stepped)", "stepped", NEURON),
    Mutant(
        "neuron: the nudge has the wrong sign",
        "neuron.py",
        "leaked + (error << spec.nudge_shift)",
        "leaked - (error << spec.nudge_shift)",
        NEURON,
    ),
    Mutant(
        "neuron: leak off by one bit", "neuron.py", "<< self.spec.leak_shift", "<< (self.spec.leak_shift - 1)", NEURON
    ),
    Mutant(
        "neurons: own state not forgotten before a run",
        "neurons.py",
        "with m.If(~does.fresh | self.side):",
        "with m.If(1):",
        LEARNING,
    ),
    Mutant(
        "neurons: a lane without a neuron steps",
        "neurons.py",
        "~Cat(stepping == block for block in empty).any()",
        "1",
        LEARNING,
    ),
    Mutant("synapse: no saturation above", "synapse.py", "Mux(total > limit, limit, ", "Mux(0, limit, ", SYNAPSE),
    Mutant("synapse: no saturation below", "synapse.py", "Mux(total < -limit, -limit, total)", "total", SYNAPSE),
    Mutant(
        "synapse: half behind the random byte missing", "synapse.py", "2 * self.random + 1", "2 * self.random", SYNAPSE
    ),
    Mutant("synapse: rounds to nearest", "synapse.py", "2 * self.random + 1", "256", SYNAPSE),
    Mutant(
        "random: wrong tap",
        "random.py",
        "Mux(advanced[0], LFSR_TAPS, 0)",
        "Mux(advanced[0], LFSR_TAPS ^ 2, 0)",
        LEARNING,
    ),
    Mutant(
        "random: the register's high byte is drawn",
        "random.py",
        "self.lfsr[:DITHER_BITS]",
        "self.lfsr[-DITHER_BITS:]",
        LEARNING,
    ),
    Mutant(
        "random: drawn bytes in the wrong order",
        "random.py",
        "Mux(differs, self.bytes[bit], 0)",
        "Mux(differs, self.bytes[layout.code_bits - 1 - bit], 0)",
        LEARNING,
    ),
    Mutant(
        "random: byte of the row, not of the cell",
        "random.py",
        "differs = differs ^ self.block[bit - layout.lane_bits]",
        "pass",
        LEARNING,
    ),
    Mutant(
        "sequencer: stale activities, the banks never swap",
        "sequencer.py",
        "bank.eq(self.new)",
        "bank.eq(bank)",
        LEARNING,
    ),
    Mutant(
        "sequencer: a step overwrites the activities it reads",
        "sequencer.py",
        "self.new.eq(Mux(starts, 1, bank))",
        "self.new.eq(self.new)",
        LEARNING,
    ),
    Mutant(
        "sequencer: last row skipped",
        "sequencer.py",
        '"more": sweep.rows - 1',
        '"more": max(0, sweep.rows - 2)',
        LEARNING,
    ),
    Mutant(
        "sequencer: early stop one step late",
        "sequencer.py",
        "over = self.enough | (settings.stop_when_settled[0] & ~self.moved)",
        "late = Signal(init=1)\n        m.d.sync += late.eq(self.moved)\n"
        "        over = self.enough | (settings.stop_when_settled[0] & ~late)",
        SETTLING,
    ),
    Mutant(
        "sequencer: early stop never happens",
        "sequencer.py",
        "settings.stop_when_settled[0] & ~self.moved",
        "0",
        SETTLING,
    ),
    Mutant(
        "sequencer: a phase takes one step too many",
        "sequencer.py",
        "(self.done >= Mux(phase,",
        "(self.done > Mux(phase,",
        LEARNING,
    ),
    Mutant(
        "sequencer: the input stays on in recall", "sequencer.py", "(program == Program.LEARN) | ~phase", "1", LEARNING
    ),
    Mutant(
        "machine: tolerance ignored", "machine.py", "tolerance.eq(self.settings.tolerance)", "tolerance.eq(0)", SETTLING
    ),
    Mutant("neurons: the last step's verdict is kept", "neurons.py", "output & ~self.watch", "output", SETTLING),
    Mutant(
        "crossbar: the free phase's product is added",
        "crossbar.py",
        "Mux(subtracts, base - term, base + term)",
        "base + term",
        LEARNING,
    ),
    Mutant("crossbar: accumulators not cleared", "crossbar.py", "Mux(keeps, current, 0)", "current", LEARNING),
    Mutant("crossbar: self weight learns", "crossbar.py", "(distance != 0) & ", "", LEARNING),
    Mutant("crossbar: band ignored", "crossbar.py", "(distance <= spec.reach) & (distance >= -spec.reach)", "1", BAND),
    Mutant(
        "crossbar: row sum to the wrong lane",
        "crossbar.py",
        "does.lane == lane)",
        "does.lane == lane ^ 1)",
        LEARNING,
    ),
    Mutant(
        "machine: columns of another block",
        "machine.py",
        "column_block.eq(columns.block)",
        "column_block.eq(columns.row_block)",
        LEARNING,
    ),
    Mutant(
        "machine: update from one phase only",
        "machine.py",
        "Mux(frees, sequencer.kept, sequencer.old)",
        "sequencer.old",
        LEARNING,
    ),
    Mutant(
        "side neuron: the excitation rounds down",
        "side_neuron.py",
        "rounding = 1 << spec.weight.fraction - 1",
        "rounding = 0",
        SIDE_NEURON,
    ),
    Mutant("side neuron: the state rounds down", "side_neuron.py", "(before[2] + 1)", "before[2]", SIDE_NEURON),
    Mutant("side neuron: no saturation above", "side_neuron.py", "rounded > high", "0", SIDE_NEURON),
    Mutant("side neuron: no saturation below", "side_neuron.py", "rounded < low", "0", SIDE_NEURON),
    Mutant(
        "side neuron: the error has the wrong sign",
        "side_neuron.py",
        "goal(spec, self.target) - self.activity",
        "self.activity - goal(spec, self.target)",
        SIDE_NEURON,
    ),
    Mutant(
        "neuron: the slope of another state",
        "neuron.py",
        "lookup.addr.eq(Mux(self.side, self.state, state))",
        "lookup.addr.eq(state)",
        SIDE,
    ),
    Mutant(
        "neurons: the side network changes the states",
        "neurons.py",
        "stepped[number] & ~self.side",
        "stepped[number]",
        SIDE,
    ),
    Mutant(
        "sequencer: the side network starts from what the last pattern left",
        "sequencer.py",
        "starts | (self.side & (self.steps[1] == 0))",
        "starts",
        SIDE,
    ),
    Mutant(
        "sequencer: the side network's step ends before its last state",
        "sequencer.py",
        "Mux(self.side, timing.side_drain, timing.step_drain)",
        "timing.step_drain",
        SIDE,
    ),
    Mutant(
        "crossbar: the side network's products are subtracted",
        "crossbar.py",
        "subtracts &= ~self.by_side",
        "pass",
        SIDE,
    ),
    Mutant(
        "crossbar: the side network learns at the wrong rate",
        "crossbar.py",
        "current >> spec.side_update_shift",
        "current >> spec.side_update_shift - 1",
        SIDE,
    ),
    Mutant(
        "machine: the side network's update is not symmetric",
        "machine.py",
        "self._bank(sequencer, columns, self._by_side())",
        "self._bank(sequencer, columns, 0)",
        SIDE,
    ),
    Mutant("inputs: a row that is not zero is skipped", "inputs.py", "(pixel != 0)", "(pixel > 1)", LAYERED),
    Mutant(
        "inputs: the pixels of a byte in the wrong order",
        "inputs.py",
        "pixel = bits[: spec.pixel_bits]",
        "pixel = bits[-spec.pixel_bits :]",
        LAYERED,
    ),
    Mutant(
        "sequencer: an update that is needed is skipped",
        "sequencer.py",
        "settings.skip[0] & ~alters",
        "settings.skip[0]",
        LAYERED,
    ),
    Mutant("sequencer: an update is never skipped", "sequencer.py", "settings.skip[0] & ~alters", "Const(0)", LAYERED),
    Mutant(
        "sequencer: columns are read before the sums along the rows are back",
        "sequencer.py",
        "driven | table.sweep.waits",
        "driven",
        DEEP,
    ),
    Mutant(
        "sequencer: a step starts before the inputs' currents are kept",
        "sequencer.py",
        "driven | table.sweep.waits",
        "table.sweep.waits",
        ONE_BLOCK,
    ),
    Mutant(
        "machine: feedback read from the wrong layer",
        "machine.py",
        "neurons.row_block.eq(sequencer.operation.row_block)",
        "neurons.row_block.eq(sequencer.operation.block)",
        LAYERED,
    ),
    Mutant(
        "crossbar: the inputs' currents are forgotten",
        "crossbar.py",
        "Mux(starts, drive[lane], 0)",
        "0",
        LAYERED,
    ),
    Mutant(
        "crossbar: the inputs' currents one bit too small",
        "crossbar.py",
        "current << up if",
        "current << up >> 1 if",
        LAYERED,
    ),
    Mutant(
        "crossbar: the inputs' weights learn from the nudged phase alone",
        "crossbar.py",
        "Mux(kind.o[lane].pixels, self.free_values[lane], 0)",
        "0",
        LAYERED,
    ),
    Mutant(
        "crossbar: a sum along the rows starts from another block's bias",
        "crossbar.py",
        "source = delayed(m, Mux(rows, before_sum.target, arriving.target)",
        "source = delayed(m, arriving.target",
        BIASES,
    ),
    Mutant(
        "inputs: the biases' input one too small",
        "inputs.py",
        '"pixel": self.spec.brightest',
        '"pixel": self.spec.brightest - 1',
        BIASES,
    ),
    Mutant(
        "machine: the biases learn at the first matrix's rate",
        "crossbar.py",
        "Array(self.shifts)[arriving.matrix]",
        "Array(self.shifts)[Mux(arriving.pixels, 0, arriving.matrix)]",
        BIASES,
    ),
    Mutant(
        "serial crossbar: the side network's products are subtracted",
        "serial_crossbar.py",
        " & ~self.by_side",
        "",
        SERIAL,
    ),
    Mutant(
        "serial synapse: no saturation above",
        "serial_synapse.py",
        "Mux(total > limit, limit, ",
        "Mux(0, limit, ",
        SERIAL,
    ),
    Mutant("serial synapse: self weight learns", "serial_synapse.py", "(distance != 0) & ", "", SERIAL),
    Mutant("serial synapse: rounds to nearest", "serial_synapse.py", "2 * byte + 1", "256", SERIAL_LAYERED),
    Mutant(
        "serial neurons: the side network changes the states",
        "serial_neurons.py",
        "stepped & ~self.side",
        "stepped",
        SERIAL,
    ),
    Mutant("serial neurons: a verdict of one lane alone", "serial_neurons.py", "before | last", "last", SERIAL_LAYERED),
    Mutant("neurons: hidden units are nudged", "neurons.py", "does.nudged & aims", "does.nudged", LAYERED),
    Mutant("neuron: no feedforward start", "neuron.py", "Mux(self.whole, whole, half)", "half", LAYERED),
    Mutant(
        "random: an input's number taken for a neuron's",
        "operation.py",
        "(1 << layout.input_bits) | operation.input",
        "operation.input | 0",
        LAYERED,
    ),
    Mutant("frame receiver: CRC ignored", "frame_receiver.py", " & crc.match_detected", "", LINK),
    Mutant(
        "commands: a repeated request is executed twice",
        "commands.py",
        "with m.Elif(due):",
        "with m.Elif(repeated | due):",
        LINK,
    ),
    Mutant(
        "commands: a fresh board obeys a host from before its reset",
        "commands.py",
        "with m.Elif(~identified):",
        "with m.Elif(0):",
        "tests/test_proofs.py::test_proven[Commands]",
    ),
    Mutant(
        "frame receiver: takes a frame in where no slot is free",
        "frame_receiver.py",
        "with m.If(kept == self.window):",
        "with m.If(0):",
        "tests/test_proofs.py::test_proven[Receiver]",
    ),
    Mutant(
        "commands: an old request is executed",
        "commands.py",
        "with m.Elif(due):",
        "with m.Elif(due | (behind != 1)):",
        LINK,
    ),
    Mutant(
        "pulse: no saturation at the lower rail",
        "pulse.py",
        "Mux(total < device.low, device.low, total)",
        "total",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: the other direction's table",
        "pulse.py",
        "Cat(first.weight, ~first.up)",
        "Cat(first.weight, first.up)",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: a gain above its most",
        "pulse.py",
        "Mux(gain > GAIN_MOST, GAIN_MOST, gain)",
        "gain",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: the step rounds down",
        "pulse.py",
        "(size + (1 << GAIN_SHIFT - 1)) >> GAIN_SHIFT",
        "size >> GAIN_SHIFT",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: noise grows with the pulses, not with their root",
        "pulse.py",
        "Array(ROOTS.tolist())[first.pulses]",
        "(first.pulses << ROOT_SHIFT)",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: more pulses than the most",
        "pulse.py",
        "Mux(above | below, most, wanted)",
        "wanted",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: a stuck cell moves",
        "pulse.py",
        "first.keeps.eq(self.stuck | (",
        "first.keeps.eq(0 | (",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: lost at the other rail",
        "pulse.py",
        "Mux(first.up, device.high, device.low), counted",
        "Mux(first.up, device.low, device.high), counted",
        PULSE_UNIT,
    ),
    Mutant(
        "pulse: a decay rounds another way on each side of 0",
        "pulse.py",
        "(self.decays & (self.weight > 0))",
        "(self.decays & 0)",
        PULSE_UNIT,
    ),
    Mutant(
        "pulses: both copies of a pair are counted",
        "word_pulses.py",
        "row.o[lane].offset > lane",
        "row.o[lane].offset != lane",
        PULSED,
    ),
    Mutant(
        "pulses: the hash of the row, not of the cell",
        "word_pulses.py",
        "row.o[lane].hash ^ Array(columns)[row.o[lane].block]",
        "row.o[lane].hash",
        PULSED,
    ),
    Mutant(
        "read noise: neuron 0 has none",
        "read_noise.py",
        ", drawn[len(drawn) - 1])",
        ", 0 * drawn[0])",
        PULSED,
    ),
    Mutant(
        "sequencer: a decay with other sets of bytes",
        "sequencer.py",
        "(1 << NOISY_SETS) - 1, 0b110",
        "(1 << NOISY_SETS) - 1, 0b011",
        PULSED,
    ),
    Mutant(
        "serial synapse: late words go to the next one's address",
        "serial_synapse.py",
        "Mux(pulses, late, target)",
        "target",
        PULSED_SERIAL,
    ),
)


def faulty(mutant: Mutant, source: Path = ROOT) -> str:
    """The file's text with the fault; ValueError if what it replaces does not occur exactly once."""
    text = (source / "hw" / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(
            f"Mutant {mutant.name!r}: {mutant.old!r} occurs {text.count(mutant.old)} times in hw/{mutant.file} and not "
            "once; bring the mutant up to date."
        )
    return text.replace(mutant.old, mutant.new)


def outcome(source: Path, mutant: Mutant | None, tests: list[str]) -> tuple[str, str]:
    """Run tests with a fault: ``passed``, ``caught`` if an assertion failed, or ``broken``; and pytest's output."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        shutil.copytree(source, directory, dirs_exist_ok=True)
        if mutant:
            (directory / "hw" / mutant.file).write_text(faulty(mutant, source), encoding="utf-8")
        return tested(directory, tests)


def tested(directory: Path, tests: list[str]) -> tuple[str, str]:
    """Run tests in a copy of the project."""
    # The golden model need not be compiled for machines this small.
    environment = os.environ | {"PYTHONPATH": str(directory), "NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    report = directory / "report.xml"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *tests]
    try:
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "broken", f"no end after {SECONDS} s"
    if done.returncode == 0:
        return "passed", done.stdout
    failures = ElementTree.parse(report).iter("failure") if done.returncode == 1 and report.is_file() else ()
    asserted = any(failure.get("message", "").startswith(("assert ", "AssertionError")) for failure in failures)
    return "caught" if asserted else "broken", done.stdout + done.stderr


def main() -> int:
    """Try all; 0 if all are caught."""
    # A copy, so that the project may be worked on meanwhile.
    with tempfile.TemporaryDirectory() as name:
        source = Path(name)
        for room in ("model", "hw", "sim", "tests"):
            shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", source)
        return try_all(source)


def try_all(source: Path) -> int:
    """Try all on a copy of the project; 0 if all are caught."""
    for mutant in MUTANTS:
        faulty(mutant, source)
    verdict, output = outcome(source, None, sorted({mutant.tests for mutant in MUTANTS}))
    print(f"{verdict:8}no fault", flush=True)
    if verdict != "passed":
        print(output)
        return 1
    survivors = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda mutant: outcome(source, mutant, [mutant.tests]), MUTANTS)
        for mutant, (verdict, output) in zip(MUTANTS, results, strict=True):
            print(f"{verdict:8}{mutant.name}", flush=True)
            if verdict != "caught":
                survivors.append(mutant)
                print(output)
    for mutant in survivors:
        print(f"survived: {mutant.name} (hw/{mutant.file}, {mutant.tests})")
    print(f"mutants: {len(MUTANTS)} planted, {len(MUTANTS) - len(survivors)} caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
