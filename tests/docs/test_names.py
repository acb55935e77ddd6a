"""What the manual and the README name is there: files, modules, commands, and what an example prints."""

import re
import subprocess
import sys
from importlib import import_module

import click
import pytest

from ohmprop.host.cli.main import main
from tests.kit.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: A path below one of the top folders, as `hw/units/neuron.py`; {a,b} and * stand for several.
PATH = re.compile(
    r"(?<![\w/.-])((?:model|hw|sim|boards|host|ohmprop|tests|docs)/[\w{},*/-]*(?:\.(?:py|toml|md|json|svg|png|txt|j2|cpp|h))?)"
)
MODULE = re.compile(r"\b(ohmprop(?:\.\w+)+)")
#: Modules that a reader runs, as `python -m tests.fuzz`.
RUN = re.compile(r"python -m (tests(?:\.\w+)+)")
#: A command in a block of code, up to its first option.
COMMAND = re.compile(r"^(?:    |\$ )+ohmprop ((?:[a-z]+ ?)+)", re.MULTILINE)


def texts():
    return [(page.name, page.read_text(encoding="utf-8")) for page in PAGES]


def missing_paths(text):
    """Paths of the tree that the text names and that are not there."""
    found = []
    for path in PATH.findall(re.sub(r"\]\([^)]*\)", "", text)):  # links have a test of their own
        braces = re.search(r"\{([^}]*)\}", path)
        names = [path.replace(braces[0], part) for part in braces[1].split(",")] if braces else [path]
        found += [name for name in names if "NAME" not in name and not any(ROOT.glob(name.rstrip("/")))]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page):
    assert missing_paths(page.read_text(encoding="utf-8")) == []


def test_a_path_that_is_not_there_is_seen():
    text = "`hw/units/neuron.py`, `hw/{units,nowhere}/`, model/none.py and tests/docs/test_*.py"
    assert missing_paths(text) == ["hw/nowhere/", "model/none.py"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_exist(page):
    for name in MODULE.findall(page.read_text(encoding="utf-8")):
        parts = name.split(".")
        found, rest = import_module(parts[0]), parts[1:]
        while rest:
            if not hasattr(found, rest[0]):
                import_module(f"{found.__name__}.{rest[0]}")  # an error names what is missing
            found, rest = getattr(found, rest[0]), rest[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_import_by_the_package(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?:from|import) (?:model|hw|sim|boards|host)\b.*", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_to_run_exist(page):
    for name in RUN.findall(page.read_text(encoding="utf-8")):
        path = ROOT / name.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page):
    for words in COMMAND.findall(page.read_text(encoding="utf-8")):
        found = main
        for word in words.split():
            if not isinstance(found, click.Group):
                break
            assert word in found.commands, f"ohmprop {words}"
            found = found.commands[word]


def test_every_command_is_in_the_manual():
    named = {words for _, text in texts() for words in re.findall(r"ohmprop ((?:[a-z]+ ?)+)", text)}
    for name in main.commands:
        assert any(words.split()[0] == name for words in named), name


@pytest.mark.parametrize(
    ("page", "printed"),
    [
        ("README.md", "18 pixels wrong before, 0 after\n"),
        ("docs/devices.md", "5 [PulseCounts(up=1, down=0, lost=0)]\n"),
    ],
)
def test_examples_run(page, printed):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True)
    assert done.stdout == printed


def test_files_of_adding_are_files():
    """Each file of a list in adding.md is there, but for those that the reader is to write."""
    text = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/.-]+\.(?:py|md|json|toml|cpp))`", text)
    assert len(named) > 40
    assert [name for name in named if "NAME" not in name and not (ROOT / name).is_file()] == []
    for name in named:
        assert "NAME" not in name or (ROOT / name).parent.is_dir(), name


def test_the_examples_of_the_estimators_run_one_after_the_other(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(encoding="utf-8"), re.DOTALL)
    exec("\n".join(blocks), {})
    # Who trains, recalls, traces and plots needs ten lines.
    assert len([line for line in blocks[1].splitlines() if line]) == 10
    assert {path.name for path in tmp_path.iterdir()} == {"recalled.png", "states.png", "trace.png"}
    score, memory, shape, *shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("weights 0") for line in shown)
    assert "saturated: " in "\n".join(shown)
    assert float(score) > 0.9
    assert float(memory) > 0.9
    assert shape.startswith("(") and ", 67) " in shape
