"""Damaged files of every kind that a user hands over."""

import json
import shutil
from pathlib import Path

import numpy as np

from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.assembly.loading import load_space
from approx_perception.branches import read_space_file
from approx_perception.datasets import open_source
from approx_perception.exceptions import ApproxPerceptionError
from approx_perception.share import share_folder
from test.torture.report import Findings

WHAT = "damaged spaces, profiles, folders and truth"
TRIES = 1500


def _damaged(rng: np.random.Generator, content: bytes) -> bytes:
    data = bytearray(content)
    kind = rng.integers(5)
    if kind == 0:
        return bytes(data[: int(rng.integers(len(data)))])
    if kind == 1:
        at = int(rng.integers(len(data)))
        return bytes(data[:at]) + rng.bytes(50) + bytes(data[at:])
    if kind == 2:
        return b"\xef\xbb\xbf" + bytes(data)
    if kind == 3:
        words = [b"1e999", b"nan", b"-1", b"null", b"[[[", b"2026-99-99", b"&a *a", b"{}", b"''"]
        parts = bytes(data).split(b" ")
        parts[int(rng.integers(len(parts)))] = words[int(rng.integers(len(words)))]
        return b" ".join(parts)
    for _ in range(int(rng.integers(1, 20))):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))
    return bytes(data)


def _sequence(folder: Path) -> None:
    import cv2

    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    for number in range(1, 5):
        cv2.imwrite(str(folder / "img1" / f"{number:06}.jpg"), np.zeros((48, 64, 3), np.uint8))
    rows = [f"{n},1,10,10,20,20,1,1,1.0" for n in range(1, 5)]
    (folder / "gt" / "gt.txt").write_text("\n".join(rows))
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=x\nimDir=img1\nframeRate=30\nseqLength=4\nimWidth=64\nimHeight=48\nimExt=.jpg\n"
    )


def _json_truth(folder: Path) -> None:
    images = [{"id": n, "file_name": f"{n:06}.jpg", "width": 64, "height": 48} for n in range(1, 5)]
    boxes = [
        {"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 30, 20], "track_id": 1}
        for n in range(1, 5)
    ]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "car"}]}
    (folder / "truth.json").write_text(json.dumps(content))


def torture(findings: Findings, seed: int, folder: Path) -> None:
    """Each file is read, or refused with one sentence."""
    rng = np.random.default_rng(seed)
    sequence = folder / "sequence"
    _sequence(sequence)
    _json_truth(folder)
    shipped = share_folder("config") / "spaces" / "faster_rcnn.yaml"
    bundle = next(Path(__file__).parents[2].glob("approx_perception/weights/*.predictors.json"))
    for path in bundle.parent.glob(f"{bundle.name.split('.')[0]}*"):
        if path.suffix in (".json", ".npz"):
            shutil.copy(path, folder)
    truth, images = folder / "truth.json", sequence / "img1"

    def read_sequence(_: Path) -> object:
        return list(open_source(str(sequence)))

    kinds = {
        "space": (shipped, read_space_file),
        "space by name": (shipped, lambda path: load_space(str(path), "faster_rcnn")),
        "profile": (folder / bundle.name, PredictorBundle.load),
        "MOT truth": (sequence / "gt" / "gt.txt", read_sequence),
        "seqinfo": (sequence / "seqinfo.ini", read_sequence),
        "COCO truth": (
            truth, lambda path: list(open_source(str(images), ground_truth=str(path))),
        ),
        "image": (images / "000002.jpg", read_sequence),
    }  # fmt: skip
    for original, read in kinds.values():
        read(original)
        findings.count("kinds")
    for number in range(TRIES):
        name = list(kinds)[number % len(kinds)]
        original, read = kinds[name]
        kept = original.read_bytes()
        path = folder / "damaged.yaml" if original == shipped else original
        path.write_bytes(_damaged(rng, kept))
        try:
            read(path)
            findings.count("read")
        except ApproxPerceptionError as error:
            findings.count("refused")
            if "\n" in str(error) or len(str(error)) > 1500:
                findings.fault(f"{name}: not one short sentence: {error}")
        except Exception as error:
            findings.fault(f"{name}, try {number}: {type(error).__name__}: {error}")
        finally:
            if path == original:
                path.write_bytes(kept)
