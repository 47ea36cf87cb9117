"""Train the multi-branch Faster R-CNN, from scratch or from weights that know other classes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor

from approx_perception.assembly import load_space
from approx_perception.branches import BranchSpace
from approx_perception.detectors import DetectorOptions, load_detector
from approx_perception.detectors.faster_rcnn.from_torch.export import exported
from approx_perception.detectors.faster_rcnn.from_torch.network import build_network, forward
from approx_perception.detectors.faster_rcnn.from_torch.weights import load_weights, save_weights
from approx_perception.files import replace_bytes, replace_text
from approx_perception.training.detection.accuracy import HeldOutAccuracy, measure_accuracy
from approx_perception.training.detection.batches import Batch, training_batches
from approx_perception.training.detection.data import TrainingData
from approx_perception.training.training_run import (
    SYNTHETIC,
    TrainingRun,
    check_positive,
    plain,
)

__all__ = ["DetectorTrainer", "TrainingRecipe"]


@dataclass(frozen=True)
class TrainingRecipe:
    """All that decides the outcome of a training run.

    Attributes
    ----------
    backbone
        A name of `BACKBONES`; of weights to start from, theirs counts.
    start
        Weights to start from, as `load_weights` takes them; None for random ones.
    data
        Name of `TrainingData`.
    iterations
        Number of batches; the learning rate falls to zero over them.
    batch_size
        Frames in a batch.
    learning_rate
        Highest rate of AdamW.
    weight_decay
        Of AdamW.
    shapes
        Short sides in px, one drawn for each batch: how one network learns all shapes.
    seed
        Of weights and data.
    """

    backbone: str = "compact"
    start: str | None = None
    data: str = SYNTHETIC
    iterations: int = 6000
    batch_size: int = 8
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    shapes: tuple[int, ...] = (128, 160, 192, 224, 256, 288, 320, 352, 384, 448, 512, 576)
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive(self, ("iterations", "batch_size", "learning_rate"))


class DetectorTrainer(TrainingRun[FasterRCNN]):
    """See `TrainingRun`.

    Parameters
    ----------
    recipe
        What to train.
    data
        What to train on.
    folder
        Holds ``checkpoint.pt`` while it runs; at the end ``weights.onnx``, and ``weights.pt`` to
        begin with another time. Where images are held out, also what its settings are worth on
        them (``weights.accuracy.json``), and the model card (``weights.md``).
    device
        Where to compute.
    workers
        Processes that draw or read images.

    Raises
    ------
    WeightsError
        If the folder holds a checkpoint of another recipe.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        data: TrainingData,
        folder: Path,
        device: torch.device,
        workers: int = 1,
    ) -> None:
        self._data, self._device, self._workers = data, device, workers
        torch.manual_seed(recipe.seed)
        network, self._backbone = _network(recipe, data.class_names)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(recipe, network, folder)

    @property
    def weights_path(self) -> Path:
        """See `TrainingRun`."""
        return self.folder / "weights.onnx"

    def _batches(self) -> Iterable[Batch]:
        transform = self._network.transform
        return training_batches(
            self._data.samples,
            self.recipe.seed,
            self.recipe.shapes,
            self.recipe.batch_size,
            (self.iteration, self.recipe.iterations),
            (transform.image_mean, transform.image_std),
            self._workers,
        )

    def _gradients(self, batch: Batch) -> Tensor:
        images, sizes, targets = batch
        images = images.to(self._device)
        targets = [{key: value.to(self._device) for key, value in t.items()} for t in targets]
        with torch.autocast(self._device.type, torch.bfloat16):
            _, losses = forward(self._network, images, sizes, targets=targets)
        loss = torch.stack([value.float() for value in losses.values()]).sum()
        loss.backward()
        return loss

    def _save_weights(self) -> None:
        """Write weights, then what they are worth on images that were held out."""
        names, path = self._data.class_names, self.weights_path
        save_weights(path.with_suffix(".pt"), self._average.state_dict(), self._backbone, names)
        replace_bytes(path, exported(self._average.cpu(), names))
        if not self._data.held_out:
            return
        detector = load_detector(
            "faster_rcnn", DetectorOptions(str(path), device="cpu", precision="float32")
        )
        space = load_space("", "faster_rcnn")
        assert isinstance(space, BranchSpace)
        accuracy = measure_accuracy(detector, self._data.held_out, space)
        origin = f"{path.name} trained on {self._data.name}; AP50 of {accuracy.image_count} images"
        accuracy.save(path.with_suffix(".accuracy.json"), f"{origin} held out, scores from 0.05")
        replace_text(path.with_suffix(".md"), self._model_card(accuracy))

    def _model_card(self, accuracy: HeldOutAccuracy) -> str:
        data = self._data
        start = self.recipe.start
        begun = "random weights" if start is None else start or "the network that ships"
        recipe = ", ".join(
            f"{key} {value}" for key, value in plain(self.recipe).items()
            if key not in ("backbone", "start")
        )  # fmt: skip
        counts = zip(data.class_names, data.objects, strict=True)
        lines = [
            f"# Model card: {self.weights_path.stem}", "",
            f"Faster R-CNN ({self._backbone}): all shapes and proposals in one file.", "",
            f"Classes, with objects trained on: {', '.join(f'{n} ({c})' for n, c in counts)}.", "",
            f"Begun with {begun}. Recipe: {recipe}.", "",
            f"AP50 on {accuracy.image_count} images that were held out, scores from 0.05:", "",
            *accuracy.lines(),
        ]  # fmt: skip
        return "\n".join(lines) + "\n"


def _network(recipe: TrainingRecipe, class_names: tuple[str, ...]) -> tuple[FasterRCNN, str]:
    """A network for these classes, and its backbone; a start that knows others gets a new head."""
    count = len(class_names) + 1
    if recipe.start is None:
        return build_network(recipe.backbone, count), recipe.backbone
    loaded = load_weights(recipe.start, None)
    if loaded.class_names != class_names:
        head = loaded.network.roi_heads.box_predictor
        loaded.network.roi_heads.box_predictor = FastRCNNPredictor(
            head.cls_score.in_features, count
        )
    return loaded.network, loaded.backbone
