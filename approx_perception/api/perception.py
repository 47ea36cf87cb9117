"""A network that is open, and its stream of images."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from approx_perception.api.result import Image, Result
from approx_perception.api.words import accepted, is_whole
from approx_perception.assembly import Network
from approx_perception.assembly.options import check_target
from approx_perception.datasets import FrameSource, is_synthetic, open_source
from approx_perception.detectors import malformed_sentence
from approx_perception.exceptions import ConfigurationError, InvalidFrameError, shown
from approx_perception.kernels import Kernel
from approx_perception.notices import notice
from approx_perception.pipeline import Stream
from approx_perception.pipeline.failures import FrameFailures
from approx_perception.structures import SLA, Frame

__all__ = ["Perception", "Source"]

Given = TypeVar("Given")

#: A path, ``synthetic:SCENARIO``, ``camera:NUMBER``, the number of a camera, or BGR images.
Source = str | Path | int | FrameSource | Iterable[Image]


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
        self._kernel: Kernel | None = network.kernel
        self._caution, self._policy = network.kernel.caution, network.options.policy
        self._next = 0
        self._busy = threading.Lock()
        self.class_names = network.kernel.class_names
        self.network = network.kernel.description
        self.branches = tuple(network.space)

    @property
    def sla(self) -> SLA:
        """Latency budget, quantile and scope; set it at any time."""
        return self._open_stream().sla

    @sla.setter
    def sla(self, sla: SLA) -> None:
        if not isinstance(sla, SLA):
            raise ConfigurationError(f"the SLA is {shown(sla)}; give an SLA, or set sla_ms")
        check_target(sla, [self._policy])
        self._open_stream().sla = sla

    @property
    def sla_ms(self) -> float:
        """Latency budget in ms; set it at any time."""
        return self.sla.latency_ms

    @sla_ms.setter
    def sla_ms(self, value: float) -> None:
        self.sla = replace(self.sla, latency_ms=accepted("sla_ms", value))

    def process(self, image: Image, stamp_ns: int | None = None) -> Result:
        """Find what is in the next image of a stream.

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
        frame = _frame(image, self._next, stamp_ns)
        self._next += 1
        return self._processed(frame)

    def follow(
        self, source: Source, *, topic: str | None = None, frames: int | None = None
    ) -> Iterator[Result]:
        """Process all images of a source, one after the other, as a stream of its own.

        An image that cannot be processed is left out, and a notice tells how many were.

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
            If every image failed.
        """
        if frames is not None and not (is_whole(frames) and frames >= 1):
            raise ConfigurationError(f"frames is {shown(frames)}; it must be a whole number from 1")
        frames = None if frames is None else int(frames)
        if is_whole(source):
            source = f"camera:{source}"
        if isinstance(source, (str, Path)):
            source = open_source(str(source), topic, frames)
        if isinstance(source, FrameSource):
            return self._follow(source, frames, lambda entry: entry.frame)
        if not isinstance(source, Iterable):
            raise ConfigurationError(
                f"the source is {shown(source)}; give a path, synthetic:SCENARIO, the number of a "
                "camera or images"
            )
        numbers = count()
        return self._follow(
            source, frames, lambda image: _frame(image, next(numbers), None, "images")
        )

    def reset(self) -> None:
        """Forget all objects: the next image is detected, and identities start anew."""
        self._open_stream().reset()

    def close(self) -> None:
        """Let go of the network; nothing can be processed any more."""
        if self._kernel is not None and self._kernel.malformed_count:
            notice(malformed_sentence(self._kernel.malformed_count, self.network))
        self._stream = self._kernel = None

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

    def _processed(self, frame: Frame) -> Result:
        stream = self._open_stream()
        if self._caution and not is_synthetic(frame.source_id):
            notice(self._caution)
            self._caution = ""
        if not self._busy.acquire(blocking=False):
            raise ConfigurationError(
                "another thread is processing an image; feed one stream from one thread at a time"
            )
        try:
            found = stream.process(frame)
        finally:
            self._busy.release()
        return Result(
            frame.image, frame.stamp_ns, frame.sequence, found.output, self.class_names,
            found.decision, found.timings, found.sla,
        )  # fmt: skip

    def _follow(
        self, given: Iterable[Given], limit: int | None, frame_of: Callable[[Given], Frame]
    ) -> Iterator[Result]:
        self.reset()
        failures = FrameFailures(self.network)
        for each in islice(given, limit):
            result = failures.attempt(lambda own: self._processed(frame_of(own)), each)
            if result is not None:
                yield result
        failures.tell()


def _frame(image: Image, number: int, stamp_ns: int | None, source_id: str = "") -> Frame:
    """A user's image, checked."""
    if not isinstance(image, np.ndarray):
        raise InvalidFrameError(
            f"the image is of type {type(image).__name__}, expected a NumPy array (H, W, 3) of "
            "uint8, BGR"
        )
    stamp_ns = time.time_ns() if stamp_ns is None else stamp_ns
    if not is_whole(stamp_ns):
        raise InvalidFrameError(f"stamp_ns is {shown(stamp_ns)}; it must be whole ns")
    # A view such as image[..., ::-1] has strides that the runtimes do not take.
    return Frame(np.ascontiguousarray(image), int(stamp_ns), source_id, number)
