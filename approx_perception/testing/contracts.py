"""What kernels, networks, trackers and sources must do: subclass, give a fixture, run pytest."""

import cv2
import numpy as np
import numpy.typing as npt

from approx_perception.classifiers import Classifier
from approx_perception.clock import MonotonicClock
from approx_perception.datasets import FrameSource
from approx_perception.detectors import Detector, DetectorSettings
from approx_perception.kernels import Kernel
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.structures import COMPLEXITY_CATEGORIES, Decision, Detections, Frame
from approx_perception.trackers import Tracker

__all__ = [
    "ClassifierContract",
    "DetectorContract",
    "FrameSourceContract",
    "KernelContract",
    "TrackerContract",
]

Image = npt.NDArray[np.uint8]


def textured_image(width: int = 320, height: int = 240, seed: int = 0) -> Image:
    """Smooth random texture that every tracker can hold on to."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((height // 16, width // 16, 3), np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(255 * image, 0, 255), np.uint8)


class DetectorContract:
    """Give the fixtures ``detector`` and ``settings`` (two different ones it accepts)."""

    def test_result_is_well_formed(
        self, detector: Detector, settings: tuple[DetectorSettings, DetectorSettings]
    ) -> None:
        """Arrays fit each other, scores fall, classes are known, nobody has an identity."""
        for choice in settings:
            found = detector.detect(textured_image(), choice)
            assert found.boxes.shape == (len(found), 4)
            assert found.boxes.dtype == np.float32
            assert (np.diff(found.scores) <= 1e-6).all()
            assert ((found.scores >= 0) & (found.scores <= 1)).all()
            assert ((found.class_ids >= 0) & (found.class_ids < len(detector.class_names))).all()
            assert (found.track_ids == -1).all()

    def test_branches_do_not_disturb_each_other(
        self, detector: Detector, settings: tuple[DetectorSettings, DetectorSettings]
    ) -> None:
        """The same knobs give the same result whatever ran between."""
        image = textured_image()
        first = detector.detect(image, settings[0])
        detector.detect(image, settings[1])
        again = detector.detect(image, settings[0])
        np.testing.assert_allclose(first.boxes, again.boxes, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(first.scores, again.scores, rtol=1e-4, atol=1e-5)

    def test_image_is_not_written_to(
        self, detector: Detector, settings: tuple[DetectorSettings, DetectorSettings]
    ) -> None:
        """A read-only image is fine."""
        image = textured_image()
        image.setflags(write=False)
        detector.detect(image, settings[0])

    def test_any_image_size(
        self, detector: Detector, settings: tuple[DetectorSettings, DetectorSettings]
    ) -> None:
        """Tiny, odd and long images are survived."""
        for width, height in ((1, 1), (33, 17), (640, 40), (40, 640)):
            image = np.zeros((height, width, 3), np.uint8)
            assert detector.detect(image, settings[0]).boxes.shape[1] == 4


class ClassifierContract:
    """Give the fixture ``classifier``."""

    #: The whole image, a part, and one that leaves the image.
    REGIONS = np.array([[0, 0, 320, 240], [40, 30, 120, 90], [250, 200, 400, 300]], np.float32)

    def test_says_what_it_can_do(self, classifier: Classifier) -> None:
        """Pairs are valid and apart, bounds of complexity rise, weights take memory."""
        assert len(set(classifier.pairs)) == len(classifier.pairs) > 0
        for pair in classifier.pairs:
            classifier.check_settings(pair)
        assert classifier.complexity_edges.shape == (COMPLEXITY_CATEGORIES - 1,)
        assert (np.diff(classifier.complexity_edges) > 0).all()
        assert classifier.memory_bytes > 0
        assert classifier.fingerprint

    def test_every_pair_gives_probabilities(self, classifier: Classifier) -> None:
        """A row a region, a column a class; rows sum to 1; no region, no row."""
        image = textured_image()
        image.setflags(write=False)
        for pair in classifier.pairs:
            found = classifier.classify(image, self.REGIONS, pair)
            assert found.shape == (3, len(classifier.class_names))
            assert found.dtype == np.float32
            assert (found >= 0).all()
            np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
            assert classifier.classify(image, self.REGIONS[:0], pair).shape[0] == 0

    def test_a_batch_is_the_same_as_each_alone(self, classifier: Classifier) -> None:
        """Of regions of one image, and of images of several sizes."""
        images = [textured_image(), textured_image(160, 320, 1), textured_image(seed=2)]
        regions = [self.REGIONS, self.REGIONS[:0], self.REGIONS[1:]]
        for pair in (classifier.pairs[0], classifier.pairs[-1]):
            together = classifier.classify_together(images, regions, pair)
            for image, each, given in zip(images, regions, together, strict=True):
                assert len(given) == len(each)
                for row, region in enumerate(each):
                    alone = classifier.classify(image, region[None], pair)[0]
                    np.testing.assert_allclose(given[row], alone, atol=1e-5)

    def test_branches_do_not_disturb_each_other(self, classifier: Classifier) -> None:
        """The same knobs give the same result whatever ran between."""
        image, pairs = textured_image(), classifier.pairs
        first = [classifier.classify(image, self.REGIONS, pair) for pair in pairs]
        again = [classifier.classify(image, self.REGIONS, pair) for pair in reversed(pairs)]
        for one, other in zip(first, reversed(again), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)

    def test_any_image_size(self, classifier: Classifier) -> None:
        """Tiny and long images are survived."""
        for width, height in ((1, 1), (33, 17), (640, 2), (3, 640)):
            image = np.zeros((height, width, 3), np.uint8)
            assert len(classifier.classify(image, self.REGIONS, classifier.pairs[0])) == 3


class TrackerContract:
    """Give the fixtures ``tracker`` (fresh) and ``tolerance_px``."""

    def test_follows_several_objects(self, tracker: Tracker, tolerance_px: float) -> None:
        """All objects of a shifting image are moved in one call, classes and ids kept."""
        image = textured_image()
        boxes = np.array([[60, 60, 120, 120], [160, 80, 230, 150]], np.float32)
        tracker.initialize(image, Detections.from_arrays(boxes, [0.9, 0.8], [1, 0], [7, 8]))
        for step in (1, 2, 3):
            shift = np.array([4.0, 3.0], np.float32) * step
            moved = np.roll(image, (int(shift[1]), int(shift[0])), (0, 1))
            update = tracker.update(moved)
            assert not update.lost.any()
            expected = boxes + np.tile(shift, 2)
            np.testing.assert_allclose(update.detections.boxes, expected, atol=tolerance_px)
            assert update.detections.class_ids.tolist() == [1, 0]
            assert update.detections.track_ids.tolist() == [7, 8]
            assert update.detections.ages.tolist() == [step, step]

    def test_no_objects(self, tracker: Tracker) -> None:
        """Nothing to follow is fine."""
        tracker.initialize(textured_image(), Detections.empty())
        update = tracker.update(textured_image())
        assert len(update.detections) == 0
        assert update.lost.shape == (0,)

    def test_object_that_leaves_is_lost_for_good(self, tracker: Tracker) -> None:
        """An object shifted out of the image is reported lost and does not come back."""
        image = textured_image()
        tracker.initialize(image, Detections.from_arrays([[276, 90, 316, 150]], [0.9], [0]))
        lost = []
        for step in range(1, 9):
            lost.append(bool(tracker.update(np.roll(image, 9 * step, 1)).lost[0]))
        assert lost[-1]
        assert lost == sorted(lost)

    def test_boxes_at_and_beyond_the_edge(self, tracker: Tracker) -> None:
        """Boxes partly or wholly outside, or without extent, are survived; others go on."""
        boxes = [[-20, -20, 40, 40], [500, 500, 520, 530], [60, 60, 60, 60], [100, 80, 160, 140]]
        tracker.initialize(textured_image(), Detections.from_arrays(boxes, np.ones(4), np.zeros(4)))
        update = tracker.update(textured_image())
        assert update.lost[1:3].all()
        assert not update.lost[3]

    def test_objects_that_cannot_be_followed_are_lost_alone(self, tracker: Tracker) -> None:
        """Long, tiny, huge and broken boxes leave one in the middle alone."""
        image = textured_image(512, 256)
        nan, inf = float("nan"), float("inf")
        boxes: list[list[float]] = [
            [8, 120, 504, 130], [250, 4, 258, 252], [8, 8, 504, 12], [100, 100, 101, 101],
            [80, 80, 80, 120], [90, 60, 40, 20], [-600, -300, 900, 700], [-1e30, -1e30, 1e30, 1e30],
            [3e38, 0, 3.1e38, 9], [nan, nan, nan, nan], [0, 0, inf, 9], [508, 4, 512, 256],
            [-90, 20, -10, 60], [100, 300, 160, 400], [100, 80, 160, 140],
        ]  # fmt: skip
        count = len(boxes)
        tracker.initialize(image, Detections.from_arrays(boxes, np.ones(count), np.zeros(count)))
        for _ in range(2):
            update = tracker.update(image)
            assert len(update.detections) == len(update.lost) == count
            assert not update.lost[-1]
            assert update.lost[3:6].all()
            assert update.lost[7:11].all()
            assert update.lost[12:14].all()
            assert np.isfinite(update.detections.boxes[~update.lost]).all()

    def test_tiny_images(self, tracker: Tracker) -> None:
        """Images of any size are survived; what is in them may be lost."""
        for width, height in [
            *((side, side) for side in range(1, 18)),
            (1, 64),
            (64, 11),
            (500, 18),
            (12, 64),
        ]:
            image = cv2.resize(textured_image(), (width, height))
            boxes = [[0, 0, width, height], [1, 1, 9, 9], [-5, -5, 40, 40]]
            tracker.initialize(image, Detections.from_arrays(boxes, np.ones(3), np.zeros(3)))
            for _ in range(2):
                assert len(tracker.update(image).detections) == 3

    def test_a_crowd(self, tracker: Tracker) -> None:
        """Three hundred objects are one call as well."""
        low = np.random.default_rng(0).uniform(0, [280, 200], (300, 2))
        boxes = np.concatenate([low, low + 24], axis=1)
        tracker.initialize(
            textured_image(), Detections.from_arrays(boxes, np.ones(300), np.zeros(300))
        )
        update = tracker.update(textured_image())
        assert update.lost.shape == (300,)
        assert np.isfinite(update.detections.boxes).all()

    def test_can_start_over(self, tracker: Tracker) -> None:
        """A second initialisation forgets the first."""
        first = Detections.from_arrays([[60, 60, 120, 120]], [0.9], [0], [1])
        second = Detections.from_arrays(
            [[100, 80, 160, 140], [20, 20, 80, 80]], [0.9, 0.8], [1, 1], [5, 6]
        )
        tracker.initialize(textured_image(), first)
        tracker.initialize(textured_image(), second)
        assert tracker.update(textured_image()).detections.track_ids.tolist() == [5, 6]


class FrameSourceContract:
    """Give the fixture ``source``."""

    def test_frames_are_in_order_and_counted(self, source: FrameSource) -> None:
        """Sequence numbers run from 0, stamps rise, the count is right."""
        frames = [entry.frame for entry in source]
        assert [frame.sequence for frame in frames] == list(range(source.frame_count))
        stamps = [frame.stamp_ns for frame in frames]
        assert stamps == sorted(set(stamps))
        assert source.fps > 0

    def test_can_be_read_again(self, source: FrameSource) -> None:
        """A second iteration gives the same images."""
        first, second = (next(iter(source)).frame.image for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_ground_truth_is_named(self, source: FrameSource) -> None:
        """Class ids of ground truth have names."""
        for entry in source:
            if entry.ground_truth is not None and len(entry.ground_truth):
                assert entry.ground_truth.class_ids.max() < len(source.class_names)


class KernelContract:
    """Give the fixture ``kernel``."""

    def test_every_branch_runs_the_parts_of_its_group(self, kernel: Kernel) -> None:
        """Each frame is timed part by part, and the image is not written to."""
        state, compiled = kernel.state(), kernel.space.compiled
        image = textured_image()
        image.setflags(write=False)
        for index, branch in enumerate(kernel.space):
            for position in range(int(compiled.group_frames[index])):
                kind = compiled.kind_at(index, position)
                frame = Frame(image, position, "camera", position)
                timer = StageTimer(MonotonicClock(), 0.0)
                content = state.sense(frame)
                assert isinstance(content, kernel.cost_terms.content_type)
                decision = Decision(
                    branch, compiled.kinds[kind], position == 0, False, 0.0, 0.0, 0.0, ""
                )
                given = state.run(frame, decision, timer)
                assert tuple(part for part, _ in timer.parts) == compiled.parts_of(index, kind)
                assert all(ms >= 0 for _, ms in timer.parts)
                assert timer.latest_part is None or timer.latest_part < len(compiled.parts)
                assert given.content.is_known
                assert not given.why_end

    def test_what_is_known_is_forgotten_at_a_reset(self, kernel: Kernel) -> None:
        """After a reset a state is like a new one; states are apart from each other."""
        state, other = kernel.state(), kernel.state()
        frame = Frame(textured_image(), 0, "camera", 0)
        # As text, for nan is not itself.
        new = str(state.sense(frame))
        decision = Decision(
            kernel.space[0], kernel.space.compiled.kinds[0], True, False, 0.0, 0.0, 0.0, ""
        )
        state.run(frame, decision, StageTimer(MonotonicClock(), 0.0))
        assert state.sense(frame).is_known
        assert str(other.sense(frame)) == new
        state.reset()
        assert str(state.sense(frame)) == new

    def test_costs_are_sums_of_terms_of_every_part(self, kernel: Kernel) -> None:
        """A row a part, a column a name, all finite and none below 0."""
        terms = kernel.cost_terms
        given = terms(terms.content_type(), (640, 480), (320, 240))
        assert given.shape == (len(kernel.space.compiled.parts), len(terms.names))
        assert np.isfinite(given).all()
        assert (given >= 0).all()

    def test_every_part_is_tried(self, kernel: Kernel) -> None:
        """Trials run, and all parts cost something."""
        trials = list(kernel.trials([textured_image(seed=0), textured_image(seed=1)]))
        for trial in trials:
            trial.prepare()
            trial.run()
            assert trial.image_size == (320, 240)
            terms = kernel.cost_terms(trial.content, trial.image_size, trial.image_size)
            assert terms[trial.part].any()
        assert {trial.part for trial in trials} == set(range(len(kernel.space.compiled.parts)))

    def test_a_batch_gives_something_for_each_image(self, kernel: Kernel) -> None:
        """Of every part that can run for several cameras together."""
        frames = [
            (kernel.state(), Frame(textured_image(seed=seed), 0, f"camera {seed}"))
            for seed in (0, 1, 2)
        ]
        for part in kernel.batched_parts:
            assert len(kernel.run_together(frames, part)) == 3
