"""What a file was taken for and why, in words."""

import numpy as np

from approx_perception.detectors.onnx._preparation import Preparation
from approx_perception.detectors.onnx._recognition import RecognisedNetwork
from approx_perception.detectors.onnx._stated import stated_path
from approx_perception.exceptions import shown

__all__ = ["told_of"]

#: Metadata that decide.
_DECIDING = ("task", "names", "stride", "format")


def told_of(network: RecognisedNetwork) -> dict[str, str]:
    """By heading; for humans."""
    convention, preparation = network.convention, network.preparation
    said = {key: network.metadata[key] for key in _DECIDING if key in network.metadata}
    metadata = ", ".join(f"{key}: {shown(text, 60)}" for key, text in said.items())
    recognised = f"{convention.name}: {convention.expected}"
    is_stated = stated_path(network.file.path).exists()
    return {
        "recognised as": "; ".join(filter(None, [recognised, convention.variant])),
        "because": network.evidence,
        "metadata": metadata or "nothing that tells the convention",
        "image": _image(preparation, np.dtype(network.file.dtype).name),
        **({"stated in": stated_path(network.file.path).name} if is_stated else {}),
        "sides": _sides(network),
    }


def _image(how: Preparation, dtype: str) -> str:
    numbers = f"pixel x {how.scale:.4g}"
    if dtype == "uint8":
        numbers = "pixels as they are"
    elif any(how.mean) or set(how.deviation) != {1.0}:
        numbers = f"({numbers} - {list(how.mean)}) / {list(how.deviation)}"
    rest = "stretched"
    if how.resize == "letterbox":
        rest = f"letterbox, {how.place.replace('_', ' ')}, padding {how.padding}"
    return f"{how.colour.upper()} {dtype}, {numbers}, {rest}"


def _sides(network: RecognisedNetwork) -> str:
    if network.file.fixed_size:
        columns, rows = network.file.fixed_size
        return f"{columns}x{rows} px only: {network.why_one_shape}"
    if network.exported_size is None:
        return f"free, as exported, in multiples of {network.convention.multiple} px"
    columns, rows = network.exported_size
    return (
        f"freed: exported for {columns}x{rows} px, its graph gives the same there and a row a cell "
        f"at other sizes; multiples of {network.convention.multiple} px"
    )
