"""Text keeps clear of the turns that docs/style.md names: in pages, help, messages, docstrings and comments."""

import re

import pytest

from tests.kit.paths import ROOT

THINGS = "bits?|bytes?|clocks?|images?|lanes?|multipliers?|patterns?|products?|pulses?|requests?|rows?|steps?|words?"
TURNS = {
    "made again, rebuilt": r"\banew\b",
    "n": r"\bso many\b",
    "is invalid": r"(?<!there )\b(?:is|are) none\b(?! of)",
    "minus": r"\bless (?:that|those|twice|one|30|its)\b",
    "is reported": r"\b(?:is|are|be) told\b",
    "With --option": r"\bOf --",
    "ships with": r"\bcomes? along\b",
    "per": rf"\b(?:{THINGS}) an? (?:bit|byte|class|clock|lane|neuron|pattern|second|step|update|word)\b",
}
TEXTS = [
    ROOT / "README.md",
    ROOT / "Makefile",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "style.md"),
    *(
        path
        for room in ("model", "analog", "hw", "sim", "boards", "host", "ohmprop")
        for path in sorted((ROOT / room).rglob("*.py"))
    ),
]


@pytest.mark.parametrize("turn", TURNS)
def test_turns_that_read_translated(turn):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(TURNS[turn], line)
    ]
    assert not found, f"better: {turn}\n" + "\n".join(found)
