# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # From your memristor's pulses to accuracy
#
# A table of measured pulses becomes a device, and the machine's synapses behave like it. Here the measurement is made up: a
# hundred levels between 2 and 9 µS, bent and noisy. Put your own table in its place.

# %%
import subprocess

import numpy as np

rng = np.random.default_rng(4)
pulse = np.arange(101)
rise = (1 - np.exp(-1.5 * pulse / 100)) / (1 - np.exp(-1.5))
up = 2 + 7 * rise + rng.normal(0, 0.05, 101)
down = 9 - 7 * rise + rng.normal(0, 0.05, 101)
np.savetxt(
    "measured.csv", np.column_stack([pulse, up, down]), header="pulse,up,down", comments="", delimiter=",", fmt="%g"
)
command = ["ohmprop", "device", "fit", "measured.csv", "--json", "mine.json", "--out", "fitted"]
print(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

# %% [markdown]
# Digits are learnt with this device in each cell, with a known one, and with cells that are linear. How a weight stands for two
# conductances is the scheme; the manual's page on devices has all of them.

# %%
from ohmprop import EPClassifier, load_data

X, y, X_test, y_test = load_data("digits")
cells = {
    "linear": None,
    "epiram": {"device": "epiram", "scheme": "pair"},
    "mine, a pair of cells": {"device": "mine.json", "scheme": "pair"},
    "mine, one-sided": {"device": "mine.json", "scheme": "one-sided"},
}
learnt = {
    name: EPClassifier("digits-64-32-10", epochs=12, halvings=0.5, device=device).fit(X, y)
    for name, device in cells.items()
}
for name, classifier in learnt.items():
    print(f"{name}: {classifier.score(X_test, y_test):.1%} of the test images are read right")

# %% [markdown]
# The weights of the inputs after learning, in levels.

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for place, name in zip(axes, ("linear", "mine, one-sided"), strict=True):
    place.hist(learnt[name].weights_[0].ravel(), bins=64)
    place.set(title=name, xlabel="weight, levels")
