import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")

from approx_perception.classifiers import ClassifierOptions, load_classifier
from approx_perception.classifiers._base import crop
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.training.classification.approxnet import network as network_module
from approx_perception.training.classification.approxnet.network import Architecture
from approx_perception.training.classification.batches import augmented, training_batches
from approx_perception.training.classification.data import open_training_data
from approx_perception.training.classification.samples import Sample
from approx_perception.training.classification.trainer import (
    ClassifierRecipe,
    ClassifierTrainer,
    resized,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    architecture = Architecture((4, 8), ((8, 2, 1), (16, 2, 1)), 8, shapes=(80, 96))
    monkeypatch.setattr(network_module, "NETWORKS", {"tiny": architecture})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two classes: discs and bars, in chance grey levels."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for index in range(20):
        for name in ("disc", "bar"):
            image = np.full((64, 64, 3), rng.uniform(0, 100), np.uint8)
            colour = rng.uniform(150, 255, 3).tolist()
            if name == "disc":
                cv2.circle(image, (32, 32), 22, colour, -1)
            else:
                cv2.rectangle(image, (28, 4), (36, 60), colour, -1)
            (folder / name).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / name / f"{index}.png"), image)
    return open_training_data(str(folder), folder / "data")


def trainer(folder, data, **recipe):
    values = {"backbone": "tiny", "iterations": 6, "batch_size": 4, "learning_rate": 0.01}
    return ClassifierTrainer(ClassifierRecipe(**values | recipe), data, folder, CPU)


def test_learns_and_leaves_weights_with_what_they_are_worth(data, tmp_path):
    losses = []
    run = trainer(tmp_path, data, iterations=60, batch_size=8)
    run.train(lambda _, loss: losses.append(loss))
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    classifier = load_classifier("approxnet", ClassifierOptions(str(run.weights_path)))
    assert classifier.class_names == ("bar", "disc")
    assert [(pair.shape, pair.exit) for pair in classifier.pairs] == [
        (80, 1), (80, 2), (96, 1), (96, 2)
    ]  # fmt: skip
    table = json.loads((tmp_path / "weights.accuracy.json").read_text())
    assert table["task"] == "classification"
    assert list(table["top1"]) == [f"shape={s},exit={e}" for s in (80, 96) for e in (1, 2)]
    assert sum(table["frames"]) == 4
    for shares in table["top1"].values():
        assert [share is None for share in shares] == [count == 0 for count in table["frames"]]
    card = (tmp_path / "weights.md").read_text()
    assert "| shape=96,exit=2 |" in card


def test_a_resumed_run_ends_as_one_that_was_not_stopped(data, tmp_path, monkeypatch):
    monkeypatch.setattr("approx_perception.training.training_run._CHECKPOINT_EVERY", 1)
    trainer(tmp_path / "whole", data).train(lambda *_: None)

    class StopError(Exception):
        pass

    def stop(iteration, _):
        if iteration == 3:
            raise StopError

    with pytest.raises(StopError):
        trainer(tmp_path / "stopped", data).train(stop)
    resumed = trainer(tmp_path / "stopped", data)
    assert resumed.iteration == 3
    resumed.train(lambda *_: None)
    whole, stopped = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("whole", "stopped")
    )
    for kind in ("network", "average"):
        for key, tensor in whole[kind].items():
            torch.testing.assert_close(stopped[kind][key], tensor, msg=f"{kind} {key}")


def test_another_recipe_wants_another_folder(data, tmp_path):
    trainer(tmp_path, data).train(lambda *_: None)
    with pytest.raises(WeightsError, match="choose another folder"):
        trainer(tmp_path, data, iterations=7)
    with pytest.raises(ConfigurationError, match="batch_size is 0"):
        ClassifierRecipe(batch_size=0)


def test_each_step_trains_the_largest_first_and_the_smallest_shape(data, tmp_path):
    run = trainer(tmp_path, data)
    for run.iteration in range(5):
        largest, smallest, *others = run._branches(1.0)
        assert (largest.shape, largest.exit) == (96, 2)
        assert (smallest.shape, smallest.exit) == (80, 2)
        assert len(others) <= 2  # each branch once


def test_batches_are_functions_of_seed_and_position(data):
    def batches(seed, first, last):
        return list(training_batches(data.pool, seed, 4, (first, last), 0))

    whole, tail = batches(3, 0, 12), batches(3, 8, 12)
    for (images, labels), (same, same_labels) in zip(whole[8:], tail, strict=True):
        assert torch.equal(images, same)
        assert torch.equal(labels, same_labels)
    assert not torch.equal(batches(4, 0, 12)[0][0], whole[0][0])
    # 36 samples: all are seen once in nine batches.
    assert sum(int(labels.sum()) for _, labels in whole[:9]) == 18


def test_augmentation_leaves_the_box_in_view():
    image = np.zeros((200, 200, 3), np.uint8)
    image[90:130, 60:80] = 255
    sample = Sample(image, 0, np.array([60, 90, 80, 130], np.float32))
    rng = np.random.default_rng(0)
    shares = {
        progress: [(augmented(sample, rng, progress) > 150).mean() for _ in range(40)]
        for progress in (0.0, 1.0)
    }
    assert min(shares[1.0]) > 0.015  # 0.02 of the whole image, less its soft edge
    assert np.median(shares[0.0]) > 0.2  # at the start, little but the box is seen


def test_images_are_made_smaller_as_at_run_time():
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    for shape in (224, 192, 112, 80):
        seen = crop(image, np.array([0, 0, 224, 224], np.float32), shape)
        expected = resized(tensor, shape)[0].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(expected, seen, atol=1.6)
