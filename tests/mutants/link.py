"""Faults of the link."""

from tests.mutants.mutant import LINK, Mutant

MUTANTS = (
    Mutant("frame receiver: CRC ignored", "link/frame_receiver.py", " & crc.match_detected", "", LINK),
    Mutant(
        "commands: a repeated request is executed twice",
        "link/dispatch.py",
        "with m.Elif(turn.due):",
        "with m.Elif(turn.repeated | turn.due):",
        LINK,
    ),
    Mutant(
        "commands: a fresh board obeys a host from before its reset",
        "link/dispatch.py",
        "with m.Elif(~turn.identified):",
        "with m.Elif(0):",
        "tests/hw/test_proofs.py::test_proven[Commands]",
    ),
    Mutant(
        "frame receiver: takes a frame in where no slot is free",
        "link/frame_receiver.py",
        "with m.If(kept == self.window):",
        "with m.If(0):",
        "tests/hw/test_proofs.py::test_proven[Receiver]",
    ),
    Mutant(
        "commands: an old request is executed",
        "link/dispatch.py",
        "with m.Elif(turn.due):",
        "with m.Elif(turn.due | (turn.expected - self.requests.sequence != 1)):",
        LINK,
    ),
)
