"""Several networks of one class list as one detector."""

import numpy as np
import pytest

from approx_perception.assembly.loading import load_network, space_of
from approx_perception.assembly.options import kernel_options
from approx_perception.branches import Branch, allowed_branches, read_space
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.detectors._tiers import TieredDetector, tiers
from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels.detection import DetectionKernel
from approx_perception.testing.contracts import DetectorContract
from test.detectors.onnx_models import write_yolox


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Two networks: one finds in cells of 8 px and has any size, one in cells of 16 px of 96x96."""
    folder = tmp_path_factory.mktemp("tiers")
    for name, active, sides in (("nano", (8,), ("H", "W")), ("small", (16,), (96, 96))):
        write_yolox(folder / f"{name}.onnx", active=active, sides=sides)
        (folder / f"{name}.network.yaml").write_text("size: [96, 96]\n" if sides[0] == 96 else "{}")
    (folder / "classes.names").write_text("cat\ndog\n")
    return f"{folder / 'nano.onnx'}, {folder / 'small.onnx'}"


@pytest.fixture(scope="module")
def loaded(weights):
    options = kernel_options({"weights": weights, "detector": "onnx"})
    network, _ = load_network(options)
    return network, space_of(options, network)


class TestContract(DetectorContract):
    @pytest.fixture
    def detector(self, loaded):
        return loaded[0]

    @pytest.fixture
    def settings(self):
        return DetectorSettings(96, model=1), DetectorSettings(96, model=2)


def test_each_model_has_its_own_shapes(loaded):
    network, space = loaded
    assert space.models[1] == (96,)
    assert len(space.models[0]) > 1
    kernel = DetectionKernel(network, space)
    assert len(space.detector_settings) == len(space.models[0]) + 1
    names = [part.name for part in space.compiled.parts]
    assert names[len(space.models[0])] == "detector setting model=2,shape=96"
    assert kernel.cost_terms.names


def test_the_setting_says_which_model_finds(loaded):
    network, _ = loaded
    image = np.zeros((96, 96, 3), np.uint8)
    image[32:64, 32:64] = 255
    sides = [
        float(np.diff(found.boxes[0, ::2])[0])
        for found in network.detect_each(image, [DetectorSettings(96, model=m) for m in (1, 2)])
    ]
    # Boxes are of two cells.
    assert sides == [16, 32]


def test_branches_name_their_model(loaded):
    space = loaded[1]
    assert space.default_branch == Branch(96, model=2)
    assert str(space.default_branch) == "model=2,shape=96,si=1"
    assert space.parse("model=1") == Branch(max(space.models[0]), model=1)
    for branch in space:
        assert space.parse(str(branch)) == branch
        assert list(space.with_branch(branch)) == [branch]
    again = read_space(space.to_dict(), "test")
    assert list(again) == list(space)
    assert again.hash == space.hash
    mask = allowed_branches(space, {"model": "2"})
    assert mask is not None
    assert {space[i].model for i in np.flatnonzero(mask)} == {2}


def test_models_that_do_not_fit(loaded, weights, tmp_path):
    network, _ = loaded
    with pytest.raises(ConfigurationError, match="the knob model is 3; the weights name 2 network"):
        network.check_settings(DetectorSettings(96, model=3))
    with pytest.raises(ConfigurationError, match="the knob model is None"):
        network.check_settings(DetectorSettings(96))
    with pytest.raises(ConfigurationError, match="is one network; leave the knob model out"):
        network.tiers[0].check_settings(DetectorSettings(96, model=1))
    write_yolox(tmp_path / "other.onnx")
    (tmp_path / "other.names").write_text("cat\nowl\n")
    other = load_detector("onnx", DetectorOptions(str(tmp_path / "other.onnx")))
    with pytest.raises(
        ConfigurationError, match=r"other classes, class 1 is 'dog' and 'owl'; .* --class"
    ):
        TieredDetector([network.tiers[0], other])
    other.class_names = ("cat", "dog", "owl")
    with pytest.raises(ConfigurationError, match="models 1 and 2 have other classes, 2 and 3;"):
        TieredDetector([network.tiers[0], other])


def test_fingerprints_are_of_all_models(loaded, weights):
    first, second = tiers(weights)
    assert first.endswith("nano.onnx")
    assert second.endswith("small.onnx")
    own = loaded[0].fingerprint
    assert own == ", ".join(each.fingerprint for each in loaded[0].tiers)
    assert own != TieredDetector(loaded[0].tiers[::-1]).fingerprint
