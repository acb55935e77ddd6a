"""Whether a network still knows in the machine what it knew before."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.host.estimators.conventions import InputError, checked_labels

#: A network whose share of right or equal answers falls by more than this is warned of.
TOLERATED = 0.05


class NetworkWarning(UserWarning):
    """A network that was carried into the machine answers otherwise there."""


def compare(classifier: Any, X: NDArray[np.float64], y: Any, places: NDArray[np.int64]) -> None:
    """Compare the classes of samples X (count, features) by a machine and by the network it comes from, and warn of a loss.

    ``places`` (count,) are the outputs that the network has largest; ``y`` (count,) the right classes, or None.
    """
    given, found = classifier.classes_[places], classifier.predict(X)
    if y is None:
        before, after = 1.0, float((found == given).mean())
        what = f"the machine gives another class than the network for {1 - after:.1%} of {len(X)} samples"
    else:
        labels = checked_labels(y, len(X), "EPClassifier")
        unknown = ~np.isin(labels, classifier.classes_)
        if unknown.any():
            known = ", ".join(map(str, classifier.classes_))
            raise InputError(
                f"y holds the class {labels[unknown][0]!r}, and the outputs stand for {known}; name them with classes=."
            )
        before, after = float((given == labels).mean()), float((found == labels).mean())
        what = f"the network misreads {1 - before:.1%} of {len(X)} samples, and the machine {1 - after:.1%}"
    classifier.accuracies_ = {"network": before, "machine": after}
    if after < before - TOLERATED:
        warnings.warn(
            f"Carried over, {what}. Couplings run backwards here too, so hidden layers get what those above drive, which "
            "no feedforward network was trained for; let it learn on with partial_fit, or train it by equilibrium propagation.",
            NetworkWarning,
            stacklevel=3,
        )
