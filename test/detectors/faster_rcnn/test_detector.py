import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")

from approx_perception.datasets.synthetic import CLASS_NAMES, SyntheticVideo
from approx_perception.detectors import (
    DetectorOptions,
    DetectorSettings,
    detector_names,
    load_detector,
)
from approx_perception.detectors.faster_rcnn.from_torch.network import (
    BACKBONES,
    build_network,
    forward,
)
from approx_perception.detectors.faster_rcnn.from_torch.weights import save_weights
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.metrics.average_precision import match_frame, mean_ap50
from approx_perception.runtimes import installed_runtimes
from approx_perception.runtimes.registry import runtime_named
from approx_perception.testing.contracts import DetectorContract


def load(weights="", names=None, device="cpu", precision="float32"):
    options = DetectorOptions(str(weights), names, device, precision=precision)
    return load_detector("faster_rcnn", options)


def cpu_precisions():
    """Of all runtimes that are installed."""
    runtimes = map(runtime_named, installed_runtimes())
    return {each for runtime in runtimes for each in runtime.precisions("cpu")}


@pytest.fixture(scope="module")
def shipped():
    """Its precision chosen by trial, which takes seconds."""
    return load(precision="auto")


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return build_network("compact", 4).state_dict()


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (320, 640), (1280, 320)])
def test_input_px_are_those_that_the_network_gets(shipped, size, monkeypatch):
    seen = []
    run = shipped.network.front.run
    monkeypatch.setattr(
        shipped.network.front, "run", lambda inputs: seen.append(inputs["images"]) or run(inputs)
    )
    shipped.detect(np.zeros((size[1], size[0], 3), np.uint8), DetectorSettings(160, 5))
    assert [batch.shape[1] * batch.shape[2] for batch in seen] == [shipped.input_px(160, size)]


class TestContract(DetectorContract):
    @pytest.fixture
    def detector(self, shipped):
        return shipped

    @pytest.fixture
    def settings(self):
        return DetectorSettings(160, 5), DetectorSettings(224, 20)


def test_all_families_are_found():
    assert {"faster_rcnn", "ssdlite", "yolox"} <= set(detector_names())


def test_unknown_family_names_the_known():
    with pytest.raises(
        ConfigurationError, match="no detector 'ssd'; choose 'faster_rcnn', 'onnx', 'ssd"
    ):
        load_detector("ssd", DetectorOptions())


def test_shipped_network_detects(shipped):
    assert shipped.class_names == CLASS_NAMES
    entries = [entry for seed in range(3) for entry in SyntheticVideo("calm", "test", seed, 4)]
    settings = DetectorSettings(320, 20)
    frames = [(shipped.detect(e.frame.image, settings), e.ground_truth) for e in entries]
    assert mean_ap50((match_frame(*frame) for frame in frames), len(CLASS_NAMES)).mean > 0.6


def test_shipped_file_is_small(root):
    files = list((root / "approx_perception" / "weights").glob("faster_rcnn*"))
    assert files
    assert all(file.stat().st_size <= 15e6 for file in files)


def test_number_of_proposals_bounds_detections(shipped):
    image = SyntheticVideo("crowd", "test", 0, 1).render(0).image
    few, many = (shipped.detect(image, DetectorSettings(320, n)) for n in (3, 100))
    centres = [(found.boxes[:, :2] + found.boxes[:, 2:]) / 2 for found in (few, many)]
    spots = [len(np.unique(np.round(c / 24), axis=0)) for c in centres]
    # Each proposal can give a box for several classes, but all near one another.
    assert spots[0] <= 6 < spots[1]


def test_knobs_must_be_given(shipped):
    with pytest.raises(ConfigurationError, match="needs values for the knob nprop"):
        shipped.check_settings(DetectorSettings(224))


def test_own_file_is_read_back(tmp_path, state):
    save_weights(tmp_path / "own.pt", state, "compact", ("a", "b", "c"))
    detector = load(tmp_path / "own.pt")
    assert detector.class_names == ("a", "b", "c")


@pytest.mark.parametrize("backbone", ["compact", "fasterrcnn_mobilenet_v3_large_fpn", "resnet18"])
def test_state_dicts_are_recognised(tmp_path, backbone):
    assert backbone in BACKBONES
    torch.save(build_network(backbone, 3).state_dict(), tmp_path / "state.pth")
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    detector = load(tmp_path / "state.pth", tmp_path / "names.txt")
    assert detector.class_names == ("cat", "dog")
    detector.detect(np.zeros((48, 64, 3), np.uint8), DetectorSettings(64, 5))


def test_torchvision_weights_by_name(tmp_path, monkeypatch):
    """With a file where torchvision would have downloaded it to."""
    name = "FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1"
    weights = __import__("torchvision").models.get_weight(name)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    network = build_network("fasterrcnn_mobilenet_v3_large_320_fpn", 91)
    torch.save(network.state_dict(), folder / weights.url.rsplit("/", 1)[1])
    detector = load(name)
    assert len(detector.class_names) == 90
    assert detector.class_names[0] == "person"
    detector.detect(np.zeros((48, 64, 3), np.uint8), DetectorSettings(64, 5))


@pytest.mark.parametrize(
    "name", ["FasterRCNN_ResNet50_FPN_Weights.COCO_V9", "Nothing_Weights.COCO_V1"]
)
def test_unknown_torchvision_weights(name):
    with pytest.raises(WeightsError, match="torchvision has no weights"):
        load(name)


def test_torchvision_weights_of_another_network():
    with pytest.raises(WeightsError, match="no Faster R-CNN"):
        load("SSD300_VGG16_Weights.COCO_V1")


def test_missing_weights():
    with pytest.raises(WeightsError, match=r"no weights file 'nowhere\.pt'"):
        load("nowhere.pt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ": it is empty"), (b"no weights", ": it is text"), (b"PK\x03\x04 broken", ""),
        (b"version https://git-lfs.github.com/spec/v1\n", ": it is a pointer of Git LFS"),
    ],
)  # fmt: skip
def test_corrupt_weights(tmp_path, content, words):
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=rf"bad\.pt is no readable weights file{words}"):
        load(tmp_path / "bad.pt")


def test_truncated_weights(tmp_path, state):
    save_weights(tmp_path / "own.pt", state, "compact", ("a", "b", "c"))
    content = (tmp_path / "own.pt").read_bytes()
    (tmp_path / "own.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="no readable weights file"):
        load(tmp_path / "own.pt")


class Malicious:
    def __reduce__(self):
        return (exec, ("raise SystemExit('was run')",))


def test_pickles_are_not_run(tmp_path):
    torch.save({"state": Malicious()}, tmp_path / "evil.pt")
    with pytest.raises(WeightsError, match="no readable weights file"):
        load(tmp_path / "evil.pt")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(WeightsError, match="no readable weights file"):
        load(tmp_path / "evil.pkl")


def test_weights_of_another_network(tmp_path):
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="no Faster R-CNN with one of the backbones"):
        load(tmp_path / "other.pt")


def test_a_list_is_no_state_dict(tmp_path):
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(WeightsError, match="holds a list"):
        load(tmp_path / "list.pt")


def test_wrong_number_of_names(tmp_path, state):
    torch.save(state, tmp_path / "state.pth")
    (tmp_path / "names.txt").write_text("cat\n")
    with pytest.raises(WeightsError, match="names 1 class, but the network has 3"):
        load(tmp_path / "state.pth", tmp_path / "names.txt")
    with pytest.raises(WeightsError, match="brings no class names"):
        load(tmp_path / "state.pth")


def test_unknown_device():
    with pytest.raises(ConfigurationError, match="cannot use the device 'abacus'"):
        load(device="abacus")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precisions_find_the_same(precision):
    if precision == "bfloat16" and precision not in cpu_precisions():
        pytest.skip("no runtime here has bfloat16")
    detector = load(precision=precision)
    assert detector.precision == precision
    assert precision in detector.description
    entries = list(SyntheticVideo("crowd", "test", 1, 3))
    settings = DetectorSettings(320, 50)
    frames = [(detector.detect(e.frame.image, settings), e.ground_truth) for e in entries]
    assert mean_ap50((match_frame(*frame) for frame in frames), len(CLASS_NAMES)).mean > 0.9


def test_unknown_precision():
    with pytest.raises(ConfigurationError, match="no precision 'half'; choose 'auto'"):
        load_detector("faster_rcnn", DetectorOptions(precision="half"))


def test_unknown_backbone():
    with pytest.raises(ConfigurationError, match="no backbone 'vgg'; choose 'compact'"):
        build_network("vgg", 3)


def test_training_forward_gives_losses(state):
    network = build_network("compact", 4)
    targets = [{"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}]
    _, losses = forward(network.train(), torch.randn(1, 3, 96, 128), [(96, 128)], targets=targets)
    assert len(losses) == 4
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_a_batch_finds_what_its_images_alone_do(shipped):
    images = [entry.frame.image for entry in SyntheticVideo("crowd", "test", 0, 3)]
    settings = DetectorSettings(320, 50)
    together = shipped.detect_together(images, settings)
    for image, own in zip(images, together, strict=True):
        alone = shipped.detect(image, settings)
        strong = own.scores > 0.1
        np.testing.assert_allclose(own.scores[strong], alone.scores[alone.scores > 0.1], atol=1e-3)
        np.testing.assert_allclose(own.boxes[strong], alone.boxes[alone.scores > 0.1], atol=0.1)


def test_settings_that_share_a_backbone_find_what_each_alone_does(shipped):
    [image] = [entry.frame.image for entry in SyntheticVideo("crowd", "test", 0, 1)]
    settings = [DetectorSettings(320, 5), DetectorSettings(160, 50), DetectorSettings(320, 50)]
    for each, own in zip(settings, shipped.detect_each(image, settings), strict=True):
        alone = shipped.detect(image, each)
        np.testing.assert_array_equal(own.boxes, alone.boxes)
        np.testing.assert_array_equal(own.scores, alone.scores)
