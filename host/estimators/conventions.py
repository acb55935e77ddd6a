"""scikit-learn's conventions, kept where scikit-learn is installed and where it is not.

The estimators inherit its base classes if they are there, so that pipelines, searches and ``clone`` know them; else classes
of the same names here do what an estimator by itself needs.
"""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ohmprop.model.errors import UserError, reason

#: Whether scikit-learn is there.
INSTALLED = False
if not TYPE_CHECKING:
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin
        from sklearn.exceptions import DataConversionWarning, NotFittedError

        INSTALLED = True
    except ImportError:
        pass

if TYPE_CHECKING or not INSTALLED:

    class NotFittedError(ValueError, AttributeError):
        """An estimator was asked before it has learnt anything."""

    class DataConversionWarning(UserWarning):
        """Data came in another shape than they should."""

    class BaseEstimator:
        """Parameters by the names that ``__init__`` has."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """All parameters by name; ``deep`` is scikit-learn's, and no parameter has parameters of its own."""
            names = list(inspect.signature(type(self).__init__).parameters)[1:]
            return {name: getattr(self, name) for name in names}

        def set_params(self, **params: Any) -> "BaseEstimator":
            """Set parameters by name; ValueError if there is none of a name."""
            known = self.get_params()
            for name, value in params.items():
                if name not in known:
                    raise ValueError(
                        f"{type(self).__name__} has no parameter {name!r}; its parameters are {', '.join(known)}."
                    )
                setattr(self, name, value)
            return self

        def __repr__(self) -> str:
            params = inspect.signature(type(self).__init__).parameters
            changed = [
                f"{name}={value!r}" for name, value in self.get_params().items() if value is not params[name].default
            ]
            return f"{type(self).__name__}({', '.join(changed)})"

    class ClassifierMixin:
        """What every classifier can say of itself."""

        def score(self, X: Any, y: Any) -> float:
            """The share of samples that are classified right."""
            return float(np.mean(self.predict(X) == np.asarray(y)))  # type: ignore[attr-defined]


class InputError(UserError, ValueError):
    """A mistake in what an estimator was given: the ValueError that scikit-learn's users expect, with our sentence."""


@contextmanager
def input_errors(estimator: object) -> Iterator[None]:
    """Whatever ends before anything was learnt leaves the estimator as it was; the user's mistake is an InputError."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException as error:
        now = getattr(estimator, "checkpoint_", None)
        if now is None or now.learnt == 0 or now is before.get("checkpoint_"):
            vars(estimator).clear()
            vars(estimator).update(before)
        if isinstance(error, UserError) and not isinstance(error, InputError):
            raise InputError(str(error)) from None
        raise


def seed_of(random_state: Any) -> int:
    """The seed, 0 to 2**32 - 1, that a ``random_state`` stands for: a whole number itself, a generator's next draw, and for None
    one of numpy's own."""
    if random_state is None:
        return int(np.random.randint(0, 1 << 32, dtype=np.uint32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 1 << 32, dtype=np.uint32))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(1 << 32))
    if isinstance(random_state, int | np.integer) and 0 <= random_state < 1 << 32:
        return int(random_state)
    raise InputError(f"random_state = {random_state!r} is no seed; give 0 to {(1 << 32) - 1}, a generator, or None.")


def names_of(X: Any) -> NDArray[np.object_] | None:
    """The names of a data frame's columns if all are text."""
    columns = list(getattr(X, "columns", ()))
    return np.array(columns, object) if columns and all(isinstance(name, str) for name in columns) else None


def checked_samples(X: Any, estimator: object, fits: bool) -> NDArray[np.float64]:
    """Samples (count, features) as numbers, at least one of at least one feature, all finite.

    When an estimator is fitted it notes the features; later they must be the same. InputError if X is anything else.
    """
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise InputError("X is a sparse matrix, and a dense array is expected; give X.toarray().")
    if hasattr(X, "detach"):
        X = X.detach().cpu()
    try:
        found = np.asarray(X)
        if found.dtype.kind == "c":
            raise InputError("Complex data not supported: X holds complex numbers; give their real parts.")
        if found.dtype.kind in "mMSUV":
            raise ValueError(f"it holds {found.dtype}")
        array: NDArray[np.float64] = np.asarray(found, np.float64)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        # A TypeError for what is no number at all, as scikit-learn has it.
        kind = _NoNumbersError if isinstance(error, TypeError) else InputError
        raise kind(
            f"X cannot be read as an array of numbers ({reason(error)}); give an array (samples, features)."
        ) from None
    if array.ndim != 2:
        raise InputError(
            f"Expected 2D array, got an array of {array.ndim} dimensions: X of shape {array.shape} is no table. Reshape your "
            "data to (samples, features), a single sample with X.reshape(1, -1)."
        )
    samples, features = array.shape
    if samples < 1:
        raise InputError(f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is required.")
    if features < 1:
        raise InputError(f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    if not np.isfinite(array).all():
        raise InputError(
            "Input X contains NaN or infinity; every number must be finite, so fill in or drop such samples."
        )
    name, columns = type(estimator).__name__, names_of(X)
    if fits:
        estimator.n_features_in_ = features  # type: ignore[attr-defined]
        if columns is not None:
            estimator.feature_names_in_ = columns  # type: ignore[attr-defined]
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif features != (expected := estimator.n_features_in_):  # type: ignore[attr-defined]
        raise InputError(f"X has {features} features, but {name} is expecting {expected} features as input.")
    elif columns is not None and not np.array_equal(
        columns, fitted := getattr(estimator, "feature_names_in_", columns)
    ):
        raise InputError(
            "The feature names should match those that were passed during fit: "
            f"{', '.join(map(str, fitted))}; X has {', '.join(columns)}."
        )
    return array


class _NoNumbersError(InputError, TypeError):
    """What was given cannot be a number."""


def checked_labels(y: Any, count: int, name: str) -> NDArray[Any]:
    """The labels (count,) of samples, of any kind of class; InputError if they are missing, too few, or not classes."""
    if y is None:
        raise InputError(f"{name} requires y to be passed, but the target y is None; give a class for each sample.")
    if hasattr(y, "detach"):
        y = y.detach().cpu()
    labels = np.asarray(y)
    if labels.dtype.kind == "c":
        raise InputError("Complex data not supported: y holds complex numbers; give classes.")
    if labels.ndim == 2 and labels.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected; give y.ravel().",
            DataConversionWarning,
            stacklevel=4,
        )
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise InputError(
            f"y should be a 1d array, got an array of shape {labels.shape} instead; give a class a sample."
        )
    if len(labels) != count:
        raise InputError(f"X has {count} samples and y has {len(labels)} labels; give a label for each sample.")
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise InputError("Input y contains NaN or infinity; every sample needs a class.")
        if (labels != np.floor(labels)).any():
            raise InputError(
                "Unknown label type: continuous. y holds numbers that are not whole, and classes are expected; a regression is "
                "not what this learns."
            )
    return labels


def require_fitted(estimator: object, attribute: str) -> None:
    """NotFittedError if the estimator has learnt nothing yet."""
    if not hasattr(estimator, attribute):
        name = type(estimator).__name__
        raise NotFittedError(f"This {name} instance is not fitted yet; call fit, or {name}.load, first.")
