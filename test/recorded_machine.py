"""A machine as `approx-perception profile` would have recorded it, made up in milliseconds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from approx_perception.branches import BranchSpace
from approx_perception.files import Columns
from approx_perception.latency.records import ProfileRecords

SPACE = {
    "name": "tiny", "shape": [96, 160], "nprop": [10], "si": [1, 4],
    "trackers": [{"name": "median_flow", "ds": 2}],
}  # fmt: skip
#: Of detections at each shape, in ms.
DETECTION_MS = (12.0, 30.0)
#: Of records of detections and trackers.
COLUMNS = (
    "part", "before", "level", "round", "image_width", "image_height", "object_count",
    "total_area_px2", "mean_width_px", "mean_height_px", "ms",
)  # fmt: skip


def columns_of(rows: Sequence[Sequence[float]]) -> Columns:
    """Records from rows of `COLUMNS`."""
    return dict(zip(COLUMNS, np.array(rows, float).T, strict=True))


def write_space(folder: Path) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(SPACE))
    return path


def write_records(folder: Path) -> Path:
    """Records of `SPACE`, idle and with one core busy, which doubles everything."""
    rng = np.random.default_rng(0)
    rows = []
    for level in (0, 1):
        for turn in range(10):
            noise = (level + 1) * np.exp(0.05 * rng.standard_normal())
            for part, ms in enumerate(DETECTION_MS):
                rows.append((part, -1, level, turn, 640, 480, 0, 0, 0, 0, ms * noise))
            for count in (1, 6, 20):
                area = 2500.0 * count
                for part, ms in ((2, 0.5), (3, 1.0 + 0.2 * count)):
                    rows.append((part, -1, level, turn, 640, 480, count, area, 50, 50, ms * noise))
    columns = columns_of(rows)
    space = BranchSpace.from_dict(SPACE, "the test's space")
    amounts = {"cpu_share": 1.0, "memory_mb_s": 0.0, "gpu_share": 0.0, "gpu_others": None}
    levels = [{"cpu_cores": cores, "cpu_others": 0.5 * cores, **amounts} for cores in (0, 1)]
    metadata = {"precision": "float32", "space": space.to_dict(), "levels": levels}
    path = folder / "machine.records.json"
    ProfileRecords(metadata, columns, {}).save(path)
    return path
