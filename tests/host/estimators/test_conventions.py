"""The estimators in scikit-learn's conventions: its own checks, pipelines and searches, and what is refused."""

import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import shuffle
from sklearn.utils.estimator_checks import check_estimator

import ohmprop
from ohmprop import AssociativeMemory, EPClassifier, MachineSpec
from ohmprop.host.estimators import learned
from ohmprop.model.errors import MachineError, UserError

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


def test_partial_fits_halve_the_rates_as_a_fit_does():
    samples, classes = load_iris(return_X_y=True)
    whole = EPClassifier(epochs=4, halvings=1).fit(samples, classes)
    parts = EPClassifier(epochs=4, halvings=1)
    for _ in range(4):
        parts.partial_fit(samples, classes)
    assert whole.checkpoint_.learnt == 600
    assert all(map(np.array_equal, whole.weights_, parts.weights_))
    assert not np.array_equal(whole.weights_[0], EPClassifier(epochs=4, halvings=0).fit(samples, classes).weights_[0])


class Frame:
    """A data frame as far as an estimator looks at one."""

    def __init__(self, values, columns):
        self.values, self.columns = values, columns

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


class Tensor:
    """A tensor as far as an estimator looks at one."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return self

    def cpu(self):
        return np.asarray(self.values)


def test_names_of_features_are_kept_and_compared():
    classifier = EPClassifier(epochs=1).fit(Frame(X, ["a", "b", "c"]), Y)
    assert classifier.feature_names_in_.tolist() == ["a", "b", "c"]
    assert np.array_equal(classifier.predict(Frame(X, ["a", "b", "c"])), classifier.predict(X))
    with pytest.raises(ValueError, match=r"feature names .*: a, b, c; X has a, c, b\.$"):
        classifier.predict(Frame(X, ["a", "c", "b"]))
    assert not hasattr(classifier.fit(X, Y), "feature_names_in_")


def test_tensors_are_taken():
    classifier = EPClassifier(epochs=1).fit(Tensor(X), Tensor([0, 0, 1, 1]))
    assert np.array_equal(classifier.weights_[0], EPClassifier(epochs=1).fit(X, [0, 0, 1, 1]).weights_[0])


class Items:
    """A Dataset of PyTorch as far as an estimator looks at one."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


def test_a_pair_and_a_dataset_are_taken_for_samples_and_classes():
    labels = [0, 0, 1, 1]
    expected = EPClassifier(epochs=2).fit(X, labels)
    dataset = Items(*((np.array(row).reshape(1, 3), label) for row, label in zip(X, labels, strict=True)))
    for given in ((X, labels), dataset):
        assert np.array_equal(EPClassifier(epochs=2).fit(given).weights_[0], expected.weights_[0])
        parts = EPClassifier(epochs=2).partial_fit(given).partial_fit(given)
        assert np.array_equal(parts.weights_[0], expected.weights_[0])
    rows = EPClassifier(epochs=2).fit((X[0], X[2]), [0, 1])
    assert np.array_equal(rows.weights_[0], EPClassifier(epochs=2).fit(X[[0, 2]], [0, 1]).weights_[0])
    for wrong in (Items(*X), Items((X[0], "low"), (X[1], "high"))):
        with pytest.raises(ValueError, match=r"are no pairs[\s\S]*\.$"):
            EPClassifier().fit(wrong)


def test_data_come_through_the_doors_of_the_command_line():
    samples = ohmprop.load_data("digits", classes=[3, 8], per_class=20)
    assert samples.X.shape == (40, 64)
    assert set(samples.y) == set(samples.y_test) == {3, 8}
    assert EPClassifier().fit(samples.X, samples.y).score(samples.X_test, samples.y_test) > 0.85
    assert ohmprop.load_patterns("glyphs").shape == (16, 100)
    for wrong in (lambda: ohmprop.load_data("no such data"), lambda: ohmprop.load_patterns("no such patterns")):
        with pytest.raises(UserError, match=r"no such[\s\S]*\.$"):
            wrong()


def test_a_machine_for_tables_tells_apart_what_one_for_images_does_not():
    samples, classes = shuffle(*make_blobs(300, centers=3, random_state=0), random_state=7)
    samples = StandardScaler().fit_transform(samples)
    plain = EPClassifier(MachineSpec(layers=(2, 64, 3))).fit(samples, classes).score(samples, classes)
    made = EPClassifier().fit(samples, classes).score(samples, classes)
    assert plain < 0.85
    assert made > 0.9


@pytest.mark.parametrize("kind", [MachineError, KeyboardInterrupt])
@pytest.mark.parametrize("fitted", [False, True], ids=["unfitted", "fitted"])
def test_what_ends_before_anything_was_learnt_leaves_the_estimator_as_it_was(kind, fitted, monkeypatch):
    for estimator, data in ((EPClassifier(epochs=1), (X, Y)), (AssociativeMemory(epochs=1), (PATTERNS,))):
        before = dict(vars(estimator.fit(*data) if fitted else estimator))
        with monkeypatch.context() as patch:
            patch.setattr(learned, "learning", raising(kind))
            with pytest.raises(kind):
                estimator.fit(*data)
        assert vars(estimator) == before


def raising(kind):
    def raises(*_args, **_options):
        raise kind("it ends.")

    return raises


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
    "numbers beside text": (X, np.array([0, "a", 1, "b"], object), ValueError),
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


def test_numbers_at_the_middle_are_black():
    memory = AssociativeMemory(epochs=1).fit([[0, 2, 0], [2, 0, 2]])
    assert memory.encode([[1, 1.5, 2]]).tolist() == [[False, True, True]]


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
    with pytest.raises(ValueError, match="rows that are not in patterns_"):
        memory.picture(PATTERNS, [0, 2])
    assert memory.picture(PATTERNS, [0, 1]).png().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="9 features, but AssociativeMemory is expecting 8"):
        memory.recall(np.zeros((1, 9)))


def test_a_file_of_the_other_kind_is_named(tmp_path):
    EPClassifier(epochs=1).fit(X, Y).save(tmp_path / "c.npz")
    AssociativeMemory(epochs=1).fit(PATTERNS).save(tmp_path / "m.npz")
    with pytest.raises(ValueError, match=r"AssociativeMemory\.load"):
        EPClassifier.load(tmp_path / "m.npz")
    with pytest.raises(ValueError, match=r"EPClassifier\.load"):
        AssociativeMemory.load(tmp_path / "c.npz")


def test_the_patterns_of_a_damaged_file_are_refused(tmp_path):
    AssociativeMemory(epochs=1).fit(PATTERNS).save(tmp_path / "m.npz")
    whole = dict(np.load(tmp_path / "m.npz"))
    wrongs = [("beside_patterns", PATTERNS[:, :7] == 1), ("beside_patterns", PATTERNS), ("beside_middle", np.zeros(1))]
    for name, wrong in wrongs:
        np.savez(tmp_path / "wrong.npz", **whole | {name: wrong})
        with pytest.raises(ValueError, match=r"patterns in .* are damaged"):
            AssociativeMemory.load(tmp_path / "wrong.npz")
    del whole["beside_middle"]
    np.savez(tmp_path / "wrong.npz", **whole)
    with pytest.raises(UserError, match="cannot be read as saved weights"):
        AssociativeMemory.load(tmp_path / "wrong.npz")


def test_a_column_of_labels_is_taken_with_one_warning():
    with pytest.warns(DataConversionWarning, match="column-vector") as warned:
        assert EPClassifier(epochs=1).fit(X, Y[:, None]).classes_.tolist() == ["high", "low"]
    assert len(warned) == 1


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
