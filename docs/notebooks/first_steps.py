# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # First steps
#
# A machine learns to tell three kinds of iris apart. `board="golden"` is the numpy model, which predicts every bit of the
# hardware; `"sim"` would be the hardware itself, compiled, and `"/dev/ttyUSB0"` a board.

# %%
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from ohmprop import EPClassifier

X, y = load_iris(return_X_y=True)
train, test, labels, test_labels = train_test_split(X, y, random_state=1, stratify=y)
pipeline = make_pipeline(MinMaxScaler(), EPClassifier(board="golden")).fit(train, labels)
pipeline.score(test, test_labels)

# %% [markdown]
# What it is, and what it would need on two boards. These are estimates; block RAMs, multipliers and clocks are exact.

# %%
classifier, samples = pipeline[-1], pipeline[:-1].transform(test)
with classifier.opened() as machine:
    print(machine.summary())

# %% [markdown]
# Every neuron's state after every Euler step, while one flower is learnt: the free phase settles, then the nudge draws the
# outputs to their target. The dashed lines are the same network in float64.

# %%
with classifier.opened() as machine:
    pixels = classifier.encode(samples)
    trace = machine.trace(pixels[0], test_labels[0] == classifier.classes_)
    ranges = machine.ranges(pixels[:20], test_labels[:20, None] == classifier.classes_)
trace.picture()

# %% [markdown]
# How much of its number formats the machine uses. Grey is what a format can hold, blue the middle half of the values.

# %%
print(ranges)
ranges.picture()
