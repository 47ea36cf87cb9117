"""What every detector family offers."""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from approx_perception.detectors._border import inference, without_malformed
from approx_perception.exceptions import ConfigurationError, WeightsError, counted, shown
from approx_perception.files import file_sha256, read_text
from approx_perception.runtimes import AUTO, RuntimeOptions
from approx_perception.structures import Detections

__all__ = [
    "Detector",
    "DetectorOptions",
    "DetectorSettings",
    "check_class_names",
    "read_class_names",
]


FeatureListener = Callable[[Sequence[npt.NDArray[np.float32]]], None]


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Knobs of one detection.

    Attributes
    ----------
    shape
        Side of the network's input in px.
    nprop
        Proposals kept after the RPN; None for a family without proposals.
    model
        Which of several networks, from 1 on; None where there is one.
    """

    shape: int
    nprop: int | None = None
    model: int | None = None

    def __str__(self) -> str:
        model = f"model={self.model}," if self.model else ""
        return f"{model}shape={self.shape}" + (f",nprop={self.nprop}" if self.nprop else "")


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """How a user names the network to load.

    Attributes
    ----------
    weights
        A file, a name that the family knows, or empty for the family's own choice.
    class_names_file
        Text file, one class a line; None where the weights bring their names.
    device
        ``cpu``, ``cuda`` or ``auto`` (an accelerator where there is one).
    num_threads
        CPU threads of one inference.
    precision
        A name of `runtimes.PRECISIONS`, for families that offer a choice.
    runtime
        A name of `runtimes.runtime_names`, or ``auto``, for families of graphs.
    """

    weights: str = ""
    class_names_file: Path | None = None
    device: str = "auto"
    num_threads: int = 2
    precision: str = "auto"
    runtime: str = AUTO

    @property
    def for_graphs(self) -> RuntimeOptions:
        """How its graphs are to be run."""
        return RuntimeOptions(self.runtime, self.precision, self.device, self.num_threads)


class Detector(ABC):
    """A network whose branches are all resident: a switch loads nothing.

    Called by the pipeline on each detection frame and by the calibration at start, always
    from one thread at a time. A family writes `_detect`; what is malformed in it is dropped and
    counted, and errors of its runtime are turned into one type, here for all families.

    Attributes
    ----------
    class_names
        What class ids mean.
    uses_proposals
        Whether `DetectorSettings.nprop` must be given (else it must be None).
    shape_multiple
        Shapes must be a multiple of this.
    description
        Network, weights and device, for humans and result files.
    weights_path
        File of the weights, beside which tables about them lie; None for one without a file.
    weights_digest
        Hash of weights without a file, that are known by name; else empty.
    runtime, device, precision
        What runs it, on what, and in what numbers.
    runtime_reason
        Why that runtime and precision, in words; empty where nothing was to choose.
    caution
        What a user of real images must know of the network; empty for nothing.
    feature_listeners
        Called with what the backbone gave for each batch, level by level as ``(N, cells, C)``;
        None for a family without a backbone of its own.
    malformed_count
        Detections dropped so far because they cannot be objects; see `without_malformed`.
    """

    class_names: tuple[str, ...]
    uses_proposals: bool
    shape_multiple: int = 1
    description: str
    weights_path: Path | None = None
    weights_digest: str = ""
    runtime: str = "torch"
    device: str = "cpu"
    precision: str = "float32"
    runtime_reason: str = ""
    caution: str = ""
    feature_listeners: list[FeatureListener] | None = None
    malformed_count: int = 0

    def detect(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> Detections:
        """Find objects.

        Parameters
        ----------
        image
            ``(H, W, 3)`` uint8, BGR; must not be written to.
        settings
            Knobs of this call; any that `check_settings` accepts, in any order.

        Returns
        -------
        Detections
            After NMS, best score first, without identities; all are well formed. Boxes may leave
            the image where the network completes objects that do.

        Raises
        ------
        InferenceError
            If the network failed on this image.
        """
        return self._checked(lambda: [self._detect(image, settings)], [image], settings)[0]

    def prepare(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> None:  # noqa: B027
        """Get ready for images of this size at these settings; called before these are timed.

        A family whose runtime compiles graphs for shapes overrides it.
        """

    def detect_together(
        self, images: Sequence[npt.NDArray[np.uint8]], settings: DetectorSettings
    ) -> list[Detections]:
        """Find the objects of several images of one size.

        Returns
        -------
        list of Detections
            Of each image, the same as `detect` gives within rounding.

        Raises
        ------
        InferenceError
            If the network failed on them.
        """
        return self._checked(lambda: self._detect_together(images, settings), images, settings)

    def detect_each(
        self, image: npt.NDArray[np.uint8], settings: Sequence[DetectorSettings]
    ) -> list[Detections]:
        """Find the objects of one image at several settings.

        Returns
        -------
        list of Detections
            At each setting, the same as `detect` gives.

        Raises
        ------
        InferenceError
            If the network failed on this image.
        """
        return self._checked(lambda: self._detect_each(image, settings), [image], settings)

    def _checked(
        self,
        run: Callable[[], list[Detections]],
        images: Sequence[npt.NDArray[np.uint8]],
        settings: DetectorSettings | Sequence[DetectorSettings],
    ) -> list[Detections]:
        """Run the network, and drop and count what is malformed."""
        self._take_turn()
        given = inference(run, self.description, images, settings)
        size = images[0].shape[1], images[0].shape[0]
        kept = [without_malformed(each, len(self.class_names), size) for each in given]
        self.malformed_count += sum(map(len, given)) - sum(map(len, kept))
        return kept

    def _take_turn(self) -> None:  # noqa: B027
        """Set what the networks of a process share, such as threads; called before each run."""

    @abstractmethod
    def _detect(self, image: npt.NDArray[np.uint8], settings: DetectorSettings) -> Detections:
        """Find objects, as `detect` says, whatever the numbers are."""

    def _detect_together(
        self, images: Sequence[npt.NDArray[np.uint8]], settings: DetectorSettings
    ) -> list[Detections]:
        """See `detect_together`; a family with batches overrides it."""
        return [self._detect(image, settings) for image in images]

    def _detect_each(
        self, image: npt.NDArray[np.uint8], settings: Sequence[DetectorSettings]
    ) -> list[Detections]:
        """See `detect_each`; a family whose settings share work overrides it."""
        return [self._detect(image, each) for each in settings]

    def input_px(self, shape: int, image_size: tuple[int, int]) -> int:
        """Pixels that the network sees of an image of that width and height; its cost goes with
        them. A family whose input is no square overrides it.
        """
        return shape * shape

    def own_shapes(self, shapes: Sequence[int]) -> tuple[int, ...]:
        """Those of a shipped space, brought to what this network takes; rising."""
        multiple = self.shape_multiple
        return tuple(sorted({-(-shape // multiple) * multiple for shape in shapes}))

    @property
    def fingerprint(self) -> str:
        """Family and weights, for telling whether a profile is of this network."""
        family = self.description.split()[0]
        if self.weights_path is None:
            return f"{family} {self.weights_digest[:16] or 'without a weights file'}"
        return f"{family} {file_sha256(self.weights_path, 'weights file', WeightsError)[:16]}"

    def told(self) -> dict[str, str]:
        """What the weights were taken for and why, by heading; a family that knows overrides it."""
        return {}

    def check_settings(self, settings: DetectorSettings) -> None:
        """Refuse knobs that this detector cannot honour.

        Raises
        ------
        ConfigurationError
            Naming the knob and what would do.
        """
        if settings.shape % self.shape_multiple:
            raise ConfigurationError(
                f"shape {settings.shape} does not fit {self.description}; "
                f"it must be a multiple of {self.shape_multiple}"
            )
        if settings.model is not None:
            raise ConfigurationError(
                f"{self.description} is one network; leave the knob model out, or give several "
                "weights with commas between"
            )
        if self.uses_proposals and settings.nprop is None:
            raise ConfigurationError(f"{self.description} needs values for the knob nprop")
        if not self.uses_proposals and settings.nprop is not None:
            raise ConfigurationError(
                f"{self.description} has no proposals; leave the knob nprop out of the space"
            )


def read_class_names(path: Path, expected_count: int, one_more: str = "") -> tuple[str, ...]:
    """Read a class-name file.

    Parameters
    ----------
    path
        File with one name a line.
    expected_count
        Classes of the network.
    one_more
        What one name too many suggests, for the error.

    Raises
    ------
    WeightsError
        If it cannot be read or has not ``expected_count`` names.
    """
    lines = read_text(path, "class names", WeightsError).splitlines()
    names: Sequence[str] = [line.strip() for line in lines if line.strip()]
    if len(names) != expected_count:
        hint = f"; {one_more}" if one_more and len(names) == expected_count + 1 else ""
        raise WeightsError(
            f"{path} names {counted(len(names), 'class')}, but the network has "
            f"{expected_count}{hint}"
        )
    return tuple(names)


def check_class_names(names: Sequence[str], path: Path | None) -> None:
    """Refuse names that can be neither drawn nor written on one line of UTF-8.

    Raises
    ------
    WeightsError
        If one is empty, or has a control character or half of a surrogate pair.
    """
    for index, name in enumerate(names):
        kinds = set(map(unicodedata.category, name))
        if not name.strip() or kinds & {"Cc", "Cs", "Zl", "Zp"}:
            raise WeightsError(
                f"class {index} of {path} has the name {shown(name)}, which is no text on one line"
            )
