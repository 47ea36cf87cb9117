import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make train")

from approx_perception.datasets.synthetic import CLASS_NAMES
from approx_perception.detectors import DetectorOptions, load_detector
from approx_perception.exceptions import ConfigurationError, WeightsError
from approx_perception.training.detector_trainer import DetectorTrainer, TrainingRecipe
from approx_perception.training.synthetic_batches import training_batches

RECIPE = TrainingRecipe(iterations=4, batch_size=2, shapes=(96, 128))
CPU = torch.device("cpu")


def trainer(folder, recipe=RECIPE):
    return DetectorTrainer(recipe, folder, CPU, workers=0)


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
        return list(training_batches(seed, (96, 128), 2, (first, last), normalisation, 0))

    whole, tail = batches(3, 0, 4), batches(3, 2, 4)
    for (images, sizes, targets), (same, same_sizes, same_targets) in zip(
        whole[2:], tail, strict=True
    ):
        assert torch.equal(images, same)
        assert sizes == same_sizes
        assert torch.equal(targets[0]["boxes"], same_targets[0]["boxes"])
    assert not torch.equal(batches(4, 0, 1)[0][0], whole[0][0])
    assert all(min(size) in (96, 128) for _, sizes, _ in whole for size in sizes)
