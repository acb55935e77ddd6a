"""Which faults a landing plants: those of the files that it changed, and others that its commit draws."""

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.mutant import Mutant

#: What a landing is compared with: where it left the main branch, else the commit before it.
MAIN_BRANCHES = ("origin/main", "origin/master")


def git(root: Path, *arguments: str) -> str | None:
    """What git prints, or None where it fails, as in a shallow clone that lacks the commit."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def changed_files(root: Path) -> list[str] | None:
    """Files of hw/ that differ from the landing before, by their paths there; None if that is not known here."""
    head = git(root, "rev-parse", "HEAD")
    bases = [git(root, "merge-base", "HEAD", branch) for branch in MAIN_BRANCHES]
    base = next((base for base in bases if base and base != head), "HEAD~1")
    listed = git(root, "diff", "--name-only", base, "--", "hw")
    return None if listed is None else [path.removeprefix("hw/") for path in listed.splitlines()]


def chosen(mutants: Sequence[Mutant], wanted: int, root: Path) -> list[Mutant]:
    """The faults of changed files and ``wanted`` others, always the same ones for a commit."""
    changed = changed_files(root)
    if changed is None:
        print("mutants: the landing before is not in this clone, so no changed files are known")
    first = [mutant for mutant in mutants if mutant.file in (changed or ())]
    others = [mutant for mutant in mutants if mutant not in first]
    drawn = random.Random(git(root, "rev-parse", "HEAD")).sample(others, min(wanted, len(others)))
    print(f"mutants: {len(first)} of changed files, {len(drawn)} others")
    return first + drawn
