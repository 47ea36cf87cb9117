"""A source as the user names it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from approx_perception.datasets import FrameSource, open_source
from approx_perception.datasets.cameras import is_camera, public_name
from approx_perception.datasets.class_map import ClassTable, read_class_map
from approx_perception.datasets.image_header import MAX_IMAGE_PX
from approx_perception.exceptions import ConfigurationError, DatasetError, counted, shown

__all__ = [
    "SourceOptions",
    "good_for_a_folder",
    "plain_name",
    "refuse_cameras",
    "sources_of",
    "with_own_labels",
]


def plain_name(name: str, topic: str | None = None) -> str:
    """Name of a source that is good for a folder."""
    name = public_name(name)
    text = name if name.startswith("synthetic:") or is_camera(name) else Path(name).resolve().name
    text = f"{text}_{topic.strip('/')}" if topic else text
    return good_for_a_folder(text)


def good_for_a_folder(text: str) -> str:
    """Text with everything but letters, digits and -_. replaced."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)


def with_own_labels(sources: "Sequence[SourceOptions]") -> "list[SourceOptions]":
    """Give sources of the same label numbers from 2 on."""
    seen: set[str] = set()
    result = []
    for source in sources:
        number, label = 1, source.label
        # What a number makes may be another's own name.
        while label in seen:
            number += 1
            label = f"{source.label}_{number}"
        seen.add(label)
        result.append(replace(source, label=label))
    return result


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """A source as the user names it.

    Attributes
    ----------
    name
        See `open_source`.
    topic, ground_truth, frames, seed, max_image_px
        Likewise; ``frames`` also cuts sources that are longer.
    seconds
        Length of what is taken; None for all.
    class_map
        From the detector's class names to the data set's, and names for the latter's numbers.
    label
        Tells it from the others of the same evaluation: a name for folders and tables.
    """

    name: str
    topic: str | None = None
    ground_truth: str | None = None
    frames: int | None = None
    seed: int = 0
    class_map: ClassTable = field(default_factory=ClassTable)
    seconds: float | None = None
    label: str = ""
    max_image_px: int = MAX_IMAGE_PX

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", plain_name(self.name, self.topic))

    @property
    def public_name(self) -> str:
        """Name for logs and results: without passwords."""
        return public_name(self.name)

    def limit(self, source: FrameSource) -> int | None:
        """Frames to take of it; the seconds of a live one are counted by a clock."""
        if self.seconds is None or source.is_live:
            return self.frames
        of_time = max(round(self.seconds * source.fps), 1)
        return of_time if self.frames is None else min(self.frames, of_time)

    def open(self) -> FrameSource:
        """See `open_source`."""
        return open_source(
            self.name, self.topic, self.frames, self.seed, self.ground_truth,
            self.class_map.numbers, self.max_image_px,
        )  # fmt: skip


def refuse_cameras(sources: Sequence[SourceOptions]) -> None:
    """Refuse sources of which nobody knows what is in them, and that cannot be seen again.

    Raises
    ------
    DatasetError
        Naming the first.
    """
    for source in sources:
        if is_camera(source.name):
            raise DatasetError(
                f"{shown(source.public_name)} is a camera, which has no ground truth and shows "
                "something else each time: record it (ros2 bag record) and evaluate the recording"
            )


def sources_of(
    names: Sequence[str],
    topics: Sequence[str] | None,
    truths: Sequence[str] | None,
    frames: int | None,
    seed: int,
    class_map: Path | None,
    max_image_px: int,
) -> list[SourceOptions]:
    """One for each name and topic.

    Raises
    ------
    ConfigurationError
        If there is not one ground truth for each, or one for all.
    """
    if truths and len(truths) not in (1, len(names)):
        raise ConfigurationError(
            f"{counted(len(names), 'source')} but {len(truths)} --ground-truth; give one for "
            "each, or one for "
            "all"
        )
    translations = read_class_map(class_map) if class_map else ClassTable()
    return with_own_labels([
        SourceOptions(
            name, topic, truths[min(index, len(truths) - 1)] if truths else None, frames, seed,
            translations, max_image_px=max_image_px,
        )
        for index, name in enumerate(names)
        for topic in (*(topics or ()),) or (None,)
    ])  # fmt: skip
