"""Small files that unpack to gigabytes: each is refused at once, and costs no memory."""

import struct
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np

from test.torture.child import attempt
from test.torture.report import Findings

WHAT = "images, arrays and YAML that unpack to gigabytes"
MOST_MB, MOST_S = 200.0, 15.0
_PATH = "from pathlib import Path"


def _png(side: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    packer, row = zlib.compressobj(9), b"\0" * (3 * side + 1)
    pixels = b"".join(packer.compress(row) for _ in range(min(side, 4000))) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def _jpeg(side: int) -> bytes:
    data = bytearray(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    frame = data.index(b"\xff\xc0") + 5
    data[frame : frame + 4] = struct.pack(">HH", side, side)
    return bytes(data)


def _tiff(side: int) -> bytes:
    data = cv2.imencode(".tiff", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    for tag in (256, 257):
        at = data.index(struct.pack("<H", tag))
        data = data[: at + 2] + struct.pack("<HII", 4, 1, side) + data[at + 12 :]
    return data


def _bmp(side: int) -> bytes:
    data = bytearray(cv2.imencode(".bmp", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    data[18:26] = struct.pack("<ii", side, side)
    return bytes(data)


def _ppm(side: int) -> bytes:
    return f"P6 {side} {side} 255\n".encode() + b"\0" * 100


def _webp(side: int) -> bytes:
    bits = (side - 1) | (side - 1) << 14
    content = b"\x2f" + struct.pack("<I", bits) + b"\0" * 20
    body = b"WEBPVP8L" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _npz(path: Path, shape: tuple[int, ...]) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("values.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_1_0(
            member, {"descr": "<f8", "fortran_order": False, "shape": shape}
        )
        for _ in range(64):
            member.write(b"\0" * (1 << 23))


IMAGES = {
    "JPEG 32000x32000": _jpeg(32_000), "PNG 32000x32000": _png(32_000),
    "PNG 9000x9000": _png(9_000),
    "TIFF 32000x32000": _tiff(32_000), "BMP 20000x20000": _bmp(20_000),
    "PPM 30000x30000": _ppm(30_000), "WebP 16000x16000": _webp(16_000),
}  # fmt: skip


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """Messages, folders of images, npz and YAML."""
    for name, content in IMAGES.items():
        ending = name.split()[0].lower()
        (folder / ending).mkdir(exist_ok=True)
        path = folder / ending / f"1.{ending}"
        path.write_bytes(content)
        _judge(
            findings, f"{name} as a message",
            "from types import SimpleNamespace as Message\nfrom pathlib import Path\n"
            "from approx_perception.datasets.image_messages import ImageDecoder",
            f"ImageDecoder().compressed(Message(format='', data=Path({str(path)!r}).read_bytes()))",
        )  # fmt: skip
        _judge(
            findings, f"{name} in a folder",
            "from approx_perception.datasets import open_source",
            f"assert not list(open_source({str(path.parent)!r}))",
        )  # fmt: skip
    _npz(folder / "large.npz", (1 << 26,))
    _npz(folder / "lying.npz", (1 << 50,))
    _yaml(folder)
    for name in ("large.npz", "lying.npz"):
        _judge(
            findings, name, f"{_PATH}\nfrom approx_perception.files import read_columns",
            f"read_columns(Path({str(folder / name)!r}))",
        )  # fmt: skip
    for name in ("laughs.yaml", "deep.yaml", "self.yaml"):
        _judge(
            findings, name, f"{_PATH}\nfrom approx_perception.branches import read_space_file",
            f"read_space_file(Path({str(folder / name)!r}))",
        )  # fmt: skip


def _yaml(folder: Path) -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, 12):
        before = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} [{before}]")
    (folder / "laughs.yaml").write_text("\n".join([*lines, "shape: *a11"]))
    (folder / "deep.yaml").write_text("shape: " + "[" * 100_000)
    (folder / "self.yaml").write_text("shape: &a [*a]\nsi: &b {c: *b}\n")


def _judge(findings: Findings, name: str, imports: str, call: str) -> None:
    outcome = attempt(imports, call)
    findings.count("tries")
    findings.count(outcome.word)
    if outcome.word == "fault":
        findings.fault(f"{name}: {outcome.text}")
    if outcome.memory_mb > MOST_MB or outcome.took_s > MOST_S:
        findings.fault(f"{name}: {outcome.memory_mb:.0f} MB, {outcome.took_s:.1f} s")
    if len(outcome.text) > 1000:
        findings.fault(f"{name}: a refusal of {len(outcome.text)} characters")
