"""Networks carried in and out: arrays, PyTorch and NIR, in the same bits; what the machine has not is named."""

import importlib.util
import sys
import warnings
from itertools import pairwise

import numpy as np
import pytest

from ohmprop import AssociativeMemory, EPClassifier, MachineSpec
from ohmprop.host.estimators import networks
from ohmprop.host.estimators.networks.comparing import NetworkWarning, compare
from ohmprop.host.run.memristors import Memristors
from ohmprop.model.errors import UserError
from ohmprop.model.float64.reference import Reference, as_float64
from ohmprop.model.spec.options import equipped
from tests.kit.paths import ROOT

RNG = np.random.default_rng(3)
SIZES = (9, 5, 3)
WEIGHTS = [RNG.normal(0, 0.2, (above, below)) for below, above in pairwise(SIZES)]
BIASES = [RNG.normal(0, 0.1, above) for above in SIZES[1:]]
SAMPLES = RNG.integers(0, 256, (8, 9)) / 255
torch_needed = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed: pip install torch==2.13.0"
)
nir_needed = pytest.mark.skipif(importlib.util.find_spec("nir") is None, reason="NIR is not installed")


def same(one, other):
    return all(map(np.array_equal, one.weights_, other.weights_))


@pytest.mark.parametrize("biases", [None, BIASES], ids=["without biases", "with biases"])
def test_arrays_go_in_and_out_in_the_same_bits(biases, tmp_path):
    made = EPClassifier.from_arrays(WEIGHTS, biases)
    spec = made.spec_
    assert spec.layers == SIZES
    assert spec.biases == bool(biases)
    again = EPClassifier.from_arrays(*made.to_arrays(), machine=spec)
    assert same(made, again)
    # Within half an LSB, but for what is clipped.
    for matrix, floats, found in zip(WEIGHTS, made.to_arrays()[0], spec.matrices, strict=False):
        end = found.limit / found.stored.one
        assert np.abs(floats - np.clip(matrix, -end, end)).max() <= 0.5 / found.weight.one
    made.save(tmp_path / "n.npz")
    loaded = EPClassifier.load(tmp_path / "n.npz")
    assert np.array_equal(loaded.outputs(SAMPLES), made.outputs(SAMPLES))
    # And both go on alike, at the same rates.
    labels = np.arange(8) % 3
    for _ in range(4):
        assert same(loaded.partial_fit(SAMPLES, labels), made.partial_fit(SAMPLES, labels))
    assert loaded.epochs_ == made.epochs_ == 4
    assert EPClassifier.load(tmp_path / "n.npz").fit(SAMPLES, labels).epochs_ == 20


def test_what_becomes_of_each_matrix_is_said():
    large = [WEIGHTS[0] * 8, WEIGHTS[1]]
    made = EPClassifier.from_arrays(large, BIASES, machine=MachineSpec(layers=SIZES, lanes=4, biases=True))
    names = [one.name for one in made.scaled_]
    assert names == ["weights 0", "weights 1", "biases"]
    first = made.scaled_[0]
    beyond = (np.abs(np.rint(large[0] * 256)) > 127).mean()
    assert first.clipped == beyond > 0.2
    assert f"LSB 2**-8, {beyond:.2%} clipped" in str(first)
    assert made.scaled_[1].clipped == 0
    # A machine that is made for the network has formats that clip little.
    assert EPClassifier.from_arrays(large, BIASES).scaled_[0].clipped < 0.05


@pytest.mark.parametrize("first", [1e-3, 1, 1e3])
@pytest.mark.parametrize("later", [1e-3, 1, 1e3])
@pytest.mark.parametrize("biases", [False, True])
def test_weights_of_any_size_get_a_machine_that_learns_on(first, later, biases):
    weights = [WEIGHTS[0] * first, WEIGHTS[1] * later]
    made = EPClassifier.from_arrays(weights, [offset * first for offset in BIASES] if biases else None)
    assert same(made, EPClassifier.from_arrays(*made.to_arrays(), machine=made.spec_))
    made.partial_fit(SAMPLES, np.arange(8) % 3)


def test_what_came_in_learns_on():
    classifiers = [
        EPClassifier.from_arrays(WEIGHTS, BIASES, classes=["a", "b", "c"], board=b) for b in ("golden", "sim")
    ]
    labels = np.array(["a", "b", "c"])[np.arange(8) % 3]
    before = [matrix.copy() for matrix in classifiers[0].weights_]
    for classifier in classifiers:
        classifier.partial_fit(SAMPLES, labels)
        assert not np.array_equal(classifier.weights_[0], before[0])
        assert classifier.epochs_ == 1
    assert same(*classifiers)


def test_weights_that_come_in_stay_within_a_devices_rails():
    low, high = Memristors.of(MachineSpec(layers=SIZES, pulses=True), "ecram", None, 1).unit.tables.low, 127
    assert low > -127
    made = EPClassifier.from_arrays([WEIGHTS[0] * 0 - 0.49, WEIGHTS[1]], device="ecram")
    assert all((matrix >= low).all() and (matrix <= high).all() for matrix in made.weights_)
    assert made.scaled_[0].clipped == 1
    weights = (np.ones((6, 6)) - np.eye(6)) * -0.9
    memory = AssociativeMemory.from_arrays(weights, device="ecram")
    assert memory.weights_[0].min() == low


def test_a_memory_goes_in_and_out():
    patterns = RNG.random((2, 12)) < 0.5
    signs = np.where(patterns, 1.0, -1.0)
    weights = signs.T @ signs * 0.2 * ~np.eye(12, dtype=bool)
    memory = AssociativeMemory.from_arrays(weights, patterns)
    assert np.array_equal(AssociativeMemory.from_arrays(memory.to_arrays()).weights_[0], memory.weights_[0])
    assert memory.score(patterns) == 1
    faint = AssociativeMemory.from_arrays(weights * 0.1, patterns)
    before = faint.weights_[0].copy()
    assert not np.array_equal(faint.partial_fit(patterns).weights_[0], before)
    for wrong in (weights[:5], weights + np.eye(12), np.triu(weights), "weights", weights * np.nan):
        with pytest.raises(ValueError, match=r"\.$"):
            AssociativeMemory.from_arrays(wrong)
    with pytest.raises(ValueError, match="stores no patterns"):
        AssociativeMemory.from_arrays(weights).score(patterns)
    with pytest.raises(ValueError, match="300"):
        AssociativeMemory.from_arrays(np.zeros((300, 300)))
    with pytest.raises(ValueError, match="12 units"):
        AssociativeMemory.from_arrays(weights, machine="glyphs-100")


REFUSED = {
    "text": (["a", "b"], None, {}, "cannot be read"),
    "one matrix": (WEIGHTS[:1], None, {}, "two matrices"),
    "shapes": ([WEIGHTS[0], WEIGHTS[0]], None, {}, "does not fit above"),
    "biases": (WEIGHTS, BIASES[:1], {}, "one per unit"),
    "NaN": ([WEIGHTS[0] * np.nan, WEIGHTS[1]], None, {}, "NaN"),
    "machine": (WEIGHTS, None, {"machine": "digits-64-32-10"}, "layers 64-32-10"),
    "biases of the machine": (WEIGHTS, BIASES, {"machine": MachineSpec(layers=SIZES)}, "without biases"),
    "one way": (WEIGHTS, None, {"machine": equipped(MachineSpec(layers=SIZES), rule="vector-field")}, "each direction"),
    "classes": (WEIGHTS, None, {"classes": ["b", "a", "c"]}, "sorted"),
    "too many units": ([np.zeros((600, 9)), np.zeros((3, 600))], None, {}, "600"),
    "device": (WEIGHTS, None, {"device": {"scheme": "pair"}}, "is no device"),
    "pulses": (WEIGHTS, None, {"device": {"device": "epiram", "pulses": "many"}}, "many"),
    "scheme": (WEIGHTS, None, {"device": {"device": "epiram", "scheme": "none"}}, "none"),
    "span": (WEIGHTS, None, {"span": (1, 1)}, "no range"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arrays_that_do_not_fit_are_named(name):
    weights, biases, options, said = REFUSED[name]
    with pytest.raises(ValueError, match=rf"{said}[\s\S]*\.$"):
        EPClassifier.from_arrays(weights, biases, **options)


def test_a_weight_for_each_direction_does_not_go_out():
    classifier = EPClassifier(equipped(MachineSpec(layers=SIZES), rule="vector-field"), epochs=1)
    with pytest.raises(ValueError, match="each direction"):
        classifier.fit(SAMPLES, np.arange(8) % 3).to_arrays()


def test_a_loss_is_warned_of_and_none_is_not():
    made = EPClassifier.from_arrays(WEIGHTS, BIASES)
    places = made.predict(SAMPLES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(made, SAMPLES, None, places)
        compare(made, SAMPLES, places, (places + 1) % 3)
        # One of forty is within what is tolerated.
        many = np.tile(SAMPLES, (5, 1))
        compare(made, many, None, np.r_[(places[0] + 1) % 3, np.tile(places, 5)[1:]])
    with pytest.warns(
        NetworkWarning, match=r"another class than the network for 100.0% of 8 samples[\s\S]*run backwards"
    ):
        compare(made, SAMPLES, None, (places + 1) % 3)
    with pytest.warns(NetworkWarning, match=r"misreads 0.0% of 8 samples, and the machine 100.0%"):
        compare(made, SAMPLES, (places + 1) % 3, (places + 1) % 3)
    assert made.accuracies_ == {"network": 1.0, "machine": 0.0}


@pytest.mark.parametrize(("name", "package"), [("torch_modules", "torch"), ("nir_graphs", "nir")])
def test_a_package_that_is_missing_is_named(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"ohmprop.host.estimators.networks.{name}", raising=False)
    with pytest.raises(UserError, match=rf"is not installed \({package}\)[\s\S]*pip install"):
        networks.needing(name)


# -- PyTorch -------------------------------------------------------------------------------------------------------


def stack(*activations):
    import torch
    from torch import nn

    torch.manual_seed(1)
    linears = [nn.Linear(below, above) for below, above in pairwise(SIZES)]
    return nn.Sequential(
        *(part for pair in zip(linears, activations, strict=False) for part in pair if part is not None)
    )


@torch_needed
def test_a_module_goes_out_whose_fixed_points_are_the_references():
    import torch

    made = EPClassifier.from_arrays(WEIGHTS, BIASES)
    spec = made.spec_
    module = made.to_torch()
    found = module(torch.from_numpy(SAMPLES)).detach().numpy()
    settings = equipped(spec, driven_steps=100, order="together").settings
    reference = Reference(spec, settings, as_float64(spec, made.weights_))
    # Both sum in float64, in orders of their own.
    assert np.allclose(found, reference.recall_many(made.encode(SAMPLES)), rtol=0, atol=1e-12)
    assert np.abs(found * 256 - made.outputs(SAMPLES)).max() < 6
    # And comes in again in the same bits, whatever the span.
    for span in ((0.0, 1.0), (-3.0, 7.5)):
        made.preparation_ = EPClassifier.from_arrays(WEIGHTS, span=span).preparation_
        again = EPClassifier.from_torch(made.to_torch(), machine=spec)
        assert same(again, made)
        assert again.preparation_.scale == span


@torch_needed
def test_hard_sigmoids_of_every_kind_are_the_same_network():
    import torch
    from torch import nn

    wide = stack(nn.Hardtanh(0, 4), nn.Hardtanh(0, 2))
    sharp = stack(nn.Hardsigmoid(), nn.Hardsigmoid())
    for module in (wide, sharp, nn.Sequential(nn.Flatten(), stack(nn.Hardtanh(0, 1), nn.Hardtanh(0, 1)))):
        made = EPClassifier.from_torch(module, span=(-1.0, 2.0))
        weights, biases = made.to_arrays()
        # One pass upwards through the layers, without what runs backwards, is the module.
        samples = np.array(SAMPLES) * 3 - 1
        states = (samples + 1) / 3 * 255 / 256
        for matrix, bias in zip(weights, biases, strict=True):
            states = np.clip(states @ matrix.T + bias, 0, 1)
        with torch.no_grad():
            given = module(torch.from_numpy(samples).float()).numpy() / (2 if module is wide else 1)
        # Nine inputs and five units, whose weights are within half an LSB.
        assert np.abs(states - given).max() < 0.05


@torch_needed
def test_inputs_are_scaled_to_where_pixels_stand():
    from torch import nn

    module = stack(nn.Hardtanh(0, 1), nn.Hardtanh(0, 1))
    layers = networks.needing("torch_modules").module_layers(module, None, (-1.0, 3.0))
    matrix = module[0].weight.detach().numpy().astype(float)
    # A pixel of 255 stands at 255 / 256 and is 3, one of 0 is -1.
    assert np.allclose(layers.weights[0] * 255 / 256, matrix * 4, rtol=0, atol=1e-12)
    assert np.allclose(layers.biases[0], module[0].bias.detach().numpy() - matrix.sum(axis=1), rtol=0, atol=1e-7)


@torch_needed
@pytest.mark.filterwarnings("ignore::ohmprop.host.estimators.networks.comparing.NetworkWarning")
def test_a_network_without_bounds_needs_data():
    from torch import nn

    plain = stack(nn.ReLU(), None)
    with pytest.raises(ValueError, match=r"ReLU has no bounds[\s\S]*give X"):
        EPClassifier.from_torch(plain)
    made = EPClassifier.from_torch(plain, SAMPLES)
    assert made.accuracies_["machine"] > 0.5
    with pytest.raises(ValueError, match=r"without an activation[\s\S]*give X"):
        EPClassifier.from_torch(stack(nn.Hardtanh(0, 1), None))


@torch_needed
@pytest.mark.parametrize(
    "name", ["Conv2d", "Tanh", "Hardtanh", "no activation", "two activations", "none", "Softmax", "text"]
)
def test_what_the_machine_has_not_is_named_with_what_fits(name):
    from torch import nn

    made = {
        "Conv2d": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(2, 2)), "nn.Conv2d stands where"),
        "Tanh": (stack(nn.Tanh(), None), "no nn.Tanh"),
        "Hardtanh": (stack(nn.Hardtanh(), None), r"no nn.Hardtanh\(-1, 1\)"),
        "no activation": (
            nn.Sequential(nn.Linear(9, 5), nn.Linear(5, 3)),
            "no activation",
        ),
        "two activations": (nn.Sequential(nn.Linear(9, 5), nn.ReLU(), nn.ReLU(), nn.Linear(5, 3)), "nn.ReLU stands"),
        "none": (nn.Sequential(nn.Flatten()), "no nn.Linear"),
        "Softmax": (nn.Sequential(nn.Linear(9, 5), nn.Softmax(1), nn.Linear(5, 3)), "nn.Softmax"),
        "text": ("a.pt", "str is no PyTorch module"),
    }
    module, said = made[name]
    with pytest.raises(ValueError, match=rf"{said}[\s\S]*give a Sequential of nn.Linear[\s\S]*\.$"):
        EPClassifier.from_torch(module, SAMPLES)


@torch_needed
@pytest.mark.parametrize("made_here", [False, True], ids=["a stack", "of to_torch"])
def test_samples_and_layers_that_do_not_fit_are_named(made_here):
    from torch import nn

    module = EPClassifier.from_arrays(WEIGHTS).to_torch() if made_here else stack(nn.Hardtanh(0, 1), nn.Hardtanh(0, 1))
    with pytest.raises(ValueError, match=r"X has 8 features, and the module has 9 inputs[\s\S]*\.$"):
        EPClassifier.from_torch(module, SAMPLES[:, :8])
    with pytest.raises(ValueError, match=r"the class .*'a'.*outputs stand for 0, 1, 2[\s\S]*\.$"):
        EPClassifier.from_torch(module, SAMPLES, ["a", "b"] * 4)
    wrong = nn.Sequential(nn.Linear(9, 5), nn.ReLU(), nn.Linear(6, 3))
    with pytest.raises(ValueError, match=r"6 inputs stands above one of 5 outputs[\s\S]*\.$"):
        EPClassifier.from_torch(wrong, SAMPLES)


@torch_needed
def test_a_module_can_be_saved_whole(tmp_path):
    import torch

    module = EPClassifier.from_arrays(WEIGHTS).to_torch()
    torch.save(module, tmp_path / "m.pt")
    again = torch.load(tmp_path / "m.pt", weights_only=False)
    assert same(EPClassifier.from_torch(again), EPClassifier.from_torch(module))


@torch_needed
def test_a_network_of_the_script_is_as_good_in_eight_bits_and_learns_on(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import ep_in_pytorch as script

    shares = []
    for seed in (1, 2, 3):
        network = script.train(seed)
        images, labels, tests, test_labels = script.digits(seed)
        made = EPClassifier.from_torch(network, images, labels, settings={"eta_shifts": (6, 6, 6)})
        shares.append((script.accuracy(network, tests, test_labels), made.score(tests, test_labels)))
        if seed == 1:
            board = EPClassifier.from_torch(
                network, images, labels, settings={"eta_shifts": (6, 6, 6)}, board="sim"
            ).partial_fit(images[:100], labels[:100])
            assert same(board, made.partial_fit(images[:100], labels[:100]))
            assert made.partial_fit(images, labels).score(tests, test_labels) > 0.93
    network, machine = np.mean(shares, axis=0)
    print(f"in floating point {network:.1%}, in 8 bits {machine:.1%}, mean of 3 seeds")
    assert network > 0.94
    assert abs(network - machine) <= 0.01


@torch_needed
def test_the_six_lines_of_the_manual_run(monkeypatch, tmp_path):
    import torch

    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.chdir(tmp_path)
    import ep_in_pytorch as script

    torch.save(script.train(1), "digits.pt")
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    block = page[page.index("    import torch\n") : page.index("**What it becomes.**")]
    lines = [line[4:] for line in block.splitlines() if line.strip()]
    assert len(lines) == 6
    found = {}
    program = "\n".join(lines).replace("/dev/ttyUSB0", "golden")
    exec(program, found)
    assert found["classifier"].checkpoint_.learnt == len(found["X"])
    assert found["classifier"].score(found["X_test"] / 255, found["y_test"]) > 0.93


@torch_needed
def test_a_relu_network_that_loses_its_accuracy_is_warned_of(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import ep_in_pytorch as script
    import torch
    from torch import nn

    torch.manual_seed(1)
    images, labels, *_ = script.digits(1)
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(20):
        for rows in torch.randperm(len(images)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(
                network(torch.as_tensor(images)[rows]), torch.as_tensor(labels)[rows]
            ).backward()
            optimiser.step()
    with pytest.warns(NetworkWarning, match="run backwards"):
        made = EPClassifier.from_torch(network, images, labels)
    print(f"ReLU: {made.accuracies_['network']:.1%} became {made.accuracies_['machine']:.1%}")
    assert made.accuracies_["network"] > 0.95
    assert made.accuracies_["machine"] < 0.9


# -- NIR -----------------------------------------------------------------------------------------------------------


@nir_needed
@pytest.mark.parametrize("biases", [None, BIASES], ids=["Linear", "Affine"])
def test_nir_goes_out_and_in_in_the_same_bits(biases, tmp_path):
    import nir

    made = EPClassifier.from_arrays(WEIGHTS, biases)
    made.to_nir(tmp_path / "a network.nir")
    graph = nir.read(tmp_path / "a network.nir")
    assert [type(node).__name__ for node in graph.nodes.values()].count("Affine" if biases else "Linear") == 2
    for given in (graph, tmp_path / "a network.nir"):
        assert same(EPClassifier.from_nir(given, machine=made.spec_), made)


@nir_needed
def test_graphs_that_the_machine_has_not_are_named(tmp_path):
    import nir

    def chain(*nodes):
        return nir.NIRGraph.from_list(nir.Input(np.array([9])), *nodes, nir.Output(np.array([3])), type_check=False)

    first, second = nir.Linear(weight=WEIGHTS[0]), nir.Linear(weight=WEIGHTS[1])
    threshold = nir.Threshold(threshold=np.ones(5))
    with pytest.raises(ValueError, match=r"no nir.Threshold, which node[\s\S]*give a chain of"):
        EPClassifier.from_nir(chain(first, threshold, second))
    whole = chain(first, second)
    forked = nir.NIRGraph(whole.nodes, [*whole.edges, ("input", "output")], type_check=False)
    with pytest.raises(ValueError, match="no chain"):
        EPClassifier.from_nir(forked)
    with pytest.raises(ValueError, match="two matrices"):
        EPClassifier.from_nir(chain(first))
    (tmp_path / "x.nir").write_text("no graph")
    for path, said in (
        (tmp_path / "x.nir", "cannot be read"),
        (tmp_path / "none.nir", "There is no file"),
        (7, "int is no"),
    ):
        with pytest.raises(ValueError, match=rf"{said}[\s\S]*\.$"):
            EPClassifier.from_nir(path)
