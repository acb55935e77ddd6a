# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # Bring a PyTorch network
#
# `examples/ep_in_pytorch.py` trains a stack of `nn.Linear` with hard sigmoids by equilibrium propagation in floating point. Here
# it is carried into the machine's 8 bits, and goes on learning there.

# %%
import sys

sys.path.insert(0, "../../examples")
import ep_in_pytorch as script

from ohmprop import EPClassifier

network = script.train(seed=1)
images, labels, tests, test_labels = script.digits(seed=1)
f"in floating point {script.accuracy(network, tests, test_labels):.1%} of the test images are read right"

# %%
classifier = EPClassifier.from_torch(network, images, labels, board="sim", settings={"eta_shifts": (6, 6, 6)})
print(*classifier.scaled_, sep="\n")
f"in 8 bits {classifier.set_params(board='golden').score(tests, test_labels):.1%}"

# %% [markdown]
# The virtual board goes on with it, compared with the golden machine in every bit.

# %%
classifier.set_params(board="sim").partial_fit(images[:200], labels[:200])
f"{classifier.set_params(board='golden').score(tests, test_labels):.1%} after 200 patterns more, on the board"

# %% [markdown]
# And back: a module whose outputs are the states at the fixed point of the couplings.

# %%
import torch

module = classifier.to_torch()
with torch.no_grad():
    places = module(torch.from_numpy(tests)).argmax(1).numpy()
f"{(classifier.classes_[places] == test_labels).mean():.1%} by the module in float64"

# %% [markdown]
# A network that was trained to run forwards only is another matter: here its couplings run backwards too. With one hidden layer
# most of it survives; with two a ReLU network may lose most of its accuracy, which a `NetworkWarning` says if you give it data.
