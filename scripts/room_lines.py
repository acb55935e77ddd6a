"""Lines of code per room, without comments, docstrings and blanks: ``python -m scripts.room_lines [REVISION ...]``.

Each revision is a column (a commit, a tag, HEAD), ``.`` is the work tree; without any it is the work tree alone. Revisions
from before the rooms were one package are counted as well: the folders at the top bear the same names.
"""

import ast
import io
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("ohmprop", "model", "analog", "hw", "sim", "boards", "host", "tests", "scripts")
#: The rooms that are installed, whose sum is shown.
SOURCES = ROOMS[:6]
NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def code_lines(text: str) -> int:
    """Lines of a Python source that hold code."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            first = node.body[0]
            docstrings.update(range(first.lineno, (first.end_lineno or 0) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def git(*arguments: str) -> bytes:
    """What git prints in this repository."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


def sources(revision: str) -> dict[str, str]:
    """Every Python source of the rooms in a revision, by its path; ``.`` is the work tree."""
    if revision == ".":
        files = [file for room in ROOMS for file in (ROOT / room).glob("**/*.py")]
        return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}
    listed = git("ls-tree", "-r", "--name-only", revision, "--", *ROOMS).decode().splitlines()
    return {path: git("show", f"{revision}:{path}").decode() for path in listed if path.endswith(".py")}


def main(revisions: list[str]) -> int:
    """Print the table; 1 if there is no such revision."""
    columns = []
    for revision in revisions or ["."]:
        count: Counter[str] = Counter()
        try:
            for path, text in sources(revision).items():
                count[path.split("/")[0]] += code_lines(text)
        except subprocess.CalledProcessError as error:
            print(f"There is no revision {revision}: {error.stderr.decode().strip()}", file=sys.stderr)
            return 1
        count["all but tests and scripts"] = sum(count[room] for room in SOURCES)
        columns.append(count)
    print(f"{'room':<26}" + "".join(f"{revision[:12]:>14}" for revision in revisions or ["."]))
    for room in (*ROOMS, "all but tests and scripts"):
        print(f"{room:<26}" + "".join(f"{count[room]:>14}" for count in columns))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
