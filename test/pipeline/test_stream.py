import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.branches import Branch, BranchSpace, TrackerSettings
from approx_perception.clock import FakeClock
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.exceptions import InferenceError
from approx_perception.kernels.detection import DetectionOptions
from approx_perception.scheduling import Fixed, MostAccurate, Scheduler
from approx_perception.structures import SLA, Detections, Frame
from approx_perception.structures.boxes import iou_matrix
from approx_perception.testing.contracts import textured_image
from approx_perception.testing.fakes import (
    FakeDetector,
    FakeLatency,
    TruthDetector,
    small_space,
    stream_of,
)


def pipeline_of(detector, space, policy, clock=None, **options):
    scheduler = Scheduler(space, policy, FakeLatency(np.arange(len(space))),
                          ConstantAccuracy(np.ones(len(space))))  # fmt: skip
    return stream_of(detector, scheduler, clock, **options)


def blank(sequence=0, size=(48, 64), source="camera"):
    image = np.zeros((*size, 3), np.uint8)
    return Frame(image, 1000 + sequence, source, sequence, decode_ms=2.0)


def one_object(_image, _settings):
    return Detections.from_arrays([[10, 10, 40, 40], [5, 5, 9, 9]], [0.9, 0.1], [0, 1])


def test_detects_then_tracks():
    detector = FakeDetector(one_object)
    space = small_space()
    pipeline = pipeline_of(detector, space, Fixed(space[1]))
    image = textured_image()
    results = [pipeline.process(Frame(image, 1000 + s, "camera", s)) for s in range(9)]
    assert [r.decision.starts_group for r in results] == [s % 4 == 0 for s in range(9)]
    assert len(detector.calls) == 3
    assert all(len(result.detections) >= 1 for result in results)
    assert [r.stamp_ns for r in results] == [1000 + s for s in range(9)]


def test_stages_are_timed_and_add_up():
    clock = FakeClock()
    detector = FakeDetector(one_object, clock, latency_ms=12.0)
    space = small_space()
    pipeline = pipeline_of(detector, space, Fixed(space[0]), clock)
    result = pipeline.process(blank())
    timings = result.timings
    assert timings.decode_ms == 2.0
    assert timings.stages == {"detect": 12.0, "associate": 0.0, "features": 0.0}
    assert (timings.of("detect_ms"), timings.of("track_ms"), timings.of("decode_ms")) == (12, 0, 2)
    assert timings.processing_ms == 14.0
    assert (result.parts, result.overhead_ms) == (((0, 12.0),), 2.0)


def test_parts_of_each_frame_are_those_of_its_kind():
    space = small_space()
    pipeline = pipeline_of(FakeDetector(one_object), space, Fixed(space[1]))
    results = [pipeline.process(Frame(textured_image(), 0, "camera", s)) for s in range(2)]
    names = [[space.compiled.parts[part].name for part, _ in r.parts] for r in results]
    assert names == [
        ["detector setting shape=160", "start of median_flow:1"],
        ["step of median_flow:1"],
    ]
    assert [r.content.object_count for r in results] == [len(r.detections) for r in results]


def test_objects_lost_at_once_end_a_group():
    image = textured_image()
    space = small_space()
    pipeline = pipeline_of(FakeDetector(one_object), space, Fixed(space[1]))
    images = [image, image, np.zeros_like(image)]
    results = [pipeline.process(Frame(each, 0, "camera", s)) for s, each in enumerate(images)]
    assert [r.why_end for r in results] == ["", "", "2 of 2 objects were lost at once"]


def test_score_threshold_is_honoured_at_the_next_frame():
    space = small_space()
    pipeline = pipeline_of(FakeDetector(one_object), space, Fixed(space[0]))
    assert len(pipeline.process(blank(0)).detections) == 2
    pipeline.state.options = DetectionOptions(score_threshold=0.5)
    assert len(pipeline.process(blank(1)).detections) == 1


def test_what_is_published_decides_nothing():
    """A car whose score falls keeps its identity, whatever is published; so do all decisions."""

    def fading(image, _settings):
        score = 0.9 if image[0, 0, 0] < 5 else 0.2
        return Detections.from_arrays([[10, 10, 40, 40]], [score], [0])

    def run(threshold):
        space = small_space()
        pipeline = pipeline_of(
            FakeDetector(fading), space, Fixed(space[0]), score_threshold=threshold
        )
        results = []
        for sequence, light in enumerate([0, 0, 0, 9, 9, 9, 0, 9]):
            frame = blank(sequence)
            frame.image[:] = light
            results.append(pipeline.process(frame))
        return results, pipeline.scheduler.latency.observed

    (evaluated, told), (deployed, told_too) = run(0.05), run(0.3)
    assert [len(r.detections) for r in evaluated] == [1] * 8
    assert [len(r.detections) for r in deployed] == [1, 1, 1, 0, 0, 0, 1, 0]
    identity = evaluated[2].detections.track_ids
    assert identity >= 0
    assert evaluated[7].detections.track_ids == identity
    assert deployed[6].detections.track_ids == identity
    assert [r.content for r in told] == [r.content for r in told_too]
    assert {r.content.object_count for r in told} == {1}


def test_a_threshold_below_the_usual_one_is_honoured():
    space = small_space()
    weak = FakeDetector(lambda *_: Detections.from_arrays([[10, 10, 40, 40]], [0.01], [0]))
    pipeline = pipeline_of(weak, space, Fixed(space[0]), score_threshold=0.0)
    assert len(pipeline.process(blank(0)).detections) == 1


def test_one_object_has_one_class_unless_told():
    def car_and_truck(_image, _settings):
        boxes = [[10, 10, 40, 40], [10, 10, 40, 39], [50, 10, 60, 40]]
        return Detections.from_arrays(boxes, [0.6, 0.7, 0.9], [0, 1, 0])

    space = small_space()
    pipeline = pipeline_of(FakeDetector(car_and_truck), space, Fixed(space[0]))
    assert pipeline.process(blank(0)).detections.class_ids.tolist() == [1, 0]
    pipeline.state.options = DetectionOptions(class_agnostic_iou=1.0)
    assert len(pipeline.process(blank(1)).detections) == 3
    # Who wants cars gets it although it is rather a truck.
    pipeline.state.options = DetectionOptions(class_mask=np.array([True, False]))
    assert pipeline.process(blank(2)).detections.class_ids.tolist() == [0, 0]


def test_change_of_sla_is_honoured_at_the_next_frame():
    space = small_space()
    pipeline = pipeline_of(FakeDetector(one_object), space, MostAccurate())
    pipeline.process(blank(0))
    pipeline.sla = SLA(20.0)
    result = pipeline.process(blank(1))
    assert result.sla == SLA(20.0)
    assert result.decision.starts_group


def test_change_of_resolution_in_a_group_is_survived():
    space = small_space()
    pipeline = pipeline_of(FakeDetector(one_object), space, Fixed(space[1]))
    pipeline.process(blank(0))
    result = pipeline.process(blank(1, size=(96, 128)))
    assert result.decision.starts_group
    assert (result.detections.track_ids == -1).all()


def test_a_frame_that_fails_does_not_spoil_the_next():
    space = small_space()
    fail = [False]

    def find(image, settings):
        if fail[0]:
            raise RuntimeError("out of memory")
        return one_object(image, settings)

    pipeline = pipeline_of(FakeDetector(find), space, Fixed(space[1]))
    pipeline.process(blank(0))
    fail[0] = True
    for sequence in range(1, 4):
        pipeline.process(blank(sequence))
    with pytest.raises(InferenceError, match=r"64x48 px at .*shape=160.*out of memory"):
        pipeline.process(blank(4))
    fail[0] = False
    assert pipeline.process(blank(5)).decision.starts_group


def test_empty_scene():
    space = small_space()
    pipeline = pipeline_of(FakeDetector(lambda *_: Detections.empty()), space, Fixed(space[1]))
    assert [len(pipeline.process(blank(s)).detections) for s in range(6)] == [0] * 6


class TestIdentities:
    """On moving objects with a perfect detector, so that all errors are ours."""

    SPACE = BranchSpace(
        "all", [160, 320], [], [1, 2, 4],
        [TrackerSettings("median_flow", 1), TrackerSettings("median_flow", 2),
         TrackerSettings("dis_flow", 1)],
    )  # fmt: skip

    def identities(self, branches):
        """Identity that each true object had, frame by frame; the branch changes as told."""
        video = SyntheticVideo("calm", "test", 11, 48)
        pipeline = pipeline_of(TruthDetector(video), self.SPACE, Fixed(branches[0]))
        history: dict[int, set[int]] = {}
        present = branches[0]
        for entry in video:
            branch = branches[entry.frame.sequence // 6 % len(branches)]
            if branch != present:
                pipeline.scheduler.policy = Fixed(branch)
                present = branch
            found = pipeline.process(entry.frame).detections
            overlap = iou_matrix(entry.ground_truth.boxes, found.boxes)
            for row, track in enumerate(entry.ground_truth.track_ids):
                if len(found) and overlap[row].max() > 0.5:
                    identity = int(found.track_ids[overlap[row].argmax()])
                    if identity >= 0:
                        history.setdefault(int(track), set()).add(identity)
        return history

    @pytest.mark.parametrize("si", [1, 2, 4])
    def test_one_identity_for_each_object(self, si):
        tracker = ("median_flow", 1) if si > 1 else (None, None)
        history = self.identities([Branch(320, None, si, *tracker)])
        assert history
        assert all(len(identities) == 1 for identities in history.values())

    def test_change_of_branch_changes_no_identity(self):
        branches = [
            Branch(320),
            Branch(160, None, 4, "median_flow", 2),
            Branch(320, None, 2, "dis_flow", 1),
            Branch(320, None, 4, "median_flow", 1),
        ]
        history = self.identities(branches)
        assert history
        assert all(len(identities) == 1 for identities in history.values())
        assert history == self.identities([Branch(320)])


def test_only_wanted_classes_are_kept():
    def two(_image, _settings):
        return Detections.from_arrays([[1, 1, 9, 9], [20, 20, 40, 40]], [0.9, 0.8], [0, 1])

    space = small_space()
    pipeline = pipeline_of(FakeDetector(two), space, Fixed(space[0]))
    pipeline.state.options = DetectionOptions(class_mask=np.array([False, True]))
    assert pipeline.process(blank(0)).detections.class_ids.tolist() == [1]
    pipeline.state.options = DetectionOptions()
    assert pipeline.process(blank(1)).detections.class_ids.tolist() == [0, 1]


def test_reset_starts_identities_and_the_group_anew():
    space = small_space()
    pipeline = pipeline_of(FakeDetector(one_object), space, Fixed(space[1]))
    image = textured_image()
    before = [pipeline.process(Frame(image, s, "camera", s)) for s in range(6)]
    known = before[-1].detections.track_ids.max()
    assert known >= 0
    pipeline.reset()
    after = pipeline.process(Frame(image, 6, "camera", 6))
    assert after.decision.starts_group
    assert (after.detections.track_ids != known).all()


def test_waiting_for_others_is_not_counted():
    clock = FakeClock()
    space = small_space()
    pipeline = pipeline_of(FakeDetector(one_object, clock, 7.0), space, Fixed(space[0]), clock)
    work = pipeline.begin(blank())
    clock.advance_ms(500.0)
    assert pipeline.finish(work).timings.processing_ms == pytest.approx(2.0 + 7.0)
