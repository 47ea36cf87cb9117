import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")

pytest.importorskip("torch", reason="needs PyTorch: make train")

from approx_perception.accuracy.table import AccuracyTable
from approx_perception.branches import Branch
from approx_perception.datasets.synthetic import CLASS_NAMES
from approx_perception.detectors import DetectorOptions, load_detector
from approx_perception.detectors.faster_rcnn.from_torch.weights import load_weights
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.structures import GroundTruth
from approx_perception.training.by_task import TRAINERS
from approx_perception.training.detection.batches import training_batches
from approx_perception.training.detection.data import open_training_data
from approx_perception.training.detection.samples import (
    ImageSamples,
    LabelledImage,
    SyntheticSamples,
)
from approx_perception.training.detection.trainer import DetectorTrainer, TrainingRecipe
from test.training.detection.test_data import yolo

RECIPE = TrainingRecipe(iterations=4, batch_size=2, shapes=(96, 128))
CPU = torch.device("cpu")


def trainer(folder, recipe=RECIPE):
    data = open_training_data("synthetic", folder / "data")
    return DetectorTrainer(recipe, data, folder, CPU, workers=0)


class StopError(Exception):
    """The user pressed Ctrl-C."""


def test_trains_and_leaves_weights_that_load(tmp_path):
    losses = []
    run = trainer(tmp_path / "run")
    run.train(lambda _, loss: losses.append(loss))
    assert len(losses) == 4
    detector = load_detector("faster_rcnn", DetectorOptions(str(run.weights_path)))
    assert detector.class_names == CLASS_NAMES


def test_a_resumed_run_ends_as_one_that_was_not_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("approx_perception.training.training_run._CHECKPOINT_EVERY", 1)
    whole = []
    trainer(tmp_path / "whole").train(lambda _, loss: whole.append(loss))

    def stop_after_two(iteration, _):
        if iteration == 2:
            raise StopError

    with pytest.raises(StopError):
        trainer(tmp_path / "stopped").train(stop_after_two)
    rest = []
    resumed = trainer(tmp_path / "stopped")
    assert resumed.iteration == 2
    torch.manual_seed(123)
    resumed.train(lambda _, loss: rest.append(loss))
    # The sampling of proposals is random, so losses agree, not digits.
    assert rest == pytest.approx(whole[2:], rel=0.2)


def test_a_folder_of_another_recipe_is_refused(tmp_path):
    trainer(tmp_path).train(lambda *_: None)
    with pytest.raises(WeightsError, match="choose another folder"):
        trainer(tmp_path, TrainingRecipe(iterations=5, batch_size=2, shapes=(96, 128)))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "checkpoint.pt"), (b"PK\x03\x04 nonsense", "no readable"), (None, "lacks average")],
)
def test_a_checkpoint_that_cannot_be_used(content, words, tmp_path):
    if content is None:
        torch.save({"recipe": {}}, tmp_path / "checkpoint.pt")
    else:
        (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        trainer(tmp_path)


def test_impossible_recipes_are_refused():
    with pytest.raises(ConfigurationError, match="iterations is 0"):
        TrainingRecipe(iterations=0)


def test_batches_are_functions_of_seed_and_position():
    def batches(seed, first, last):
        normalisation = ([0.5] * 3, [0.25] * 3)
        return list(
            training_batches(
                SyntheticSamples(), seed, (96, 128), 2, (first, last), normalisation, 0
            )
        )

    whole, tail = batches(3, 0, 4), batches(3, 2, 4)
    for (images, sizes, targets), (same, same_sizes, same_targets) in zip(
        whole[2:], tail, strict=True
    ):
        assert torch.equal(images, same)
        assert sizes == same_sizes
        assert torch.equal(targets[0]["boxes"], same_targets[0]["boxes"])
    assert not torch.equal(batches(4, 0, 1)[0][0], whole[0][0])
    assert all(min(size) in (96, 128) for _, sizes, _ in whole for size in sizes)


def test_fine_tuning_leaves_weights_a_table_and_a_card(tmp_path):
    run = TRAINERS["detection"](
        {"iterations": 2, "batch_size": 2, "shapes": (96,)}, str(yolo(tmp_path / "set")),
        tmp_path / "run", CPU, 0,
    )  # fmt: skip
    assert run.recipe.start == ""
    run.train(lambda *_: None)
    detector = load_detector("faster_rcnn", DetectorOptions(str(run.weights_path)))
    assert detector.class_names == ("key", "mug")
    table = AccuracyTable.from_json(run.weights_path.with_suffix(".accuracy.json"))
    assert Branch(576, 100) in table.ap50
    card = run.weights_path.with_suffix(".md").read_text()
    assert "Classes, with objects trained on: key (4), mug (4)." in card
    assert "| nprop | shape 160 |" in card
    assert "Begun with the network that ships. Recipe: data set (8 images, 2 held out, 2 cl" in card


def test_fine_tuning_begins_with_the_features_of_its_start(tmp_path):
    run = TRAINERS["detection"]({"batch_size": 2}, str(yolo(tmp_path / "set")), tmp_path, CPU, 0)
    start = load_weights("", None).network.state_dict()
    own = run._network.state_dict()
    different = {key for key in own if not torch.equal(own[key], start[key])}
    assert {key.rpartition("box_predictor")[0] for key in different} == {"roi_heads."}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weights": "x.pt", "from_scratch": True}, "--from-scratch cannot begin with --weights"),
        ({"backbone": "resnet18"}, "--backbone resnet18 is for --from-scratch"),
    ],
)
def test_words_that_contradict(tmp_path, given, words):
    with pytest.raises(ConfigurationError, match=words):
        TRAINERS["detection"](given, str(tmp_path), tmp_path, CPU, 0)


def test_mirrored_and_moved_boxes_stay_on_their_objects(tmp_path):
    """A white object on black: its box is where it is white, whatever was done to the image."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[30:70, 20:60] = 255
    cv2.imwrite(str(tmp_path / "a.png"), image)
    truth = GroundTruth(
        np.array([[20, 30, 60, 70]], np.float32), np.zeros(1, int), np.zeros(1, int),
        np.zeros(1, bool),
    )  # fmt: skip
    samples = ImageSamples([LabelledImage(tmp_path / "a.png", truth)])
    for position in range(12):
        pixels, boxes, labels = samples.draw(0, position, 128)
        assert labels.tolist() == [1]
        rows, columns = np.nonzero(pixels.min(axis=2) > 140)
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(boxes[0], found, atol=2.5)
