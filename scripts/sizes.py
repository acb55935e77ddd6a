"""The largest that functions, classes and files may be: ``python -m scripts.sizes``; `make lint` runs it."""

import ast
import sys
from pathlib import Path

from scripts.imports import ROOT, modules

FUNCTION_LINES = 100
CLASS_LINES = 250
FILE_LINES = 420


def too_long(name: str, text: str) -> list[str]:
    """A sentence for each thing in a module's text that is too long."""
    said = []
    if (lines := len(text.splitlines())) > FILE_LINES:
        said.append(f"{name} has {lines} lines of at most {FILE_LINES}")
    most = {ast.FunctionDef: FUNCTION_LINES, ast.AsyncFunctionDef: FUNCTION_LINES, ast.ClassDef: CLASS_LINES}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > most[type(node)]:
                said.append(f"{name}.{node.name} (line {node.lineno}) has {lines} lines of at most {most[type(node)]}")
    return said


def main(root: Path = ROOT) -> int:
    """Print what is too long; 1 if anything is."""
    known = modules(root)
    said = [
        sentence
        for name, file in known.items()
        for sentence in too_long(f"ohmprop.{name}".rstrip("."), file.read_text(encoding="utf-8"))
    ]
    print("\n".join(said or [f"sizes: no function above {FUNCTION_LINES} lines, no file above {FILE_LINES}"]))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
