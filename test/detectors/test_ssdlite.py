import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")
from torchvision.models import get_weight
from torchvision.models.detection import ssdlite320_mobilenet_v3_large

from approx_perception.detectors import DetectorOptions, DetectorSettings, load_detector
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.testing.contracts import DetectorContract

COCO = "SSDLite320_MobileNet_V3_Large_Weights.COCO_V1"


def build(classes):
    torch.manual_seed(0)
    network = ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=classes
    ).eval()
    for layer in network.modules():
        # As trained statistics would have it: activations neither vanish nor explode.
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    return network


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Weights of three classes and their names."""
    folder = tmp_path_factory.mktemp("ssdlite")
    torch.save(build(3).state_dict(), folder / "weights.pt")
    (folder / "names.txt").write_text("cat\ndog\n")
    return folder / "weights.pt", folder / "names.txt"


@pytest.fixture(scope="module")
def loaded(files):
    return load_detector("ssdlite", DetectorOptions(str(files[0]), files[1], "cpu"))


class TestContract(DetectorContract):
    @pytest.fixture
    def detector(self, loaded):
        return loaded

    @pytest.fixture
    def settings(self):
        return DetectorSettings(320), DetectorSettings(224)


def test_it_finds_what_torchvision_finds(loaded):
    """Ours resizes with OpenCV, so the image has the network's size already."""
    image = np.random.default_rng(0).integers(0, 255, (320, 320, 3), np.uint8)
    ours = loaded.detect(image, DetectorSettings(320))
    rgb = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1) / 255
    with torch.inference_mode():
        theirs = build(3)([rgb])[0]
    is_left = (theirs["boxes"][:, 2:] > theirs["boxes"][:, :2]).all(dim=1)
    theirs = {key: column[is_left] for key, column in theirs.items()}
    assert len(ours) == len(theirs["scores"]) > 0
    # Equal scores come in any order.
    rows = [
        np.column_stack([boxes, 100 * scores, 100 * labels])
        for boxes, scores, labels in (
            (ours.boxes, ours.scores, ours.class_ids + 1),
            (theirs["boxes"].numpy(), theirs["scores"].numpy(), theirs["labels"].numpy()),
        )
    ]
    distances = np.abs(rows[0][:, None] - rows[1][None]).max(axis=2)
    assert distances.min(axis=1).max() < 0.1
    assert distances.min(axis=0).max() < 0.1


def test_boxes_are_of_the_whole_image(loaded):
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    found = loaded.detect(image, DetectorSettings(320))
    assert found.boxes[:, 2].max() > 320
    assert (found.boxes[:, 2] <= 640).all()
    assert (found.boxes[:, 3] <= 480).all()


def test_torchvision_weights_by_name(tmp_path, monkeypatch):
    """With a file where torchvision would have downloaded it to."""
    weights = get_weight(COCO)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(build(91).state_dict(), folder / weights.url.rpartition("/")[2])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("", COCO):
        detector = load_detector("ssdlite", DetectorOptions(name, device="cpu"))
        assert detector.class_names[0] == "person"
        assert len(detector.class_names) == 90


def test_weights_of_another_family(files):
    with pytest.raises(WeightsError, match="weights of fasterrcnn_resnet50_fpn, which is no SSD"):
        load_detector("ssdlite", DetectorOptions("FasterRCNN_ResNet50_FPN_Weights.COCO_V1"))


def test_a_state_dict_of_something_else(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="no SSDLite of torchvision: it lacks head"):
        load_detector("ssdlite", DetectorOptions(str(tmp_path / "other.pt")))


def test_an_onnx_file_is_told_as_such(tmp_path):
    (tmp_path / "net.ONNX").write_bytes(b"\x08\x07")
    with pytest.raises(WeightsError, match=r"an ONNX file, .* the detector onnx"):
        load_detector("ssdlite", DetectorOptions(str(tmp_path / "net.ONNX")))


def test_names_are_needed_and_counted(files, tmp_path):
    with pytest.raises(WeightsError, match="no class names; give a file with its 2 names"):
        load_detector("ssdlite", DetectorOptions(str(files[0])))
    (tmp_path / "one.txt").write_text("cat\n")
    with pytest.raises(WeightsError, match="names 1 class, but the network has 2"):
        load_detector("ssdlite", DetectorOptions(str(files[0]), tmp_path / "one.txt"))


def test_shapes_must_fit(loaded):
    with pytest.raises(ConfigurationError, match="multiple of 32"):
        loaded.check_settings(DetectorSettings(300))


@pytest.mark.parametrize("options", [{"runtime": "openvino"}, {"precision": "bfloat16"}])
def test_a_runtime_or_precision_that_it_lacks_is_refused(files, options):
    ((word, value),) = options.items()
    with pytest.raises(
        ConfigurationError, match=f"ssdlite has no {word} '{value}', it runs in PyTorch"
    ):
        load_detector("ssdlite", DetectorOptions(str(files[0]), files[1], **options))
