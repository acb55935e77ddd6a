"""Pages of runs: everything in one file, for narrow and wide windows, and nothing that a browser complains of."""

import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from ohmprop.host.cli.main import main
from ohmprop.host.experiments import training
from ohmprop.host.show import page

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
#: A browser without a network, which draws one page.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
)
RUNS = {
    "recurrent": ("train", "--epochs", "2", "--rule", "vector-field"),
    "layered": ("train", "--data", "digits", "--machine", "digits-64-32-10", "--per-class", "30", "--epochs", "2"),
}


@pytest.fixture(scope="module", params=RUNS)
def pages(request, tmp_path_factory):
    """The page of a run, and what it was after each epoch."""
    folder = tmp_path_factory.mktemp("pages")
    path, before, sketch = folder / "a page.html", [], training.Page.sketch

    def kept(self, epoch, report):
        sketch(self, epoch, report)
        before.append(path.read_text(encoding="utf-8"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.Page, "sketch", kept)
        result = CliRunner().invoke(main, [*RUNS[request.param], "--board", "golden", "--report", str(path)])
    assert result.exit_code == 0, result.output
    return request.param, path, before


def test_a_page_has_all_in_it(pages):
    name, path, before = pages
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:)", text) and "http-equiv" not in text and "width=device-width" in text
    pictures = re.findall(r"<h2>([^<]*)</h2>\n<img", text)
    expected = (
        ["cosines", "states", "weights"]
        if name == "recurrent"
        else ["confusion", "errors", "hidden", "misread", "states"]
    )
    assert pictures == expected
    for word in ("busy clocks", "eta shifts", "numpy", "spec hash"):
        assert word in text.replace("_", " ")
    assert len(before) == 2
    for number, old in enumerate(before, 1):
        assert f'content="{page.RELOAD_SECONDS}"' in old and f"<th>epochs done</th><td>{number}</td>" in old


def test_a_page_that_cannot_be_written_ends_no_run(tmp_path, monkeypatch):
    path = tmp_path / "p.html"

    def full(*_, going_on=False, **__):
        if going_on:
            raise training.UserError("The disk is full; make room.")
        path.write_text("done")

    monkeypatch.setattr(training, "write_page", full)
    result = CliRunner().invoke(main, ["train", "--epochs", "3", "--board", "golden", "--report", str(path)])
    assert result.exit_code == 0 and path.read_text() == "done"
    assert result.stderr.count("the run goes on") == 1


@pytest.mark.parametrize("width", [400, 1200])
def test_a_browser_draws_it_without_complaint(pages, width, tmp_path):
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed to open the page in")
    _, path, _ = pages
    shot = tmp_path / "shot.png"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1200", f"--screenshot={shot}",
         path.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr and shot.stat().st_size > 10_000
