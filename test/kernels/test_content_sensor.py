import numpy as np
import pytest

from approx_perception.kernels.content_sensor import ContentSensor
from approx_perception.structures import Detections

SIZE = (640, 480)


def objects(count, side=48.0, score=0.9):
    boxes = np.tile([10.0, 10.0, 10.0 + side, 10.0 + side], (count, 1))
    return Detections.from_arrays(boxes, np.full(count, score), np.zeros(count))


def test_objects_by_hand():
    sensor = ContentSensor()
    found = Detections.concatenate([objects(3), objects(1, side=96.0), objects(2, score=0.1)])
    speeds = np.array([4.8, 4.8, np.nan, 9.6, 100.0, 100.0], np.float32)
    sensor.see_objects(found, speeds, SIZE)
    features = sensor.features
    assert features.object_count == 6
    assert features.total_area_px2 == pytest.approx(5 * 48**2 + 96**2)
    assert features.confident_count == 4
    # Three sides of 48 and one of 96 px: the first quartile is 48 of 480.
    assert features.small_size == pytest.approx(0.1)
    assert features.relative_speed == pytest.approx(0.1)
    assert features.speed_px_per_frame == pytest.approx((4.8 + 4.8 + 9.6) / 3)


def test_motion_is_unknown_until_an_object_was_seen_twice():
    sensor = ContentSensor()
    assert np.isnan(sensor.features.relative_speed)
    sensor.see_objects(objects(2), np.full(2, np.nan, np.float32), SIZE)
    assert np.isnan(sensor.features.relative_speed)
    sensor.see_objects(objects(2), np.full(2, 4.8, np.float32), SIZE)
    assert sensor.features.relative_speed == pytest.approx(0.1)


def test_an_empty_scene_is_known_to_be_empty():
    sensor = ContentSensor()
    assert not sensor.features.is_known
    sensor.see_objects(Detections.empty(), np.zeros(0, np.float32), SIZE)
    assert sensor.features.is_known
    sensor.reset()
    assert not sensor.features.is_known


def test_values_are_smoothed():
    sensor = ContentSensor()
    sensor.see_objects(objects(4), np.zeros(4, np.float32), SIZE)
    sensor.see_objects(objects(8), np.zeros(8, np.float32), SIZE)
    assert sensor.features.object_count == 8
    assert 4 < sensor.features.confident_count < 8


def test_an_empty_scene_keeps_what_was_known_of_its_objects():
    sensor = ContentSensor()
    sensor.see_objects(objects(2), np.full(2, 9.6, np.float32), SIZE)
    for _ in range(60):
        sensor.see_objects(Detections.empty(), np.zeros(0, np.float32), SIZE)
    assert sensor.features.object_count == 0
    assert sensor.features.confident_count < 0.01
    assert sensor.features.small_size == pytest.approx(0.1)
    assert sensor.features.relative_speed == pytest.approx(0.2)


def test_reset():
    sensor = ContentSensor()
    sensor.see_objects(objects(5), np.zeros(5, np.float32), SIZE)
    sensor.reset()
    assert sensor.features.object_count == 0
    assert np.isnan(sensor.features.small_size)
