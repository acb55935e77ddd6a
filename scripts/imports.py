"""The import rules of docs/architecture.md, checked: ``python -m scripts.imports``; `make lint` runs it.

Every import counts, wherever it stands: at the top, inside a function, or for the type checker only.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("model", "analog", "hw", "sim", "boards", "host")
#: From the lowest to the highest: a module may import what is lower, and what is in its own entry. Entries of one line
#: never import each other.
LAYERS = (
    ("model.errors",),
    ("model.formats", "model.text"),
    ("model.rules",),
    ("model.layout",),
    ("model.timing",),
    ("model.spec",),
    ("model.arithmetic",),
    ("model.memristors",),
    ("model.link", "model.float64", "model.data"),
    ("model.golden",),
    ("analog",),
    ("hw.primitives",),
    ("hw.shapes",),
    ("hw.units",),
    ("hw.control",),
    ("hw.parallel", "hw.serial"),
    ("hw.store",),
    ("hw.link",),
    ("hw.top",),
    ("sim", "boards"),
    ("host.link",),
    ("host.show",),
    ("host.run",),
    ("host.estimators", "host.experiments"),
    ("host.cli",),
    ("the public door",),
)
#: What a room does not import at all, and what it imports only inside functions, since a PC that drives a board has
#: neither Amaranth nor a compiler.
NEVER = {("host", "hw")}
INSIDE_FUNCTIONS = {("host", "sim"), ("host", "boards")}


@dataclass(frozen=True)
class Import:
    """One import of a module of the package.

    Members
    -------
    importer, imported : modules, without ``ohmprop.``.
    line : where it stands.
    eager : it is carried out when the importer is loaded.
    """

    importer: str
    imported: str
    line: int
    eager: bool


def modules(root: Path) -> dict[str, Path]:
    """All modules of the package and their files; the public door is ``""``."""
    files = [*root.glob("ohmprop/*.py"), *(file for room in ROOMS for file in root.glob(f"{room}/**/*.py"))]
    found = {}
    for file in sorted(files):
        name = ".".join(file.relative_to(root).with_suffix("").parts)
        found[name.removeprefix("ohmprop").removeprefix(".").removesuffix("__init__").removesuffix(".")] = file
    return found


def imports(name: str, text: str, known: set[str]) -> Iterator[Import]:
    """Every import of a module's text that is of the package."""
    tree = ast.parse(text)
    lazy: set[ast.AST] = set()
    for node in ast.walk(tree):
        checked = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        if checked or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            lazy.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise SystemExit(f"{name}, line {node.lineno}: imports are written in full, from ohmprop on.")
            # What is imported from a package may be a module of it.
            wanted = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in wanted:
            if target.split(".")[0] == "ohmprop":
                inner = target.removeprefix("ohmprop").removeprefix(".")
                while inner not in known:
                    inner = inner.rpartition(".")[0]
                if inner != name:
                    yield Import(name, inner, node.lineno, node not in lazy)


def place(name: str) -> tuple[int, str]:
    """Layer and entry of a module; ValueError if it has none."""
    if name in ("", "__main__"):
        return len(LAYERS) - 1, LAYERS[-1][0]
    for layer, line in enumerate(LAYERS):
        for entry in line:
            if f"{name}.".startswith(f"{entry}."):
                return layer, entry
    raise ValueError(f"{name} has no place in LAYERS of {Path(__file__).name}; give it one.")


def broken_rules(found: list[Import]) -> list[str]:
    """A sentence for each import that the rules forbid."""
    said = []
    for item in found:
        (above, ours), (below, theirs) = place(item.importer), place(item.imported)
        rooms = item.importer.split(".")[0], item.imported.split(".")[0]
        if rooms in NEVER:
            reason = f"{rooms[0]} never imports {rooms[1]}"
        elif rooms in INSIDE_FUNCTIONS and item.eager:
            reason = f"{rooms[0]} imports {rooms[1]} inside functions only"
        elif below > above or (below == above and ours != theirs):
            reason = f"{ours} may not import {theirs}"
        else:
            continue
        said.append(f"{item.importer}, line {item.line}, imports {item.imported}: {reason}")
    return said


def circles(found: list[Import]) -> list[str]:
    """A sentence for each circle: modules that import each other, directly or through others."""
    after: dict[str, set[str]] = {}
    for item in found:
        after.setdefault(item.importer, set()).add(item.imported)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for following in after.get(waiting.pop(), ()):
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        return seen

    reach = {name: reached(name) for name in after}
    rings = {
        tuple(sorted(other for other in reach[name] if name in reach.get(other, ())))
        for name in after
        if name in reach[name]
    }
    return [f"a circle of imports: {', '.join(ring)}" for ring in sorted(rings)]


def main(root: Path = ROOT) -> int:
    """Print what is wrong; 1 if anything is."""
    known = modules(root)
    # A room itself is no more than its docstring.
    for name in known.keys() - set(ROOMS):
        place(name)
    found = [
        item for name, file in known.items() for item in imports(name, file.read_text(encoding="utf-8"), set(known))
    ]
    wrong = broken_rules(found) + circles(found)
    print("\n".join(wrong or [f"imports: {len(found)} of {len(known)} modules, all as the rules say"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
