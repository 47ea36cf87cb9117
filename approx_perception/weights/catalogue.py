"""Networks that are had by name: where their makers or others publish them, and what they are.

Sizes and hashes are those that several users of these files have published, or their model cards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["CATALOGUE", "NamedNetwork"]


@dataclass(frozen=True, slots=True)
class NamedNetwork:
    """A file that is downloaded once.

    Attributes
    ----------
    address
        Where it is, with https.
    licence
        SPDX name.
    convention
        How it gives its boxes; see `detectors.onnx.conventions`.
    px
        Width and height that it is made for.
    ap
        AP of COCO's 80 classes as its makers publish it, 0 to 100.
    size
        In bytes; None where it is not known.
    sha256
        Hexadecimal; empty where it is not known: then the first download counts.
    stated
        What `NAME.network.yaml` must say of it, because the file does not.
    """

    address: str
    licence: str
    convention: str
    px: tuple[int, int]
    ap: float
    size: int | None = None
    sha256: str = ""
    stated: Mapping[str, object] = field(default_factory=dict)


def _yolox(
    name: str, side: int, ap: float, size: int | None = None, sha256: str = ""
) -> NamedNetwork:
    address = (
        f"https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/{name}.onnx"
    )
    return NamedNetwork(address, "Apache-2.0", "yolox", (side, side), ap, size, sha256)


_HUB = "https://huggingface.co"
#: By name.
CATALOGUE: Mapping[str, NamedNetwork] = MappingProxyType(
    {
        "yolox_nano": _yolox(
            "yolox_nano", 416, 25.8, 3_659_407,
            "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
        ),
        "yolox_tiny": _yolox(
            "yolox_tiny", 416, 32.8, 20_219_662,
            "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7",
        ),
        "yolox_s": _yolox(
            "yolox_s", 640, 40.5, 35_858_002,
            "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
        ),
        "yolox_m": _yolox("yolox_m", 640, 47.2),
        "yolox_l": _yolox(
            "yolox_l", 640, 50.1, 216_746_733,
            "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
        ),
        "dfine_n": NamedNetwork(
            f"{_HUB}/AnnotateIt/dfine-nano-coco-onnx/resolve/main/model.onnx",
            "Apache-2.0", "transformers", (640, 640), 42.8, 15_434_935,
            "b0ec2e5793f3a3cbd07440d098645a0e102cd450fb92f4f35e713f36e35d152e",
        ),
        "rtdetr_r18": NamedNetwork(
            f"{_HUB}/AnnotateIt/rtdetr-r18vd-coco-onnx/resolve/main/model.onnx",
            "Apache-2.0", "transformers", (640, 640), 46.5,
            sha256="11843b02455cc24009aed24d4c40db721b1093be5ccd6bbe7b9c441abb1d0558",
        ),
        "rfdetr_nano": NamedNetwork(
            f"{_HUB}/onnx-community/rfdetr_nano-ONNX/resolve/"
            "eae21cee0687a91bcf9fa071605c48d7705d2d91/onnx/model.onnx",
            "Apache-2.0", "transformers", (384, 384), 48.4, 108_074_865,
            "9cbac6b11ce34a03034e4d5a24cfac5f18632fd6761d1311dd640232088d7fee",
            {"size": [384, 384]},
        ),
    }
)  # fmt: skip
