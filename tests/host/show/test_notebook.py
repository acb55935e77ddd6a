"""The bar of a notebook, in a notebook that runs."""

import textwrap

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")

CELL = textwrap.dedent("""
    import numpy as np
    from ohmprop import EPClassifier
    from ohmprop.host.show import notebook
    notebook.REDRAW_SECONDS = -1
    X = np.array([[0, 0, 9], [0, 1, 9], [9, 9, 0], [9, 8, 0]])
    classifier = EPClassifier(epochs=3, verbose=True).fit(X, ["low", "low", "high", "high"])
    classifier.checkpoint_.learnt
""")


def test_a_notebook_shows_a_bar_that_is_gone_at_the_end():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    shown = []

    class Client(nbclient.NotebookClient):
        def process_message(self, msg, cell, cell_index):
            if msg["msg_type"] in ("display_data", "update_display_data"):
                shown.append(msg["content"]["data"].get("text/html", ""))
            return super().process_message(msg, cell, cell_index)

    Client(notebook, timeout=120, kernel_name="python3").execute()
    assert [text for text in shown if 'value="12" max="12"' in text]
    assert "learning" in shown[0]
    assert shown[-1] == ""
    outputs = notebook.cells[0].outputs
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert outputs[-1]["data"]["text/plain"] == "12"
