# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # Digits on the virtual board
#
# The virtual board is the hardware itself: the Amaranth design, compiled, behind the same serial protocol as a board. The golden
# machine stands beside it and learns the same; every reply, every weight and the random register are compared.

# %%
from ohmprop import EPClassifier, load_data

X, y, X_test, y_test = load_data("digits")
board = EPClassifier("digits-64-32-10", board="sim", epochs=10, verbose=True)
board.partial_fit(X[:300], y[:300])
f"{board.checkpoint_.counters['busy_clocks']:,} clocks of the machine for {board.checkpoint_.learnt} patterns"

# %% [markdown]
# The golden machine alone comes to the same bits, so it can learn the rest of the night.

# %%
golden = EPClassifier("digits-64-32-10", board="golden", epochs=10).partial_fit(X[:300], y[:300])
assert all((a == b).all() for a, b in zip(board.weights_, golden.weights_, strict=True))
golden.fit(X, y)
f"{golden.score(X_test, y_test):.1%} of {len(X_test)} test images are read right"

# %% [markdown]
# What was learnt goes to the board, which answers as the golden machine does.

# %%
golden.save("digits.npz")
asked = EPClassifier.load("digits.npz", board="sim")
assert (asked.outputs(X_test[:50]) == golden.outputs(X_test[:50])).all()
with asked.opened() as machine:
    trace = machine.trace(asked.encode(X_test)[0], y_test[0] == asked.classes_)
trace.picture()
