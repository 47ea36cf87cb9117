"""Sources beside which ground truth is put."""

import cv2
import numpy as np
import pytest


@pytest.fixture
def clip(tmp_path):
    """Folder of two images."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), np.zeros((48, 64, 3), np.uint8))
    return folder


@pytest.fixture
def video(tmp_path):
    """Four frames without files."""
    path = tmp_path / "clip.mjpeg"
    path.write_bytes(b"".join([cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1]] * 4))
    return path
