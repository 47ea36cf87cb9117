"""What a node offers of its own task; all else is the same for every task."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.node import Node
from std_msgs.msg import Header

from approx_perception.assembly import KernelOptions, Network
from approx_perception.assembly.tasks import task_of
from approx_perception.interface import NodeInterface
from approx_perception.ros.conversion import decision_message, raw_image
from approx_perception.ros.ecosystem import annotated_image, compressed_image
from approx_perception.ros.regions_input import RegionsInput
from approx_perception.ros.topic_names import CameraTopic
from approx_perception.structures import Content, Frame, FrameResult

__all__ = [
    "COMMON_BUILDERS",
    "Builder",
    "DebugOptions",
    "NodeTask",
    "Published",
    "Recorded",
    "Values",
]

#: From a parameter's name to its value.
Values = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class DebugOptions:
    """Of annotated images and markers.

    Attributes
    ----------
    max_rate_hz
        They are made at most so often.
    min_score
        What is less certain is not drawn.
    jpeg_quality
        1..100.
    """

    max_rate_hz: float = 10.0
    min_score: float = 0.3
    jpeg_quality: int = 80


@dataclass(frozen=True, eq=False)
class Published:
    """What the messages of one frame are made of.

    Attributes
    ----------
    header
        Of the image's message, to be passed on untouched.
    frame, result
        What was processed, and what came of it.
    group_ms
        What each frame of the group took so far.
    age_ms
        Of the image, now; nan where its stamp says nothing.
    class_names
        What class ids mean.
    debug, caution
        How to draw, and what is written on annotated images; empty for nothing.
    """

    header: Header
    frame: Frame
    result: FrameResult
    group_ms: Sequence[float]
    age_ms: float
    class_names: Sequence[str]
    debug: DebugOptions = DebugOptions()
    caution: str = ""

    @cached_property
    def annotated(self) -> npt.NDArray[np.uint8]:
        """The image with all that was found; drawn once for all who want it."""
        return annotated_image(
            self.frame.image, self.result, self.class_names, self.debug.min_score, self.caution
        )


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What the message of a result tells, for who listens.

    Attributes
    ----------
    output
        As the kernel gave it.
    class_names
        ``{class id: name}`` of the classes in it.
    content
        What the message tells of the frame's content; None for nothing.
    """

    output: Any
    class_names: dict[int, str]
    content: Content | None = None


#: Makes a message of a class of others, which may be missing, from what came of a frame; or tells
#: why there is none.
Builder = Callable[[Any, Published], Any]

COMMON_BUILDERS: dict[str, Builder] = {
    "decision": lambda _, p: decision_message(p.header, p.result, p.group_ms),
    "debug_image": lambda _, p: raw_image(p.header, p.annotated),
    "debug_image/compressed": lambda _, p: compressed_image(
        p.header, p.annotated, p.debug.jpeg_quality
    ),
}


class NodeTask(ABC):
    """A task as the node of it sees it: its interface, its messages, its live options.

    Attributes
    ----------
    name
        As options have it.
    interface
        Of the node.
    builders
        ``{topic: how its message is made}`` of all that is published for each frame, beside
        `COMMON_BUILDERS`.
    result_topic, result_type
        Where the output of each frame is, for who records it.
    reset_service, anew
        Service that makes the node forget the scene, and what that means in words.
    """

    name: str
    interface: NodeInterface
    builders: Mapping[str, Builder]
    result_topic: str
    result_type: Any
    reset_service: str
    anew: str

    def state_options(
        self, options: KernelOptions, value: Values, class_names: Sequence[str]
    ) -> Any:
        """Read what the kernel's state takes live, from options and other parameters.

        Raises
        ------
        ConfigurationError
            If a value cannot be honoured by a network with these classes.
        """
        return task_of(options).state_options(options)

    def regions(self, node: Node, place: CameraTopic) -> RegionsInput | None:
        """Where the regions to look at in a camera's images come from; None for whole images.

        Raises
        ------
        ConfigurationError
            If the parameters name what cannot be.
        """
        return None

    @abstractmethod
    def label_threshold(self, network: Network) -> float:
        """Score from which on results are published, for `vision_msgs/LabelInfo`."""

    @abstractmethod
    def recorded(self, message: Any) -> Recorded:
        """Read a message of `result_type`."""

    @abstractmethod
    def row(self, output: Any, class_names: Mapping[int, str]) -> dict[str, object]:
        """What an output holds, in a few columns of a table."""

    @abstractmethod
    def kind_of_frame(self, starts_group: bool) -> str:
        """Name of the kind of frame that a decision was about."""
