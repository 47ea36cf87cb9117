"""Detections: AP50, COCO's precision, identities."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.datasets.class_map import ClassMap
from approx_perception.files import Columns
from approx_perception.metrics.average_precision import (
    FrameMatch,
    match_frame,
    mean_ap50,
    mean_ap50_of_draws,
    pooled_ap50,
)
from approx_perception.metrics.coco_precision import coco_average_precision
from approx_perception.metrics.identity import identity_scores, missing_library, unusable_identities
from approx_perception.metrics.motion import MOTIONS, Motion, motion_ious, only_motion
from approx_perception.metrics.run_record import RunRecord
from approx_perception.metrics.scoring._base import Scoring
from approx_perception.metrics.streaming import streamed
from approx_perception.structures import Detections, GroundTruth
from approx_perception.structures.columns import PartsView

__all__ = ["DetectionScoring"]


_COLUMNS: dict[str, Any] = {
    "boxes": (np.float32, 4), "scores": np.float32, "class_ids": np.int64, "track_ids": np.int64,
    "ages": np.int64,
}  # fmt: skip
_FIGURES = {
    "ap50": "AP at IoU 0.5, all-point, mean over classes, on the frames that were processed",
    **{
        f"ap50_{motion}": f"AP50 of objects of {motion} motion (ImageNet VID)" for motion in MOTIONS
    },
    "sap50": "streaming AP50: at each frame's time, the newest output that was out by then",
    "sap50_forecast": "the same, with boxes carried by their motion to the time of publishing",
    "coco_ap": "COCO AP, IoU 0.5 to 0.95, 101 points",
    "coco_ap50": "COCO AP at IoU 0.5, 101 points",
    "coco_ap75": "COCO AP at IoU 0.75, 101 points",
    "coco_ap_small": "COCO AP of objects below 32 x 32 px",
    "coco_ap_medium": "COCO AP of objects below 96 x 96 px",
    "coco_ap_large": "COCO AP of larger objects",
    "hota": "HOTA, all classes",
    "det_a": "detection part of HOTA",
    "ass_a": "association part of HOTA",
    "idf1": "IDF1 at IoU 0.5",
    "mota": "MOTA at IoU 0.5",
    "id_switches": "objects that were given another identity",
}


class DetectionScoring(Scoring):
    """See `Scoring`."""

    task = "detection"
    measure = "ap50"
    measure_name = "AP50"
    stages = (
        "decode_ms", "schedule_ms", "detect_ms", "track_ms", "associate_ms", "initialize_ms",
        "features_ms",
    )  # fmt: skip
    found_columns = _COLUMNS
    figures = _FIGURES
    headlines = ("ap50", "sap50", "sap50_forecast", "hota", "idf1")
    columns = MappingProxyType({"hota": "HOTA"})
    in_empty_frames = "what is found there counts as wrong"

    def columns_of(self, output: Detections) -> Columns:
        """See `Scoring`."""
        return {name: getattr(output, name) for name in self.found_columns}

    def output_of(self, columns: Columns) -> Detections:
        """See `Scoring`."""
        return Detections(**columns)

    def empty(self) -> Detections:
        """See `Scoring`."""
        return Detections.empty()

    def mapped(self, output: Detections, class_map: ClassMap) -> Detections:
        """See `Scoring`; objects of classes that the truth does not know are left out."""
        return class_map.apply(output)

    def match(self, output: Detections, truth: GroundTruth) -> FrameMatch:
        """See `Scoring`."""
        return match_frame(output, truth)

    def mean(self, matches: Iterable[FrameMatch], class_count: int) -> float:
        """See `Scoring`."""
        return mean_ap50(matches, class_count).mean

    def mean_of_draws(
        self, matches: Sequence[FrameMatch], class_count: int, counts: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float64]:
        """See `Scoring`."""
        return mean_ap50_of_draws(matches, class_count, counts)

    def pooled(self, matches: Iterable[FrameMatch]) -> float:
        """See `Scoring`; the detections of all classes are one list."""
        return pooled_ap50(matches)

    def figures_of(self, records: Sequence[RunRecord]) -> dict[str, float]:
        """See `Scoring`."""
        return _accuracy(records) | _streaming(records) | _identity(records)

    def why_nothing_is_right(self, records: Sequence[RunRecord]) -> str:
        """See `Scoring`."""
        if any(len(found) for record in records for _, found, _ in record.scored()):
            return "nothing that was found is in the ground truth; is it of these images?"
        return "nothing was found"

    def how(self, record: RunRecord) -> str:
        """See `Scoring`."""
        return f"all-point, scores from {record.metadata['score_floor']:g}"

    def truth_warnings(self, record: RunRecord, name: str) -> list[str]:
        """See `Scoring`; of identities."""
        without, shared = unusable_identities(record)
        nothing = "so HOTA, IDF1 and MOTA are null"
        texts = []
        if without:
            texts.append(f"{without} objects of {name} have no identity, {nothing}")
        if shared:
            texts.append(
                f"{shared} objects of {name} have an identity that another one of their frame and "
                f"class has, {nothing}"
            )
        return texts

    def missing_figures(self) -> str:
        """See `Scoring`."""
        return missing_library()


def _accuracy(records: Sequence[RunRecord]) -> dict[str, float]:
    class_count = len(records[0].class_names) if records else 0
    every = (match for record in records for match in record.matches())
    values = {"ap50": mean_ap50(every, class_count).mean}
    ious = [motion_ious(truth for _, _, truth in record.scored()) for record in records]
    for motion in MOTIONS:
        matches = _matches_of(motion, records, ious)
        values[f"ap50_{motion}"] = mean_ap50(matches, class_count).mean
    if not any(bool(record.frames["has_truth"].any()) for record in records):
        return values
    coco = coco_average_precision(records)
    names = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
    return values | {
        f"coco_{name}": value for name, value in zip(names, asdict(coco).values(), strict=True)
    }


def _matches_of(
    motion: Motion, records: Sequence[RunRecord], ious: Sequence[PartsView]
) -> Iterator[FrameMatch]:
    """Each scored frame compared with what moves so in its truth."""
    for record, own in zip(records, ious, strict=True):
        for (_, found, truth), of_frame in zip(record.scored(), own, strict=True):
            yield match_frame(found, only_motion(truth, of_frame, motion))


def _streaming(records: Sequence[RunRecord]) -> dict[str, float]:
    if not records or not all(record.metadata.get("has_time") for record in records):
        return {}
    class_count = len(records[0].class_names)
    matches = (match_frame(*pair) for record in records for pair in streamed(record))
    figures = {"sap50": mean_ap50(matches, class_count).mean}
    if _have_identities(records):
        # Only here: help must not wait for SciPy and OpenCV.
        from approx_perception.metrics.scoring.carried import carried_to_publishing

        carried = (
            match_frame(*pair)
            for record in records
            for pair in streamed(record, dict(carried_to_publishing(record)))
        )
        figures["sap50_forecast"] = mean_ap50(carried, class_count).mean
    return figures


def _have_identities(records: Sequence[RunRecord]) -> bool:
    """Whether outputs tell identities: what is known only afterwards does not."""
    return all(record.metadata.get("has_identities", True) for record in records)


def _identity(records: Sequence[RunRecord]) -> dict[str, float]:
    if not any(bool(record.frames["has_truth"].any()) for record in records):
        return {}
    if not _have_identities(records):
        return {}
    # One object or many: nobody knows.
    if any(any(unusable_identities(record)) for record in records):
        return {}
    if missing_library():
        return {}
    return {name: float(value) for name, value in asdict(identity_scores(records)).items()}
