"""Exported networks find what torch finds with the same weights."""

import cv2
import numpy as np
import pytest

from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.detectors.faster_rcnn.sizes import padded_size, resized_size
from approx_perception.structures.boxes import iou_matrix
from test.conftest import real_data

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")
from approx_perception.detectors.faster_rcnn.from_torch.export import write_export
from approx_perception.detectors.faster_rcnn.from_torch.network import (
    build_network,
    forward,
)
from approx_perception.detectors.faster_rcnn.from_torch.weights import (
    LoadedNetwork,
    load_weights,
)

#: Weaker ones may fall on either side of the networks' threshold.
CLEAR = 0.06


def load(path, precision="float32"):
    options = DetectorOptions(str(path), None, "cpu", 1, precision, "onnxruntime")
    return load_detector("faster_rcnn", options)


@torch.inference_mode()
def expected(network, images, settings):
    """Boxes in px of the images, scores and class ids, as torch has them."""
    size = resized_size(*images[0].shape[:2], settings.shape)
    mean, spread = (
        torch.tensor(values).view(3, 1, 1) * 255
        for values in (network.transform.image_mean, network.transform.image_std)
    )
    batch = torch.zeros(len(images), 3, *padded_size(*size))
    for place, image in zip(batch, images, strict=True):
        small = np.ascontiguousarray(cv2.resize(image, size[::-1])[..., ::-1])
        pixels = torch.from_numpy(small).permute(2, 0, 1)
        place[:, : size[0], : size[1]] = (pixels - mean) / spread
    found, _ = forward(network, batch, [size] * len(images), settings.nprop)
    height, width = images[0].shape[:2]
    scale = np.array([width / size[1], height / size[0]] * 2)
    return [
        (own["boxes"].numpy() * scale, own["scores"].numpy(), own["labels"].numpy() - 1)
        for own in found
    ]


def assert_same(found, boxes, scores, class_ids):
    """Every clear object of one is in the other, in the same place and as sure."""
    ours, theirs = found.scores > CLEAR, scores > CLEAR
    assert ours.sum() == theirs.sum()
    if not ours.any():
        return
    nearest = iou_matrix(found.boxes[ours], boxes).argmax(axis=1)
    np.testing.assert_array_equal(found.class_ids[ours], class_ids[nearest])
    np.testing.assert_allclose(found.boxes[ours], boxes[nearest], atol=0.5)
    np.testing.assert_allclose(found.scores[ours], scores[nearest], atol=0.005)


def video_frames(path, count):
    video = cv2.VideoCapture(str(path))
    return [video.read()[1] for _ in range(count)]


def upright(images):
    return [np.ascontiguousarray(image.transpose(1, 0, 2)) for image in images]


@pytest.fixture(scope="module")
def shipped():
    return load("")


@pytest.fixture(scope="module")
def shipped_in_torch():
    return load_weights("", None).network


SETTINGS = [DetectorSettings(160, 20), DetectorSettings(320, 100), DetectorSettings(448, 5)]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("scenario", ["crowd", "swarm"])
def test_the_shipped_network_on_synthetic_frames(shipped, shipped_in_torch, scenario, settings):
    images = [entry.frame.image for entry in SyntheticVideo(scenario, "test", 0, 3)]
    for batch in (images, images[:1], upright(images[:1])):
        found = shipped.detect_together(batch, settings)
        for own, theirs in zip(found, expected(shipped_in_torch, batch, settings), strict=True):
            assert len(own) or settings.nprop < 20
            assert_same(own, *theirs)


def test_the_shipped_network_on_real_frames(shipped, shipped_in_torch):
    images = video_frames(real_data("video/car_traffic_small.mp4"), 2)
    for settings in SETTINGS:
        found = shipped.detect_together(images, settings)
        for own, theirs in zip(found, expected(shipped_in_torch, images, settings), strict=True):
            assert_same(own, *theirs)


@torch.inference_mode()
def lively(network, images):
    """Chance weights, scaled so that answers differ from place to place and are not saturated."""
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.3, 1.0)
    for layer in (network.rpn.head.cls_logits, network.roi_heads.box_predictor.cls_score):
        seen = []
        hook = layer.register_forward_hook(lambda *call, seen=seen: seen.append(call[2]))
        expected(network, images, DetectorSettings(192, 50))
        hook.remove()
        answers = torch.cat([each.transpose(0, 1).flatten(1) for each in seen], 1)
        spread = answers.std(dim=1)
        layer.weight.mul_((2 / spread).view(-1, *[1] * (layer.weight.ndim - 1)))
        layer.bias.copy_(-answers.mean(dim=1) * 2 / spread)
    return network


@pytest.mark.parametrize("backbone", ["resnet18", "fasterrcnn_mobilenet_v3_large_320_fpn"])
def test_networks_of_torchvision(tmp_path, backbone):
    torch.manual_seed(1)
    images = [entry.frame.image for entry in SyntheticVideo("crowd", "test", 0, 2)]
    network = lively(build_network(backbone, 4).eval(), images)
    loaded = LoadedNetwork(network, ("a", "b", "c"), backbone, backbone)
    write_export(loaded, tmp_path / "own.onnx")
    detector = load(tmp_path / "own.onnx")
    counts = []
    # Sides that need no padding: chance weights answer strongly to its last digit.
    for settings in (DetectorSettings(96, 10), DetectorSettings(192, 50)):
        found = detector.detect_together(images, settings)
        for own, theirs in zip(found, expected(network, images, settings), strict=True):
            assert_same(own, *theirs)
            counts.append(len(own))
    assert max(counts) > 5
