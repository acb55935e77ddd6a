"""The checks of `make lint` find what they are for."""

import tomllib

import pytest

from scripts.imports import ROOMS, ROOT, main
from scripts.room_lines import code_lines
from scripts.sizes import too_long


@pytest.fixture
def tree(tmp_path, capsys):
    """Writes modules and returns what the import rules say of them."""

    def said(**texts):
        for name, text in {**{room: "" for room in ROOMS}, **texts}.items():
            folder = tmp_path / name.replace("__", "/")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").write_text(text)
        code = main(tmp_path)
        printed = capsys.readouterr().out
        assert code == (not printed.startswith("imports: "))
        return printed

    return said


LOWER = {"model__errors": "", "model__spec": "from ohmprop.model.errors import UserError\n"}


def test_what_the_rules_allow(tree):
    lazy = "def run():\n    from ohmprop.sim import bench\n    from ohmprop.boards import build\n"
    assert "all as the rules say" in tree(**LOWER, host__link=lazy, host__cli="import ohmprop.host.link\n")


@pytest.mark.parametrize(
    ("module", "text", "reason"),
    [
        ("model__errors", "from ohmprop.model.spec import MachineSpec", "model.errors may not import model.spec"),
        ("model__errors", "def late():\n    import ohmprop.model.spec", "line 2, imports model.spec"),
        ("model__errors", "if TYPE_CHECKING:\n    from ohmprop.model import spec", "line 2, imports model.spec"),
        ("hw__serial", "from ohmprop.hw.parallel import datapath", "hw.serial may not import hw.parallel"),
        ("host__cli", "from ohmprop.hw.parallel import datapath", "host never imports hw"),
        ("host__cli", "from ohmprop.sim import bench", "host imports sim inside functions only"),
        ("model__errors", "import ohmprop", "model.errors may not import the public door"),
    ],
)
def test_what_they_forbid(tree, module, text, reason):
    said = tree(**LOWER | {"hw__parallel": "", "ohmprop": ""} | {module: text})
    assert reason in said


def test_a_circle_within_a_room_is_found_wherever_its_imports_stand(tree):
    said = tree(
        model__golden__a="from ohmprop.model.golden.b import x",
        model__golden__b="def late():\n    from ohmprop.model.golden.c import x",
        model__golden__c="if TYPE_CHECKING:\n    from ohmprop.model.golden.a import x",
    )
    assert said == "a circle of imports: model.golden.a, model.golden.b, model.golden.c\n"


def test_a_module_without_a_place_is_named(tree):
    with pytest.raises(ValueError, match="unheard has no place in LAYERS"):
        tree(model__unheard="")


def test_what_is_too_long():
    body = "    x = 1\n"
    assert too_long("m", "def short():\n" + 99 * body) == []
    assert too_long("m", "def long():\n" + 100 * body) == ["m.long (line 1) has 101 lines of at most 100"]
    assert too_long("m", "class Long:\n" + 250 * body) == ["m.Long (line 1) has 251 lines of at most 250"]
    assert too_long("m", 421 * "x = 1\n") == ["m has 421 lines of at most 420"]


def test_lines_of_code_are_those_without_comments_docstrings_and_blanks():
    text = '"""Docstring\nof two lines."""\n\n# comment\n\n'
    text += 'def f(  # comment\n    x,\n):\n    """One."""\n    return """a\n\nb"""\n'
    assert code_lines(text) == 6


def test_every_extra_that_all_names_is_there():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (everything,) = extras.pop("all")
    assert set(everything.removeprefix("ohmprop[").removesuffix("]").split(",")) == set(extras)
