"""`NAME.network.yaml` beside `NAME.onnx`: what a user says of a file that does not tell it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from approx_perception.detectors.onnx._preparation import Preparation
from approx_perception.detectors.onnx.conventions import CONVENTIONS
from approx_perception.exceptions import WeightsError, choices, one_line, shown
from approx_perception.files import read_yaml_table

__all__ = ["StatedNetwork", "read_stated", "stated_path"]

Number = Annotated[float, Field(allow_inf_nan=False)]
Side = Annotated[int, Field(ge=32, le=4096)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class StatedNetwork(BaseModel):
    """What a user says; what is left out is recognised.

    Attributes
    ----------
    convention
        Name of a `Convention`; empty for what fits.
    colour, scale, mean, deviation, resize, padding, place
        See `Preparation`; None for the convention's own.
    size
        Width and height in px of the one input that a file with free sides is good for.
    class_names
        In the order of class ids.
    """

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True)

    convention: str = ""
    colour: Literal["bgr", "rgb"] | None = None
    scale: Positive | None = None
    mean: tuple[Number, Number, Number] | None = None
    deviation: tuple[Positive, Positive, Positive] | None = None
    resize: Literal["letterbox", "stretch"] | None = None
    padding: Annotated[int, Field(ge=0, le=255)] | None = None
    place: Literal["centre", "top_left"] | None = None
    size: tuple[Side, Side] | None = None
    class_names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    def preparation(self, usual: Preparation) -> Preparation:
        """Return the convention's own preparation but for what is said."""
        said = self.model_dump(exclude={"convention", "class_names", "size"}, exclude_none=True)
        return replace(usual, **said)


def stated_path(weights: Path) -> Path:
    """Where such a file lies."""
    return weights.with_name(f"{weights.stem}.network.yaml")


def read_stated(weights: Path) -> StatedNetwork:
    """Read it, if there is one.

    Raises
    ------
    ApproxPerceptionError
        If it is no table of known keys with values in their ranges.
    """
    path = stated_path(weights)
    # A link to nowhere is there: reading it says so.
    if not os.path.lexists(path):
        return StatedNetwork()
    table = read_yaml_table(path, "network file", "lines such as 'convention: yolox'")
    try:
        stated = StatedNetwork.model_validate(table)
    except ValidationError as error:
        raise WeightsError(f"{path}: {_first_problem(error)}") from error
    names = [each.name for each in CONVENTIONS]
    if stated.convention not in ("", *names):
        raise WeightsError(
            f"{path}: there is no convention {shown(stated.convention)}; choose {choices(names)}"
        )
    return stated


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return f"unknown key {shown(place)}; choose {choices(StatedNetwork.model_fields)}"
    return f"{place} is {shown(problem['input'])}: {one_line(problem['msg'], 200)}"
