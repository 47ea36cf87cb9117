"""Find out by which convention a file gives its boxes, before a camera runs.

Many networks have an input and an output alike. What a file is shows when it runs once: how many
rows it gives for how many cells, and what numbers stand in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from approx_perception.detectors._base import DetectorOptions
from approx_perception.detectors._test_picture import test_picture
from approx_perception.detectors.onnx._file import NetworkFile, file_of
from approx_perception.detectors.onnx._hints import hint, more_than_boxes
from approx_perception.detectors.onnx._preparation import Preparation, Size
from approx_perception.detectors.onnx._stated import StatedNetwork, stated_path
from approx_perception.detectors.onnx.conventions import CONVENTIONS, Convention, Trial
from approx_perception.exceptions import WeightsError, choices, reason_of, shown
from approx_perception.runtimes import open_reference

__all__ = ["RecognisedNetwork", "recognise", "trial_size"]

#: Width and height of the trial where the file leaves them free: a letterbox as any other.
_TRIAL_SIZE = (192, 128)
_RAW = Preparation("bgr", 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class RecognisedNetwork:
    """A file and how it is used.

    Attributes
    ----------
    file
        Opened.
    convention
        How boxes are read.
    preparation
        How images are given.
    metadata
        What the exporter wrote into the file.
    evidence
        What the file takes and gives, and what it gave for a test picture, in words.
    exported_size
        Width and height that the file as it lies there is for; None where its sides are free.
    why_one_shape
        A sentence where its sides cannot change; else empty.
    """

    file: NetworkFile
    convention: Convention
    preparation: Preparation
    metadata: Mapping[str, str]
    evidence: str
    exported_size: Size | None
    why_one_shape: str = ""


def recognise(path: Path, options: DetectorOptions, stated: StatedNetwork) -> RecognisedNetwork:
    """Load a file and run it.

    Raises
    ------
    ConfigurationError
        If the device is not there.
    WeightsError
        If the file is missing, corrupt, or gives what no convention fits; what it gives is told.
    """
    file = _with_size(file_of(open_reference(path, options.for_graphs)), stated)
    size, metadata = trial_size(file), file.metadata
    outputs = _run(file, size, _RAW)
    names = [output.name for output in file.graph.outputs]
    kinds = [output.dtype for output in file.graph.outputs]
    _check_arrays(path, outputs, kinds)
    trial = Trial(path, size, outputs, names, metadata, stated.convention)
    convention = _convention_of(trial, file, stated)
    preparation = stated.preparation(convention.preparation)
    if problem := convention.problem(_run(file, size, preparation), size):
        raise trial.refusal(
            f"it looks like {convention.name}, but {problem}; if it is another, say so in "
            f"{stated_path(path).name} beside it"
        )
    return RecognisedNetwork(
        file, convention, preparation, metadata, f"{file.described()}; {trial.described()}",
        file.fixed_size,
    )  # fmt: skip


def _with_size(file: NetworkFile, stated: StatedNetwork) -> NetworkFile:
    if stated.size is None or stated.size == file.fixed_size:
        return file
    if file.fixed_size is not None:
        columns, rows = file.fixed_size
        raise WeightsError(
            f"{stated_path(file.path).name} says that {file.path} is for "
            f"{stated.size[0]}x{stated.size[1]} px, but it was exported for {columns}x{rows} px"
        )
    return replace(file, fixed_size=stated.size)


def trial_size(file: NetworkFile) -> Size:
    """Width and height of an input to try the file with."""
    if file.fixed_size:
        return file.fixed_size
    return (_TRIAL_SIZE[0], _TRIAL_SIZE[0]) if file.is_square else _TRIAL_SIZE


def _run(file: NetworkFile, size: Size, preparation: Preparation) -> list[Any]:
    try:
        return file.run(test_picture(size), preparation)
    except Exception as error:  # whatever the runtime raises
        shape = next(port.sides for port in file.graph.inputs if port.name == file.image_input)
        hint = ""
        if file.fixed_size is None:
            own = stated_path(file.path).name
            hint = f"; if it is good at one size only, write it into {own}, as 'size: [640, 640]'"
        raise WeightsError(
            f"{file.path} fails on an image of {size[0]}x{size[1]} px, which its input "
            f"{shown(shape)} allows: {shown(reason_of(error))}{hint}"
        ) from error


def _check_arrays(path: Path, outputs: Sequence[Any], kinds: Sequence[str]) -> None:
    for output, kind in zip(outputs, kinds, strict=True):
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
            raise WeightsError(
                f"{path} is no detector that can be used: one of its outputs is no tensor of "
                f"numbers but a {kind}"
            )


def _convention_of(trial: Trial, file: NetworkFile, stated: StatedNetwork) -> Convention:
    if found := more_than_boxes(trial):
        raise trial.refusal(found)
    tried = [each for each in CONVENTIONS if stated.convention in ("", each.name)]
    for kind in tried:
        if (convention := kind.recognise(trial)) is not None:
            return convention
    if stated.convention:
        raise trial.refusal(
            f"{stated_path(trial.path).name} says that it is {stated.convention}, which gives "
            f"{tried[0].expected}, but {trial.described()}"
        )
    raise trial.refusal(
        f"{hint(trial)}{file.described()}; {trial.described()}; if it is "
        f"{choices(each.name for each in CONVENTIONS)}, say so in {stated_path(trial.path).name}"
    )
