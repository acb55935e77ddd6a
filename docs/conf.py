"""The site: the manual as it is, notebooks that are run, pages of the public door; `make docs` builds it.

Sphinx with MyST-NB, since one tool then reads the manual's Markdown, runs the notebooks, takes the docstrings, and fails on any
warning. MkDocs would need three plugins for that, and Material for MkDocs gets no new features any more.
"""

import os
import re
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
project = "ohmprop"
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
copyright = "the authors of ohmprop"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "myst-nb", ".py": "myst-nb"}
exclude_patterns = ["conf.py", "boards"]
html_theme = "furo"
html_title = f"ohmprop {release}"

# Headings are linked to as GitHub does.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "force"
nb_execution_timeout = 120
if find_spec("torch") is None:
    print("bring_a_network is not run, since PyTorch is not installed: pip install torch==2.13.0")
    nb_execution_excludepatterns = ["notebooks/bring_a_network.py"]
# They write files, call the command, and one imports an example.
nb_execution_in_temp = True
os.environ["PYTHONPATH"] = str(ROOT / "examples")
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
nb_execution_raise_on_error = True
nb_merge_streams = True
# A notebook that warns is no example.
nb_output_stderr = "remove-warn"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_custom_sections = ["Members"]

#: A link to a file of the tree, which is no page of the site.
SOURCE = re.compile(r"\[([^]]*)\]\(\.\./([^)]*)\)")
#: A parameter or member and what it is; in numpydoc a type would stand there.
NAMED = re.compile(r"(\w[\w, ]*) : (.*)")
SECTIONS = ("Parameters", "Attributes", "Members")


def named(app: Any, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Put what a parameter is below its name, where napoleon expects it."""
    section, turned = "", []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if after and set(after) == {"-"}:
            section = line
        match = NAMED.fullmatch(line) if section in SECTIONS else None
        turned += [match[1], f"    {match[2]}"] if match else [line]
    lines[:] = turned


def said(app: Any, error: Exception | None) -> None:
    """Print how long each notebook took."""
    for name, found in sorted(app.env.nb_metadata.items()):
        if "exec_data" in found:
            print(f"{name}: {found['exec_data']['runtime']:.1f} s")


def unlinked(app: Any, name: str, text: list[str]) -> None:
    """Make names of links to files of the tree."""
    text[0] = SOURCE.sub(r"\1 (`\2`)", text[0])


def setup(app: Any) -> None:
    """Links to files of the tree become their names; docstrings get napoleon's shape, before napoleon sees them."""
    app.connect("source-read", unlinked)
    app.connect("autodoc-process-docstring", named, priority=400)
    app.connect("build-finished", said)
