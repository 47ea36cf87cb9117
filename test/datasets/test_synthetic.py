import cv2
import numpy as np
import pytest

from approx_perception.datasets.synthetic import (
    CLASS_NAMES,
    CLIP_SCENARIOS,
    SPLITS,
    SyntheticVideo,
    scenario_names,
    scenario_summaries,
)
from approx_perception.exceptions import DatasetError
from approx_perception.testing.contracts import FrameSourceContract


class TestContract(FrameSourceContract):
    @pytest.fixture
    def source(self):
        return SyntheticVideo("mixed", "val", 1, 16)


def test_enough_classes():
    assert len(CLASS_NAMES) >= 8


@pytest.mark.parametrize("scenario", scenario_names())
def test_frames_are_pure_functions_of_their_index(scenario):
    video, again = (SyntheticVideo(scenario, "test", 4, 60) for _ in range(2))
    later = again.render(59)
    first = video.render(20)
    np.testing.assert_array_equal(first.image, again.render(20).image)
    np.testing.assert_array_equal(later.image, video.render(59).image)
    np.testing.assert_array_equal(first.ground_truth.boxes, again.render(20).ground_truth.boxes)


def test_seeds_and_splits_differ():
    images = [
        SyntheticVideo("crowd", split, seed, 2).render(0).image.tobytes()
        for split in SPLITS
        for seed in range(3)
    ]
    assert len(set(images)) == len(images)


def test_boxes_are_exact():
    """Against the picture itself: the same scene with and without its objects."""
    video = SyntheticVideo("calm", "test", 3, 2)
    rendered = video.render(0)
    scene = video._scenes[0]
    empty = SyntheticVideo("calm", "test", 3, 2)
    empty._scenes[0].class_ids = scene.class_ids[:0]
    empty._scenes[0].sprite_draws = scene.sprite_draws[:0]
    changed = np.abs(
        rendered.image.astype(int) - empty.render(0).image.astype(int)
    ).max(axis=2) > 12  # fmt: skip
    inside = np.zeros_like(changed)
    for x1, y1, x2, y2 in rendered.ground_truth.boxes:
        inside[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = True
        box = changed[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))]
        rows, columns = np.flatnonzero(box.any(axis=1)), np.flatnonzero(box.any(axis=0))
        # The outermost changed pixels touch the box to within soft edges and motion blur.
        assert rows[0] <= 3
        assert columns[0] <= 3
        assert box.shape[0] - rows[-1] <= 4
        assert box.shape[1] - columns[-1] <= 4
    assert (changed & ~inside).mean() < 0.001


def test_content_axes_are_real():
    def content(scenario):
        videos = [SyntheticVideo(scenario, "val", seed, 4) for seed in range(4)]
        frames = [(v.render(0).ground_truth, v.render(1).ground_truth) for v in videos]
        counts = [len(a) for a, _ in frames]
        sides = np.concatenate([a.boxes[:, 2:] - a.boxes[:, :2] for a, _ in frames])
        sizes = np.sqrt(sides.prod(axis=1))
        speeds = []
        for a, b in frames:
            for row, track in enumerate(a.track_ids):
                match = np.flatnonzero(b.track_ids == track)
                if len(match):
                    step = b.boxes[match[0]] - a.boxes[row]
                    speeds.append(np.hypot(step[:2] + step[2:], 0).max() / 2)
        return np.mean(counts), np.median(sizes), np.median(speeds)

    calm, crowd, distant, race = (content(s) for s in ("calm", "crowd", "distant", "race"))
    assert crowd[0] > 3 * calm[0]
    assert distant[1] < calm[1] / 3
    assert race[2] > 4 * calm[2]


def test_hidden_objects_are_ignored_not_missed():
    ignored = [
        SyntheticVideo("crowd", "val", seed, 2).render(0).ground_truth.ignored for seed in range(6)
    ]
    share = np.concatenate(ignored).mean()
    assert 0 < share < 0.4


def test_any_size():
    rendered = SyntheticVideo("calm", "val", 0, 1, width=97, height=61).render(0)
    assert rendered.image.shape == (61, 97, 3)


def test_unknown_names_are_refused_with_the_known():
    with pytest.raises(DatasetError, match="no synthetic scenario 'jam'; choose 'calm'"):
        SyntheticVideo("jam")
    with pytest.raises(DatasetError, match="no split 'dev'; choose 'train', 'val' or 'test'"):
        SyntheticVideo("calm", "dev")
    with pytest.raises(DatasetError, match="frame_count is 0"):
        SyntheticVideo("calm", frame_count=0)


def test_scenarios_say_what_they_show():
    assert tuple(scenario_summaries()) == scenario_names()
    assert all(scenario_summaries().values())


@pytest.mark.parametrize("scenario", CLIP_SCENARIOS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_label_is_the_dominant_objects(scenario, split):
    for seed in range(3):
        video = SyntheticVideo(scenario, split, seed, 80, width=320, height=240)
        for index in (0, 17, 43, 79):
            truth, scene = video.render(index).ground_truth, video._scenes[index // 10]
            assert truth.label == scene.class_ids[scene.dominant]
            areas = (truth.boxes[:, 2:] - truth.boxes[:, :2]).prod(axis=1)
            dominant = truth.track_ids % 1000 - 1 == scene.dominant
            assert areas[dominant][0] == areas.max()
            assert areas[~dominant].max(initial=0) < 0.75 * areas.max()
            assert not truth.ignored[dominant][0]


def test_harder_clips_show_smaller_objects_among_more():
    def content(scenario):
        frames = [SyntheticVideo(scenario, "val", seed, 8).render(0) for seed in range(6)]
        truths = [frame.ground_truth for frame in frames]
        areas = [(t.boxes[:, 2:] - t.boxes[:, :2]).prod(axis=1).max() for t in truths]
        small = [cv2.resize(f.image, (80, 60), interpolation=cv2.INTER_AREA) for f in frames]
        texture = [np.abs(np.diff(image.astype(int), axis=1)).mean() for image in small]
        return -np.median(areas), np.mean([len(t) for t in truths]), np.mean(texture)

    easy, fair, busy, hard = (content(scenario) for scenario in CLIP_SCENARIOS)
    for less, more in ((easy, fair), (fair, busy), (busy, hard)):
        assert all(a < b for a, b in zip(less, more, strict=True))
