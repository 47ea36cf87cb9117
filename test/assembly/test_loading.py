import pytest

from approx_perception.assembly import (
    KernelOptions,
    assemble,
    load_network,
    load_space,
    space_of,
)
from approx_perception.assembly.calibration import calibration_images
from approx_perception.exceptions import ConfigurationError
from test.detectors.onnx_models import write_yolox


@pytest.fixture
def one_shape(tmp_path):
    (tmp_path / "m.names").write_text("cat\ndog\n")
    return str(write_yolox(tmp_path / "m.onnx", sides=(64, 96), decoded=True))


@pytest.mark.parametrize("detector", ["faster_rcnn", "yolox", "onnx"])
def test_a_file_for_one_size_has_branches_of_that_shape(one_shape, detector):
    options = KernelOptions(detector=detector, weights=one_shape)
    space = space_of(options, load_network(options)[0])
    assert space.shapes == (96,)
    assert {branch.si for branch in space} == {1, 2, 4, 8}


def test_the_default_branch_is_one_that_the_file_takes(one_shape):
    network = assemble(KernelOptions(weights=one_shape, policy="fixed", image_size=(96, 64)))
    assert network.branch.shape == 96


def test_a_space_that_the_user_names_is_not_changed(one_shape):
    with pytest.raises(ConfigurationError, match=r"shape 160 does not fit .* 96x64 px only"):
        assemble(KernelOptions(weights=one_shape, space="onnx"))


def test_the_space_of_an_onnx_file_has_two_names():
    assert load_space("yolox", "faster_rcnn").hash == load_space("onnx", "faster_rcnn").hash


def test_a_classifier_of_other_pairs_than_the_shipped_one_has_its_own(tmp_path):
    from test.classifiers.networks import tiny_file  # Skips where PyTorch is missing.

    weights = str(tiny_file(tmp_path / "tiny.onnx"))
    options = KernelOptions(task="classification", weights=weights)
    classifier = load_network(options)[0]
    space = space_of(options, classifier)
    pairs = [(pair.shape, pair.exit) for pair in classifier.pairs]
    assert [(branch.shape, branch.exit) for branch in space] == pairs


def test_images_of_one_pixel_have_latencies():
    assert {image.shape for image in calibration_images((1, 3000))} == {(3000, 32, 3)}
