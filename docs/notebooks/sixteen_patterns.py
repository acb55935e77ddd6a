# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # Sixteen patterns
#
# The memory of Zoppo, Marrone and Corinto 2020: a hundred neurons, all connected with each other, store sixteen glyphs of 10 x 10
# pixels and recall them from corrupted ones.

# %%
import numpy as np

from ohmprop import AssociativeMemory, load_patterns

patterns = load_patterns("glyphs")
memory = AssociativeMemory("glyphs-100", epochs=100, verbose=True).fit(patterns)
print(f"{memory.checkpoint_.learnt} patterns learnt")

# %% [markdown]
# Each pixel is flipped with a probability of 10 %, the network gets the image for some steps, then it is taken away, and the
# network settles. Pixels that differ from the original's are red.

# %%
corrupted = patterns ^ (np.random.default_rng(1).random(patterns.shape) < 0.1)
memory.picture(corrupted, range(16))

# %%
for share in (0.05, 0.1, 0.15, 0.2):
    noise = np.random.default_rng(2).random((50, *patterns.shape)) < share
    images = (patterns ^ noise).reshape(-1, 100)
    score = memory.score(images, np.tile(np.arange(16), 50))
    print(f"flipped with p = {share}: {score:.1%} recalled in every pixel")

# %% [markdown]
# Every neuron's state while the first pattern is shown once more. The free phase settles, and the nudge moves hardly anything,
# since the pattern is learnt. The dashed lines are float64; one neuron's state is beyond what the machine's format can hold, and
# stands at its end.

# %%
with memory.opened() as machine:
    trace = machine.trace(patterns[0])
trace.picture()
