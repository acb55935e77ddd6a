"""The estimators in scikit-learn's conventions: its own checks, pipelines and searches, and what is refused."""

import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from ohmprop import AssociativeMemory, EPClassifier, MachineSpec

X = np.array([[0, 0, 9], [0, 1, 9], [9, 9, 0], [9, 8, 0]])
Y = np.array(["low", "low", "high", "high"])
PATTERNS = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0, 1, 0]])
#: Checks that ask for what is not installed, by the reasons that they give.
ABSENT = ("SCIPY_ARRAY_API is not set", "pandas is not installed")


@pytest.mark.parametrize("estimator", [EPClassifier(), AssociativeMemory()], ids=lambda found: type(found).__name__)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_every_check_of_scikit_learn(estimator):
    found = check_estimator(estimator, on_fail=None)
    assert [(check["check_name"], check["exception"]) for check in found if check["status"] == "failed"] == []
    for check in found:
        if check["status"] != "passed":
            print(f"{check['check_name']} is skipped: {check['exception']}")
            assert str(check["exception"]).startswith(ABSENT)
    assert len(found) > 40


def test_pipelines_and_searches():
    samples, classes = load_iris(return_X_y=True)
    pipeline = make_pipeline(MinMaxScaler(), EPClassifier())
    search = GridSearchCV(pipeline, {"epclassifier__epochs": [1, 20]}, cv=3).fit(samples, classes)
    assert search.best_params_ == {"epclassifier__epochs": 20}
    assert search.best_score_ > 0.9


def test_partial_fits_come_to_the_bits_of_a_fit():
    whole = EPClassifier(epochs=4).fit(X, Y)
    parts = EPClassifier(epochs=4)
    for _ in range(4):
        parts.partial_fit(X, Y)
    assert all(map(np.array_equal, whole.weights_, parts.weights_))
    assert (whole.checkpoint_.learnt, whole.epochs_) == (parts.checkpoint_.learnt, parts.epochs_) == (16, 4)
    memory = AssociativeMemory(epochs=3).fit(PATTERNS)
    again = AssociativeMemory().partial_fit(PATTERNS).partial_fit(PATTERNS).partial_fit(PATTERNS)
    assert np.array_equal(memory.weights_[0], again.weights_[0])


def test_more_classes_may_be_named_than_the_first_samples_have():
    classifier = EPClassifier().partial_fit(X[:2], Y[:2], classes=["high", "low"])
    assert classifier.partial_fit(X, Y).epochs_ == 2
    with pytest.raises(ValueError, match=r"the class .*'other'.*\.$"):
        classifier.partial_fit(X, ["other"] * 4)
    assert classifier.epochs_ == 2


@pytest.mark.parametrize("kind", ["pickle", "file", "clone"])
def test_a_fitted_estimator_is_carried_with_its_arrays(kind, tmp_path):
    classifier = EPClassifier(epochs=3).fit(X, Y)
    memory = AssociativeMemory(epochs=20).fit(PATTERNS)
    images = PATTERNS.copy()
    images[:, 7] = 1 - images[:, 7]
    if kind == "clone":
        assert np.array_equal(clone(classifier).fit(X, Y).weights_[0], classifier.weights_[0])
        with pytest.raises(NotFittedError):
            clone(memory).recall(images)
        return
    if kind == "pickle":
        others = pickle.loads(pickle.dumps(classifier)), pickle.loads(pickle.dumps(memory))
    else:
        file = tmp_path / "a name.npz"
        classifier.save(file)
        again = EPClassifier.load(file)
        memory.save(file)
        others = again, AssociativeMemory.load(file)
    assert np.array_equal(others[0].outputs(X), classifier.outputs(X))
    assert others[0].predict(X).tolist() == Y.tolist()
    assert np.array_equal(others[1].recall(images), memory.recall(images))
    assert others[1].score(PATTERNS, [0, 1]) == memory.score(PATTERNS, [0, 1]) == 1.0
    # What was learnt goes on as if it had never left.
    for one, other in ((classifier, others[0]), (memory, others[1])):
        data = (X, Y) if one is classifier else (PATTERNS,)
        assert np.array_equal(one.partial_fit(*data).weights_[0], other.partial_fit(*data).weights_[0])


REFUSED = {
    "text": ([["a", "b"]], ["x"], ValueError),
    "NaN": ([[np.nan, 1.0]] * 2, ["x", "y"], ValueError),
    "infinity": ([[np.inf, 1.0]] * 2, ["x", "y"], ValueError),
    "one dimension": ([1.0, 2.0], ["x", "y"], ValueError),
    "dates": (np.array([["2026-01-01"]] * 2, "datetime64[D]"), ["x", "y"], ValueError),
    "one class": (X, ["x"] * 4, ValueError),
    "no classes": (X, None, ValueError),
    "too few labels": (X, Y[:3], ValueError),
    "two columns of labels": (X, np.stack([Y, Y], 1), ValueError),
    "fractions": (X, [0.5, 1.5, 2.5, 3.5], ValueError),
    "65 classes": (np.arange(130).reshape(65, 2), range(65), ValueError),
    "1025 features": (np.zeros((2, 1025)), ["x", "y"], ValueError),
    "objects": ([[{}, 1], [{}, 2]], ["x", "y"], TypeError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_the_estimator_as_it_was(name):
    samples, labels, kind = REFUSED[name]
    classifier = EPClassifier(epochs=1).fit(X, Y)
    before = dict(vars(classifier))
    with pytest.raises(kind, match=r"\.$"):
        classifier.fit(samples, labels)
    assert vars(classifier) == before


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"epochs": 0}, "epochs = 0"),
        ({"epochs": 2.5}, "epochs = 2.5"),
        ({"random_state": -1}, "random_state"),
        ({"machine": "digits-64-32-10"}, "64 inputs"),
        ({"machine": "glyphs-100"}, "recurrent one"),
        ({"machine": MachineSpec(layers=(3, 4, 5))}, "5 outputs"),
        ({"machine": "no-such"}, "no-such"),
        ({"settings": {"rule": "none"}}, "rule"),
        ({"device": "none"}, "device"),
        ({"board": "/dev/no such port"}, "no such port"),
    ],
)
def test_parameters_that_do_not_fit_are_named(params, said):
    with pytest.raises(ValueError, match=rf"{said}[\s\S]*\.$"):
        EPClassifier(**params).fit(X, Y)


def test_memories_refuse_what_they_cannot_store():
    for patterns in (np.zeros((1, 257)), np.zeros((1, 1))):
        with pytest.raises(ValueError, match="2 to 256 units"):
            AssociativeMemory().fit(patterns)
    with pytest.raises(ValueError, match="8 features and this machine has 100 units"):
        AssociativeMemory("glyphs-100").fit(PATTERNS)
    with pytest.raises(ValueError, match="layered one"):
        AssociativeMemory("digits-64-32-10").fit(PATTERNS)
    memory = AssociativeMemory(epochs=1).fit(PATTERNS)
    with pytest.raises(ValueError, match="rows that are not in patterns_"):
        memory.score(PATTERNS, [0, 2])
    with pytest.raises(ValueError, match="9 features, but AssociativeMemory is expecting 8"):
        memory.recall(np.zeros((1, 9)))


def test_a_file_of_the_other_kind_is_named(tmp_path):
    EPClassifier(epochs=1).fit(X, Y).save(tmp_path / "c.npz")
    AssociativeMemory(epochs=1).fit(PATTERNS).save(tmp_path / "m.npz")
    with pytest.raises(ValueError, match=r"AssociativeMemory\.load"):
        EPClassifier.load(tmp_path / "m.npz")
    with pytest.raises(ValueError, match=r"EPClassifier\.load"):
        AssociativeMemory.load(tmp_path / "c.npz")


def test_a_column_of_labels_is_taken_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert EPClassifier(epochs=1).fit(X, Y[:, None]).classes_.tolist() == ["high", "low"]


WITHOUT = textwrap.dedent("""
    import sys
    sys.modules["sklearn"] = None
    import numpy as np
    from ohmprop import AssociativeMemory, EPClassifier
    from ohmprop.host.estimators.conventions import NotFittedError
    classifier = EPClassifier(epochs=2)
    try:
        classifier.predict([[1, 2, 3]])
    except NotFittedError as error:
        print(error)
    print(classifier)
    print(classifier.set_params(epochs=20).get_params()["epochs"])
    X = np.array([[0, 0, 9], [0, 1, 9], [9, 9, 0], [9, 8, 0]])
    print(classifier.fit(X, ["low", "low", "high", "high"]).score(X, ["low", "low", "high", "high"]))
    print(AssociativeMemory(epochs=20).fit([[1, 1, 0, 0], [1, 0, 1, 0]]).score([[1, 1, 0, 0]]))
    try:
        classifier.set_params(depth=1)
    except ValueError as error:
        print(error)
""")


def test_the_estimators_work_without_scikit_learn():
    said = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert said[0] == "This EPClassifier instance is not fitted yet; call fit, or EPClassifier.load, first."
    assert said[1:5] == ["EPClassifier(epochs=2)", "20", "1.0", "1.0"]
    assert "has no parameter 'depth'" in said[5]
