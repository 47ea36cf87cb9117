"""AdaScale's regressor: the best scale by hand, a fit that can be known, and the file."""

import numpy as np
import pytest

from approx_perception.baselines.fit_scale import best_scale, box_losses, fit_scale
from approx_perception.baselines.scale_regressor import ScaleRegressor
from approx_perception.datasets import LabelledFrame
from approx_perception.detectors import DetectorSettings
from approx_perception.exceptions import ConfigurationError
from approx_perception.structures import Detections, Frame
from approx_perception.testing.fakes import FakeDetector
from test.metrics.records import truth

SETTINGS = [DetectorSettings(shape) for shape in (160, 320, 640)]


def test_losses_of_boxes_that_cover_an_object():
    found = Detections.from_arrays(
        [[0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 10], [50, 50, 60, 60]],
        [0.5, 1.0, 0.9, 0.9], [0, 0, 1, 0],
    )  # fmt: skip
    losses = box_losses(found, truth([[0, 0, 10, 10]]))
    # Right class and box; a box of IoU 0.8; the wrong class; and one that covers nothing.
    np.testing.assert_allclose(losses, [-np.log(0.5), 0.2, -np.log(0.01)], rtol=1e-5)
    assert not len(box_losses(Detections.empty(), truth([[0, 0, 10, 10]])))
    assert not len(box_losses(found, truth([])))


def test_scales_are_compared_on_as_many_boxes():
    # The second sees two objects and one of them badly; the first sees one, and worse.
    assert best_scale([np.array([0.5]), np.array([5.0, 0.1])]) == 1
    assert best_scale([np.array([0.05]), np.array([5.0, 0.1])]) == 0
    assert best_scale([np.zeros(0), np.array([0.3])]) == 1
    assert best_scale([np.zeros(0), np.zeros(0)]) is None


class SeesSize(FakeDetector):
    """Good at the scale that brings an object to 32 px, and says its size in the image it sees."""

    def _detect(self, image, settings):
        side = float(image[0, 0, 0])
        seen = side * settings.shape / 320
        self.seen = np.array([np.log2(seen)])
        score = np.exp(-abs(np.log2(seen / 32)))
        return Detections.from_arrays([[0, 0, side, side]], [score], [0])


def frames(sides):
    for index, side in enumerate(sides):
        image = np.full((16, 16, 3), side, np.uint8)
        yield LabelledFrame(Frame(image, index), truth([[0, 0, side, side]]))


@pytest.fixture(scope="module")
def fitted():
    detector = SeesSize(lambda *_: Detections.empty())
    sides = np.random.default_rng(0).integers(10, 100, 80)
    return fit_scale(detector, lambda: detector.seen, SETTINGS, frames(sides))


def test_what_can_be_told_from_features_is_learned(fitted):
    regressor, explained = fitted
    assert explained > 0.8
    # An object seen at 128 px wants a smaller scale, one seen at 8 px a larger one.
    assert regressor.shape(np.array([np.log2(128)]), 640) < 320
    assert regressor.shape(np.array([np.log2(8)]), 160) > 320
    assert regressor.shape(np.array([-50.0]), 640) == 640
    assert regressor.shape(np.array([50.0]), 160) == 160


def test_a_detector_without_features_is_refused():
    silent = FakeDetector(lambda *_: Detections.empty())
    with pytest.raises(ConfigurationError, match="tells no deep features"):
        fit_scale(silent, lambda: None, SETTINGS, frames([20]))


def test_the_file_is_of_one_network(fitted, tmp_path):
    regressor, _ = fitted
    path = tmp_path / "network.scale.npz"
    regressor.save(path, "faster_rcnn 12ab")
    again = ScaleRegressor.load(path, "faster_rcnn 12ab")
    assert again.shape(np.array([5.0]), 320) == regressor.shape(np.array([5.0]), 320)
    with pytest.raises(ConfigurationError, match="of the network faster_rcnn 12ab, not of yolox 9"):
        ScaleRegressor.load(path, "yolox 9")
    np.savez(path, mean=np.zeros(2))
    with pytest.raises(ConfigurationError, match="holds no scale regressor"):
        ScaleRegressor.load(path, "faster_rcnn 12ab")
