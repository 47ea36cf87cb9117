"""An ensemble of which one network is loaded at a time."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: make train")
from approx_perception.assembly.options import KernelOptions
from approx_perception.assembly.tasks import task_of
from approx_perception.baselines.model_swapping import SwappingClassifier
from approx_perception.classifiers import ClassifierOptions, ClassifierSettings, load_classifier
from approx_perception.exceptions import ConfigurationError
from approx_perception.testing.contracts import ClassifierContract, textured_image
from approx_perception.training.classification.approxnet.network import Architecture

from ..classifiers.networks import tiny_file, tiny_network

WHOLE = np.array([[0, 0, 320, 240]], np.float32)
OPTIONS = ClassifierOptions(num_threads=1)


def one_exit(path, shape):
    own = Architecture((4, 8), ((8, 2, 1), (8, 1, 2)), 8, exits=(2,), shapes=(shape,))
    return str(tiny_file(path, tiny_network(own), architecture=own))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble")
    return [one_exit(folder / f"{shape}.onnx", shape) for shape in (80, 96)]


@pytest.fixture
def ensemble(files):
    return SwappingClassifier("approxnet", files, OPTIONS)


class TestContract(ClassifierContract):
    @pytest.fixture
    def classifier(self, ensemble):
        return ensemble


def test_each_branch_is_its_own_network(files, ensemble):
    image = textured_image()
    for file, pair in zip(files, ensemble.pairs, strict=True):
        alone = load_classifier("approxnet", ClassifierOptions(file, num_threads=1))
        expected = alone.classify(image, WHOLE, pair)
        np.testing.assert_array_equal(ensemble.classify(image, WHOLE, pair), expected)


def test_a_file_is_opened_when_its_branch_is_wanted_and_not_before(ensemble, monkeypatch):
    opened = []

    def spy(family, options):
        opened.append(Path(options.weights).name)
        return load_classifier(family, options)

    monkeypatch.setattr("approx_perception.baselines.model_swapping.load_classifier", spy)
    small, large = ensemble.pairs
    for pair in (large, small, small, large):
        ensemble.classify(textured_image(), WHOLE, pair)
    # The last file was loaded at the start.
    assert opened == ["80.onnx", "96.onnx"]


def test_a_branch_in_two_files_is_refused(files):
    with pytest.raises(ConfigurationError, match=r"both have shape=80,exit=1"):
        SwappingClassifier("approxnet", [files[0], files[0]], OPTIONS)


@pytest.mark.parametrize("weights", [",", "a.onnx,", " ,b.onnx"])
def test_an_empty_name_is_refused(weights):
    options = KernelOptions(task="classification", weights=weights)
    with pytest.raises(ConfigurationError, match=f"'{weights}', in which a name is empty"):
        task_of(options).load(options, 1)


def test_weights_with_a_comma_are_an_ensemble(files):
    options = KernelOptions(task="classification", weights=",".join(files))
    network = task_of(options).load(options, 1)
    assert network.pairs == (ClassifierSettings(80, 1), ClassifierSettings(96, 1))
    assert "2 files" in network.description
