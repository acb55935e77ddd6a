"""Faults of stored patterns, of the store, and of an SDRAM's times."""

from tests.mutants.mutant import Mutant

BLOCKS = "tests/hw/link/test_stored.py::test_stored_patterns[two-blocks]"
CLASSES = "tests/hw/link/test_stored.py::test_errors_are_counted_by_each_patterns_own_class"
LONG = "tests/hw/link/test_stored.py::test_stored_patterns[long]"
WRONG = "tests/hw/link/test_stored.py::test_wrong_requests_are_refused_and_change_nothing[two-blocks]"
ROOM = "tests/hw/link/test_stored.py::test_a_record_has_room_in_its_slots_or_is_refused"
DAMAGED = "tests/hw/link/test_stored.py::test_a_record_that_was_damaged_in_the_store_ends"
CLOCKS = "tests/hw/link/test_stored.py::test_the_clocks_between_stored_patterns_are_those_of_the_formula"
CHIPS = "tests/hw/store/test_sdram.py::test_random_records"
LATE = "tests/hw/test_proofs.py::test_proven[Refreshes]"
SDRAM = "store/sdram.py"

MUTANTS = (
    Mutant("stored: numbers are not looked at", "link/stored.py", "with m.If(self._unknown):", "with m.If(0):", WRONG),
    Mutant(
        "stored: the last number is not looked at",
        "link/stored.py",
        "looks & (self._number >= self._filled)",
        "looks & (self._number >= self._filled) & (self.position != self.length)",
        WRONG,
    ),
    Mutant("stored: learnt without skipping", "link/stored.py", "with m.Elif(~self.skip):", "with m.Elif(0):", WRONG),
    Mutant("stored: beyond the store's end", "link/stored.py", "~follows | ~fits | full", "~follows | ~fits", WRONG),
    Mutant("stored: gaps", "link/stored.py", "~follows | ~fits | full", "~fits | full", WRONG),
    Mutant("stored: longer than its slots", "link/stored.py", "~follows | ~fits | full", "~follows | full", ROOM),
    Mutant(
        "stored: slots of another size than the first ones",
        "link/stored.py",
        "& (self.holding.slots == slots)",
        "",
        WRONG,
    ),
    Mutant(
        "stored: what was stored before stays in the CRC",
        "link/stored.py",
        "m.d.comb += self._received.processor.start.eq(1)",
        "pass",
        BLOCKS,
    ),
    Mutant(
        "stored: one slot of two", "link/stored.py", "self.store.wide.eq(self._wide)", "self.store.wide.eq(0)", LONG
    ),
    Mutant(
        "stored: records of two slots overlap",
        "link/stored.py",
        "self.store.slot.eq(self._number << self._wide)",
        "self.store.slot.eq(self._number)",
        LONG,
    ),
    Mutant(
        "stored: a damaged record never ends",
        "link/stored_run.py",
        "machine.load_ended | (at == 0)",
        "machine.load_ended",
        DAMAGED,
    ),
    Mutant(
        "stored: the class of the loaded pattern is compared",
        "link/stored_run.py",
        "(best != self._run_label)",
        "(best != self._label)",
        CLASSES,
    ),
    Mutant(
        "stored: the last of equal outputs",
        "link/stored_run.py",
        "machine.access_read > most",
        "machine.access_read >= most",
        CLASSES,
    ),
    Mutant(
        "stored: only the first block of outputs",
        "link/stored_run.py",
        "m.d.sync += [lane.eq(0), block.eq(block + 1)]",
        "m.d.sync += lane.eq(0)",
        BLOCKS,
    ),
    Mutant(
        "stored: the target's blocks are one",
        "link/stored_run.py",
        "self._label - (number * lanes + 8 * byte)",
        "self._label - 8 * byte",
        BLOCKS,
    ),
    Mutant(
        "stored: the next pattern is loaded once the last one has run",
        "link/stored_run.py",
        'with m.State("Begin"), m.If(machine.busy):',
        'with m.State("Begin"), m.If(machine.busy):\n            m.next = "Over"\n'
        '        with m.State("Over"), m.If(~machine.busy):',
        CLOCKS,
    ),
    Mutant(
        "inputs: the list that runs is loaded",
        "control/inputs.py",
        "m.d.sync += [loaded.eq(~loaded), runs.eq(less_one)]",
        "m.d.sync += runs.eq(less_one)",
        BLOCKS,
    ),
    Mutant("sdram: READ too soon", SDRAM, 'm.next = "Open"', 'm.next = "Words"', CHIPS),
    Mutant(
        "sdram: ACTIVATE too soon", SDRAM, "say(Command.PRECHARGE, self.precharge)", "say(Command.PRECHARGE, 1)", CHIPS
    ),
    Mutant(
        "sdram: PRECHARGE too soon after WRITE",
        SDRAM,
        "say(Command.WRITE, self.write, column)",
        "say(Command.WRITE, 1, column)",
        CHIPS,
    ),
    Mutant(
        "sdram: a command too soon after REFRESH",
        SDRAM,
        "say(Command.REFRESH, self.refresh)",
        "say(Command.REFRESH, self.refresh - 1)",
        CHIPS,
    ),
    Mutant(
        "sdram: a command too soon after the mode", SDRAM, "say(Command.MODE, self.mode,", "say(Command.MODE, 1,", CHIPS
    ),
    Mutant("sdram: power-up is not waited for", SDRAM, "init=self.power_up)  # clocks", "init=1000)  # clocks", CHIPS),
    Mutant("sdram: another latency", SDRAM, "LATENCY << 4)", "LATENCY + 1 << 4)", CHIPS),
    Mutant("sdram: a word is taken a clock too soon", SDRAM, "TAKING = 4 + LATENCY", "TAKING = 3 + LATENCY", CHIPS),
    Mutant(
        "sdram: no refresh once it is ready",
        SDRAM,
        "with m.If((first != 0) | (self.late != 0)):",
        "with m.If(first != 0):",
        LATE,
    ),
    Mutant(
        "sdram: refreshes wait for records",
        SDRAM,
        "with m.If((first != 0) | (self.late != 0)):",
        "with m.If((first != 0) | ((self.late != 0) & ~wanted)):",
        LATE,
    ),
    Mutant(
        "sdram: refreshes half as often",
        SDRAM,
        "self.interval = int(chip.interval * clock_hz / 1e9)",
        "self.interval = int(2 * chip.interval * clock_hz / 1e9)",
        CHIPS,
    ),
    Mutant("sdram: one bank", SDRAM, "pins.bank.eq(store.slot[2 : 2 + BANK_BITS])", "pins.bank.eq(0)", CHIPS),
)
