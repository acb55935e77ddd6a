# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # Gallery
#
# The pictures that the project draws, each below the command that draws it. All of them were run when this page was made.

# %% tags=["remove-cell"]
import shlex
import subprocess
from pathlib import Path

from IPython.display import Image, Markdown, display


def drawn(command: str, *names: str) -> None:
    """Run a command, and show the pictures of these names, or all, in the folder that it names last."""
    subprocess.run(["ohmprop", *shlex.split(command)], capture_output=True, check=True)
    display(Markdown(f"    ohmprop {command}"))
    files = [Path(command.split()[-1]) / f"{name}.png" for name in names]
    for file in files or sorted(Path(command.split()[-1]).glob("*.png")):
        display(Markdown(f"`{file}`"), Image(file.read_bytes()))


# %% [markdown]
# ## A memory of patterns

# %% tags=["remove-input"]
drawn("demo --board golden --out demo")

# %% tags=["remove-input"]
drawn("train --patterns glyphs --board golden --epochs 60 --save glyphs.npz --out glyphs", "states")

# %% tags=["remove-input"]
drawn("recall --patterns glyphs --load glyphs.npz --board golden --out recalled", "recall-0.10")

# %% tags=["remove-input"]
drawn("train --patterns glyphs --board golden --rule vector-field --epochs 60 --out one-way", "cosines")

# %% [markdown]
# ## A classifier

# %% tags=["remove-input"]
drawn("train --data digits --machine digits-64-32-10 --board golden --epochs 8 --save digits.npz --out digits")

# %% tags=["remove-cell"]
import numpy as np

from ohmprop import load_data

np.save("new.npy", load_data("digits").X_test[:16].reshape(16, 8, 8))

# %% tags=["remove-input"]
drawn("predict new.npy --load digits.npz --board golden --pictures answers")

# %% tags=["remove-input"]
drawn("data check digits --out checked")

# %% [markdown]
# ## Devices

# %% tags=["remove-cell"]
pulse = np.arange(41)
rise = (1 - np.exp(-2.5 * pulse / 40)) / (1 - np.exp(-2.5))
noise = np.random.default_rng(4).normal(0, 0.05, (2, 41))
table = np.column_stack([pulse, 2 + 7 * rise + noise[0], 9 - 7 * rise + noise[1]])
np.savetxt("measured.csv", table, header="pulse,up,down", comments="", delimiter=",", fmt="%g")

# %% tags=["remove-input"]
drawn("device fit measured.csv --out fitted")

# %% tags=["remove-input"]
drawn("device pulse epiram --board golden --count 100 --out pulsed")

# %% tags=["remove-input"]
drawn("study --vary stuck=0,0.1,0.2 --set rate=6 --seeds 2 --quick --out study")

# %% [markdown]
# ## The paper

# %% tags=["remove-input"]
drawn("reproduce table1 --quick --out table1")

# %% tags=["remove-input"]
drawn("reproduce fig1 --quick --out fig1")

# %% tags=["remove-input"]
drawn("reproduce fig2 --quick --cut 0 --cut 60 --out fig2")

# %% tags=["remove-input"]
drawn("reproduce fig3 --quick --out fig3")

# %% tags=["remove-input"]
drawn("reproduce fig4 --quick --out fig4")

# %% [markdown]
# ## The machine as a circuit

# %% tags=["remove-input"]
drawn("spice compare --load glyphs.npz --images 1 --engine equations --out circuit")

# %% tags=["remove-input"]
drawn("resistive train --data iris --out resistive")
