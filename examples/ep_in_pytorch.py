"""Equilibrium propagation in PyTorch, by hand, for a network that ohmprop then carries into its machine.

    python examples/ep_in_pytorch.py --seed 1 --out digits.pt

The network is a stack of nn.Linear with hard sigmoids whose couplings act both ways, trained on the 8 x 8 digits in mini-batches
(Scellier and Bengio 2017, with the centred estimate of Laborieux et al. 2021). docs/notebooks/bring_a_network.py goes on.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

EPOCHS, BATCH, RATE, BETA = 30, 20, 0.2, 0.5
FREE, NUDGED = 20, 8


def digits(seed: int) -> tuple[NDArray[np.float32], ...]:
    """Images 0 to 1 and classes of the digits: those to train with and those to test, of a split that follows from the seed."""
    X, y = load_digits(return_X_y=True)
    train, test, labels, test_labels = train_test_split(X / 16, y, test_size=0.2, random_state=seed, stratify=y)
    return train.astype(np.float32), labels, test.astype(np.float32), test_labels


def relaxed(
    linears: list[nn.Linear], x: torch.Tensor, states: list[torch.Tensor], steps: int, nudge: torch.Tensor | None = None
):
    """The states after Euler steps of 1/2 with the inputs on; ``nudge`` are beta and the target, in one."""
    for _ in range(steps):
        old = states
        states = []
        for index, linear in enumerate(linears):
            drive = linear(old[index - 1] if index else x)
            if index + 1 < len(linears):
                drive = drive + old[index + 1] @ linears[index + 1].weight
            elif nudge is not None:
                drive = drive + nudge(old[index])
            states.append((old[index] + 0.5 * (drive - old[index])).clamp(0, 1))
    return states


def resting(linears: list[nn.Linear], x: torch.Tensor) -> list[torch.Tensor]:
    """The states at the end of the free phase."""
    return relaxed(linears, x, [torch.zeros(len(x), linear.out_features) for linear in linears], FREE)


def learn(linears: list[nn.Linear], x: torch.Tensor, target: torch.Tensor, rate: float) -> None:
    """One mini-batch: away from the targets, towards them, and the difference of the states' products."""
    free = resting(linears, x)
    away = relaxed(linears, x, free, NUDGED, lambda outputs: -BETA * (target - outputs))
    towards = relaxed(linears, x, free, NUDGED, lambda outputs: BETA * (target - outputs))
    for index, linear in enumerate(linears):
        below = (x, x) if index == 0 else (towards[index - 1], away[index - 1])
        contrast = towards[index].T @ below[0] - away[index].T @ below[1]
        linear.weight += rate / (2 * BETA * len(x)) * contrast
        linear.bias += rate / (2 * BETA) * (towards[index] - away[index]).mean(0)


@torch.no_grad()
def train(seed: int, layers: tuple[int, ...] = (64, 32, 10)) -> nn.Sequential:
    """A network that has learnt the digits of ``digits(seed)``."""
    torch.manual_seed(seed)
    linears = [nn.Linear(below, above) for below, above in pairwise(layers)]
    for linear in linears:
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
    x, labels = map(torch.as_tensor, digits(seed)[:2])
    targets = nn.functional.one_hot(labels, layers[-1]).float()
    for epoch in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            learn(linears, x[rows], targets[rows], RATE * 0.95**epoch)
    return nn.Sequential(*(part for linear in linears for part in (linear, nn.Hardtanh(0, 1))))


@torch.no_grad()
def accuracy(network: nn.Sequential, x: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The share of images whose class has the largest state at the end of the free phase."""
    outputs = resting(list(network[::2]), torch.as_tensor(x))[-1]
    return float((outputs.argmax(1).numpy() == labels).mean())


def main() -> None:
    """Train, say how well, and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of weights, order and split [1]")
    parser.add_argument("--out", type=Path, default=Path("digits.pt"), help="where the module is saved [digits.pt]")
    options = parser.parse_args()
    network = train(options.seed)
    print(f"{accuracy(network, *digits(options.seed)[2:]):.1%} of the test images are read right in floating point")
    torch.save(network, options.out)


if __name__ == "__main__":
    main()
