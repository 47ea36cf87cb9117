"""The Python API: open a network, feed it images or a source, read what it found.

`approx_perception.open` is `open` of this module. docs/python.md shows how to use it.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.assembly import Network, assemble
from approx_perception.assembly.options import kernel_options
from approx_perception.branches import Branch
from approx_perception.datasets import FrameSource, is_synthetic, open_source
from approx_perception.exceptions import ConfigurationError, InvalidFrameError, shown
from approx_perception.interface import PERCEPTION_PARAMETERS
from approx_perception.kernels.annotate import annotate, status_lines
from approx_perception.notices import notice
from approx_perception.pipeline import Stream
from approx_perception.pipeline.failures import FrameFailures
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    Frame,
    FrameResult,
    StageTimings,
)

__all__ = ["Perception", "Result", "open"]

Image = npt.NDArray[np.uint8]
#: A path, ``synthetic:SCENARIO``, ``camera:NUMBER``, the number of a camera, or BGR images.
Source = str | Path | int | FrameSource | Iterable[Image]

_PARAMETERS = {parameter.word: parameter for parameter in PERCEPTION_PARAMETERS}


def _accepted(option: str, value: Any) -> Any:
    """A value as the node's parameter takes it, or one sentence that names the option."""
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, np.generic):
        value = value.item()
    parameter = _PARAMETERS[option]
    return replace(parameter, name=option).accept(value)


def _size(value: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ConfigurationError(f"image_size is {shown(value)}; it must be width and height in px")
    return _accepted("width", value[0]), _accepted("height", value[1])


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What was found in one image, and how.

    Attributes
    ----------
    image
        ``(H, W, 3)`` uint8, BGR, as it was fed.
    stamp_ns
        As it was fed, or the time at which the image came.
    sequence
        Position in the source; gaps are images that could not be processed.
    detections
        N objects: ``boxes (N, 4)`` float32 x1 y1 x2 y2 in px, ``scores (N,)``, ``class_ids (N,)``
        and ``track_ids (N,)``, -1 for an object that was not seen often enough yet.
    class_names
        What class ids mean.
    decision
        What the scheduler chose for this image, what it expected and why.
    timings
        Where the time went, in ms.
    sla
        In force for this image.
    """

    image: Image
    stamp_ns: int
    sequence: int
    detections: Detections
    class_names: tuple[str, ...]
    decision: Decision
    timings: StageTimings
    sla: SLA

    @property
    def names(self) -> list[str]:
        """Class name of each object."""
        return [self.class_names[class_id] for class_id in self.detections.class_ids]

    @property
    def branch(self) -> Branch:
        """Branch that processed the image."""
        return self.decision.branch

    @property
    def processing_ms(self) -> float:
        """What the SLA is about."""
        return self.timings.processing_ms

    @property
    def is_late(self) -> bool:
        """Whether this image took longer than the budget."""
        return self.processing_ms > self.sla.latency_ms

    def annotated(self) -> Image:
        """Return a copy of the image with boxes, identities and branch."""
        lines = status_lines(
            self.branch, self.processing_ms, self.sla.latency_ms, self.decision.starts_group
        )
        return annotate(self.image, self.detections, self.class_names, lines)


class Perception:
    """A network with its branches, open and measured; made by `open`.

    One stream of images at a time: a call from another thread while an image is processed is
    refused. `sla` and `sla_ms` may be set from any thread at any time; the next image honours them.

    Attributes
    ----------
    class_names
        What class ids mean.
    network
        Network, weights and device, in words.
    branches
        To choose from.
    """

    def __init__(self, network: Network) -> None:
        self._stream: Stream | None = network.stream()
        self._caution = network.detector.caution
        self._next = 0
        self._busy = threading.Lock()
        self.class_names = network.detector.class_names
        self.network = network.detector.description
        self.branches = tuple(network.space)

    @property
    def sla(self) -> SLA:
        """Latency budget, quantile and scope; set it at any time."""
        return self._open_stream().sla

    @sla.setter
    def sla(self, sla: SLA) -> None:
        if not isinstance(sla, SLA):
            raise ConfigurationError(f"the SLA is {shown(sla)}; give an SLA, or set sla_ms")
        self._open_stream().sla = sla

    @property
    def sla_ms(self) -> float:
        """Latency budget in ms; set it at any time."""
        return self.sla.latency_ms

    @sla_ms.setter
    def sla_ms(self, value: float) -> None:
        self.sla = replace(self.sla, latency_ms=_accepted("sla_ms", value))

    def process(self, image: Image, stamp_ns: int | None = None) -> Result:
        """Find the objects of the next image of a stream.

        Parameters
        ----------
        image
            ``(H, W, 3)`` uint8, BGR. Not copied and not written to; another size is a new stream.
        stamp_ns
            When it was taken, in ns; left out, now.

        Raises
        ------
        InvalidFrameError
            If it is not such an array.
        InferenceError
            If the network fails on it; the next image may work.
        """
        if not isinstance(image, np.ndarray):
            raise InvalidFrameError(
                f"the image is of type {type(image).__name__}, expected a NumPy array (H, W, 3) of "
                "uint8, BGR"
            )
        stamp_ns = time.time_ns() if stamp_ns is None else stamp_ns
        if not isinstance(stamp_ns, (int, np.integer)):
            raise InvalidFrameError(f"stamp_ns is {shown(stamp_ns)}; it must be whole ns")
        # A view such as image[..., ::-1] has strides that the runtimes do not take.
        frame = Frame(np.ascontiguousarray(image), int(stamp_ns), "", self._next)
        self._next += 1
        return self._result(frame, self._found(frame))

    def follow(
        self, source: Source, *, topic: str | None = None, frames: int | None = None
    ) -> Iterator[Result]:
        """Process all images of a source, one after the other.

        An image on which the network fails is left out, and a notice tells how many were.

        Parameters
        ----------
        source
            A video, folder of images or rosbag2, ``synthetic:SCENARIO``, a camera (its number, or
            ``camera:NAME``), or any iterable of BGR images.
        topic
            Image topic, where a bag has several.
        frames
            Stop after so many.

        Yields
        ------
        Result
            Of each image.

        Raises
        ------
        DatasetError
            If the source is missing or cannot be read.
        InferenceError
            If the network failed on every image.
        """
        if frames is not None and (not isinstance(frames, int) or frames < 1):
            raise ConfigurationError(f"frames is {shown(frames)}; it must be a whole number from 1")
        if isinstance(source, int) and not isinstance(source, bool):
            source = f"camera:{source}"
        if isinstance(source, (str, Path)):
            source = open_source(str(source), topic, frames)
        if isinstance(source, FrameSource):
            return self._follow((entry.frame for entry in source), frames)
        if not isinstance(source, Iterable):
            raise ConfigurationError(
                f"the source is {shown(source)}; give a path, synthetic:SCENARIO, the number of a "
                "camera or images"
            )
        return (self.process(image) for image in islice(source, frames))

    def reset(self) -> None:
        """Forget all objects: the next image is detected, and identities start anew."""
        self._open_stream().reset()

    def close(self) -> None:
        """Let go of the network; nothing can be processed any more."""
        self._stream = None

    def __enter__(self) -> "Perception":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open_stream(self) -> Stream:
        if self._stream is None:
            raise ConfigurationError("this perception is closed; open another one")
        return self._stream

    def _found(self, frame: Frame) -> FrameResult:
        stream = self._open_stream()
        if self._caution and not is_synthetic(frame.source_id):
            notice(self._caution)
            self._caution = ""
        if not self._busy.acquire(blocking=False):
            raise ConfigurationError(
                "another thread is processing an image; feed one stream from one thread at a time"
            )
        try:
            return stream.process(frame)
        finally:
            self._busy.release()

    def _result(self, frame: Frame, found: FrameResult) -> Result:
        return Result(
            frame.image, frame.stamp_ns, frame.sequence, found.output, self.class_names,
            found.decision, found.timings, found.sla,
        )  # fmt: skip

    def _follow(self, frames: Iterable[Frame], limit: int | None) -> Iterator[Result]:
        self.reset()
        failures = FrameFailures(self.network)
        for frame in islice(frames, limit):
            found = failures.attempt(self._found, frame)
            if found is not None:
                yield self._result(frame, found)
        failures.tell()


def open(
    *,
    detector: str = "faster_rcnn",
    weights: str | Path = "",
    class_names: str | Path = "",
    space: str | Path = "",
    policy: str | None = None,
    branch: str = "",
    profile: str | Path = "",
    sla_ms: float = 100.0,
    sla_quantile: float = 0.95,
    sla_scope: str = "frame",
    score_threshold: float = 0.3,
    class_agnostic_iou: float = 0.7,
    device: str = "auto",
    precision: str = "auto",
    threads: int = 0,
    image_size: tuple[int, int] = (640, 480),
) -> Perception:
    """Load a network, preheat its branches and measure what they cost; takes seconds.

    Options mean what they mean on the command line (`approx-perception run --help`).

    Parameters
    ----------
    detector, weights, class_names
        The network: a family, a weights file or name, and a text file with one class name a line.
    space, profile
        Branches to choose from, and what ``approx-perception profile`` wrote on this machine.
    policy, branch
        How to choose; a branch alone is fixed. Left out, the SLA decides.
    sla_ms, sla_quantile, sla_scope
        Budget in ms, share that must be inside it, and ``frame`` or ``gof``.
    score_threshold, class_agnostic_iou
        Weaker objects are not told; of objects that overlap by more only the best one is kept.
    device, precision, threads
        What the network runs on.
    image_size
        Width and height in px of most images: latencies are measured for it.

    Raises
    ------
    ConfigurationError
        If an option cannot be used; the sentence echoes its value and names the choices.
    WeightsError
        If the network cannot be loaded.
    """
    words = {
        "detector": detector, "weights": weights, "class_names": class_names, "space": space,
        "policy": policy or ("fixed" if branch else "most_accurate"), "branch": branch,
        "profile": profile, "sla_ms": sla_ms, "sla_quantile": sla_quantile, "sla_scope": sla_scope,
        "score_threshold": score_threshold, "class_agnostic_iou": class_agnostic_iou,
        "device": device, "precision": precision, "threads": threads,
    }  # fmt: skip
    accepted = {word: _accepted(word, value) for word, value in words.items()}
    options = kernel_options(
        {**accepted, "only_branch": bool(branch), "image_size": _size(image_size)}
    )
    if options.note:
        notice(options.note)
    return Perception(assemble(options))
