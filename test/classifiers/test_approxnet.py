import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")
import onnx
from onnx import helper

from approx_perception.classifiers import (
    ClassifierOptions,
    ClassifierSettings,
    classifier_names,
    load_classifier,
)
from approx_perception.classifiers._base import crop
from approx_perception.classifiers.approxnet.metadata import Metadata
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.runtimes import installed_runtimes
from approx_perception.runtimes.remembering import Memory
from approx_perception.testing.contracts import ClassifierContract, textured_image
from approx_perception.training.classification.approxnet.export import export
from approx_perception.training.classification.approxnet.network import (
    NETWORKS,
    ApproxNet,
    Architecture,
    architecture_of,
    valid_pairs,
)

from .networks import EDGES, NAMES, TINY, tiny_file, tiny_network


def load(path, **options):
    return load_classifier("approxnet", ClassifierOptions(str(path), num_threads=1, **options))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return load(tiny_file(tmp_path_factory.mktemp("net") / "tiny.onnx"))


class TestContract(ClassifierContract):
    @pytest.fixture
    def classifier(self, tiny):
        return tiny


@pytest.mark.parametrize(
    "architecture",
    [
        TINY,
        Architecture((4, 8), ((8, 2, 1), (8, 1, 2)), 8, "inverted", shapes=(80, 96)),
        Architecture((4, 8), ((8, 2, 1), (8, 1, 2)), 8, exits=(2,), shapes=(96,)),
        Architecture((4, 8), ((4, 4, 1), (4, 1, 2)), 8, "multi_scale", shapes=(96,)),
    ],
)
def test_the_file_computes_what_the_network_computes(architecture, tmp_path):
    network = tiny_network(architecture)
    classifier = load(tiny_file(tmp_path / "net.onnx", network, architecture=architecture))
    image = textured_image()
    for pair in classifier.pairs:
        seen = torch.from_numpy(crop(image, [0, 0, 320, 240], pair.shape)).permute(2, 0, 1)[None]
        with torch.no_grad():
            expected = network(seen.float(), pair.exit)[-1].softmax(1).numpy()
        found = classifier.classify(image, np.array([[0, 0, 320, 240]], np.float32), pair)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def convolutions_run(path, exit_number, folder, **more):
    """How many convolutions onnxruntime computes for an exit, by its own record."""
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / f"exit{exit_number}")
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image = np.zeros((1, 80, 80, 3), np.uint8)
    session.run(None, {"images": image, "exit": np.array(exit_number)} | more)
    events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return sum("Conv" in str(event.get("args", {}).get("op_name")) for event in events)


def test_an_early_exit_computes_its_stages_and_its_head_only(tmp_path):
    path = tiny_file(tmp_path / "net.onnx")
    # Stem 2; a block 2, with a way round 3; a head 1.
    assert [convolutions_run(path, number, tmp_path) for number in (1, 2, 3)] == [6, 8, 11]


def test_a_network_by_confidence_leaves_where_it_is_sure(tmp_path):
    architecture = Architecture((4, 8), ((4, 4, 1), (4, 1, 1)), 8, "multi_scale", shapes=(96,))
    path = tiny_file(tmp_path / "net.onnx", architecture=architecture)
    counts = [
        convolutions_run(path, 2, tmp_path, confidence=np.array(threshold, np.float32))
        for threshold in (0.0, 2.0)
    ]
    # Stem 2, start 2, layer 3, head 1; then a layer and a head more.
    assert counts == [8, 12]
    classifier = load(path)
    image, whole = textured_image(), np.array([[0, 0, 320, 240]], np.float32)
    early, last = (classifier.classify(image, whole, pair) for pair in classifier.pairs)
    classifier.confidence = 0.0
    assert not np.array_equal(early, last)
    np.testing.assert_array_equal(classifier.classify(image, whole, classifier.pairs[1]), early)


def test_weights_stand_once_in_the_file(tmp_path):
    network = ApproxNet(NETWORKS["slim"], 8)
    path = tmp_path / "slim.onnx"
    export(network, path, Metadata(tuple("abcdefgh"), valid_pairs(NETWORKS["slim"]), EDGES))
    weights = 4 * sum(parameter.numel() for parameter in network.parameters())
    assert path.stat().st_size == pytest.approx(weights, rel=0.01)
    assert path.stat().st_size < 15e6


def test_about_thirty_pairs_none_of_them_with_nothing_to_pool():
    for architecture in (NETWORKS["slim"], NETWORKS["resnet34"]):
        pairs = valid_pairs(architecture)
        assert 28 <= len(pairs) <= 36
        assert list(pairs) == sorted(pairs)
        assert {pair.exit for pair in pairs} == set(range(1, 7))
        assert all(architecture.map_px(pair.shape, pair.exit) >= 5 for pair in pairs)


def test_map_sides_are_those_of_the_network():
    network = tiny_network()
    for shape in (80, 113):
        x = torch.zeros(1, 3, shape, shape)
        for number, stage in enumerate(network.stages, 1):
            x = stage(x)
            assert x.shape[-1] == TINY.map_px(shape, number)


def test_names_of_a_users_file(tiny, tmp_path):
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    named = load(tiny.weights_path, class_names_file=tmp_path / "names.txt")
    assert named.class_names == ("a", "b", "c")
    assert tiny.class_names == NAMES
    assert named.fingerprint == tiny.fingerprint


def test_unknown_families_and_networks_are_refused():
    assert classifier_names() == ("approxnet",)
    with pytest.raises(ConfigurationError, match="no classifier 'vgg'; choose 'approxnet'"):
        load_classifier("vgg", ClassifierOptions())
    with pytest.raises(ConfigurationError, match="no network 'vgg'; choose 'slim'"):
        architecture_of("vgg")
    with pytest.raises(ConfigurationError, match="'slim:224:7' is no pair of slim; it has 80:1"):
        architecture_of("slim:224:7")
    with pytest.raises(ConfigurationError, match="no network 'slim:big'"):
        architecture_of("slim:big")


def test_one_branch_alone_has_the_stages_before_it_and_one_head():
    alone = architecture_of("slim:160:3")
    assert valid_pairs(alone) == (ClassifierSettings(160, 1),)
    network = ApproxNet(alone, 8)
    assert len(network.stages) == len(network.heads) == 1
    whole = ApproxNet(NETWORKS["slim"], 8)
    count = sum(p.numel() for stage in whole.stages[:3] for p in stage.parameters())
    assert sum(p.numel() for p in network.stages.parameters()) == count


def test_settings_that_it_has_not_are_refused_with_those_that_it_has(tiny):
    with pytest.raises(ConfigurationError, match="no shape 100; choose 80, 96 or 128"):
        tiny.check_settings(ClassifierSettings(100, 1))
    with pytest.raises(ConfigurationError, match="no exit 4 at shape 80; choose 1, 2 or 3"):
        tiny.check_settings(ClassifierSettings(80, 4))


def test_files_that_are_none(tmp_path):
    with pytest.raises(WeightsError, match=r"absent\.onnx"):
        load(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(WeightsError, match="no ONNX file: it is text"):
        load(tmp_path / "text.onnx")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", "1", "is no ApproxNet"),
        ("class_names", "[]", "its class_names are '\\[\\]', expected a list"),
        ("class_names", '["a"]', "names 1 class, but its network gives \\(1, 3\\)"),
        ("class_names", "[" * 5000 + "]" * 5000, "its class_names are .*, expected a list"),
        ("pairs", "[[80, 1], 7]", "its pair of shape and exit 7"),
        ("pairs", "[[true, true]]", "its pair of shape and exit \\[True, True\\]"),
        ("complexity_edges", "[1, 2, 3, 4, 6, 5]", "expected 6 rising numbers"),
        ("complexity_edges", "[1, 2, 3, 4, 5, Infinity]", "expected 6 rising numbers"),
        ("complexity_edges", f"[1, 2, 3, 4, 5, 1{'0' * 400}]", "expected 6 rising numbers"),
        ("complexity_edges", "nonsense", "its complexity_edges are 'nonsense'"),
    ],
)
def test_metadata_that_cannot_be(key, value, words, tmp_path):
    path = tiny_file(tmp_path / "net.onnx")
    model = onnx.load(path)
    texts = {entry.key: entry.value for entry in model.metadata_props} | {key: value}
    helper.set_model_props(model, texts)
    onnx.save(model, path)
    with pytest.raises(WeightsError, match=words):
        load(path)


@pytest.mark.parametrize("name", installed_runtimes())
def test_every_runtime_gives_the_same_and_is_told(name, monkeypatch):
    monkeypatch.setattr("approx_perception.runtimes.settling.Memory.of_user", lambda: Memory(None))
    options = ClassifierOptions(runtime=name, precision="float32", num_threads=1)
    classifier = load_classifier("approxnet", options)
    assert f"in {name} on cpu, float32" in classifier.description
    assert (classifier.runtime_reason == "") is (name == "onnxruntime")
    reference = load_classifier("approxnet", ClassifierOptions())
    assert "no other was tried" in reference.runtime_reason
    image, whole = textured_image(), np.array([[0, 0, 320, 240]], np.float32)
    for pair in (classifier.pairs[0], classifier.pairs[-1]):
        classifier.prepare(pair)
        ours, theirs = (each.classify(image, whole, pair) for each in (classifier, reference))
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
