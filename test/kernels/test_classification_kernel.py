import numpy as np
import pytest

from approx_perception.accuracy.content_model import ConstantAccuracy
from approx_perception.assembly.calibration import calibrate
from approx_perception.branches import ClassifierBranch, ClassifierSpace
from approx_perception.classifiers import ClassifierOptions, ClassifierSettings, load_classifier
from approx_perception.clock import FakeClock
from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels import Batch
from approx_perception.kernels.classification import ClassificationKernel, ClassificationOptions
from approx_perception.kernels.stage_timer import StageTimer
from approx_perception.latency.adaptive_latency import AdaptiveLatency
from approx_perception.pipeline import CameraGroup, Stream
from approx_perception.scheduling import Fastest, MostAccurate, Scheduler
from approx_perception.structures import SLA, Decision, Frame, ImageComplexity
from approx_perception.testing.contracts import KernelContract
from approx_perception.testing.fake_classifier import FakeClassifier, small_classification_kernel

BLUE, GREEN, RED = (255, 0, 0), (0, 255, 0), (0, 0, 255)


class TestClassificationKernel(KernelContract):
    @pytest.fixture
    def kernel(self):
        return small_classification_kernel()


class TestShippedNetwork(KernelContract):
    @pytest.fixture
    def kernel(self):
        classifier = load_classifier("approxnet", ClassifierOptions(device="cpu", num_threads=1))
        return ClassificationKernel(classifier, ClassifierSpace("small", [(80, 1), (112, 4)]))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def kernel(clock):
    return small_classification_kernel(clock)


def halves(left, right, sequence=0, **regions):
    """An image of two colours, side by side."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32], image[:, 32:] = left, right
    return Frame(image, sequence, "camera", sequence, **regions)


def run(state, frame, branch="shape=64,exit=2", batch=None, clock=None):
    state.sense(frame)
    shape, exit_ = (int(item.split("=")[1]) for item in branch.split(","))
    decision = Decision(
        ClassifierBranch(shape, exit_), "classify", True, False, 0.0, 0.0, 0.0, "told"
    )
    timer = StageTimer(clock or FakeClock(), 0.0)
    given = state.run(frame, decision, timer, batch)
    return given.output, given.content, timer


def test_the_whole_image_is_one_region(kernel, clock):
    output, content, timer = run(kernel.state(), halves(RED, RED), clock=clock)
    assert output.class_ids.tolist() == [[2, 0, 1]]
    assert output.scores[0, 0] == pytest.approx(256 / 258)
    assert output.regions.tolist() == [[0, 0, 64, 48]]
    assert output.track_ids.tolist() == [-1]
    assert content == ImageComplexity(0, 1)
    assert timer.parts == ((3, 8.0),)
    assert [part for part, _ in timer.parts] == [3]


def test_a_region_of_interest_and_the_number_of_classes_are_options(kernel):
    state = kernel.state()
    state.options = ClassificationOptions(top_k=2, region=(0.5, 0.0, 1.0, 1.0))
    output, _, _ = run(state, halves(BLUE, GREEN))
    assert output.regions.tolist() == [[32, 0, 64, 48]]
    assert output.class_ids.tolist() == [[1, 0]]


def test_regions_of_a_frame_are_one_batch_and_keep_their_identities(kernel):
    regions = np.array([[0, 0, 32, 48], [32, 0, 64, 48]], np.float32)
    frame = halves(BLUE, RED, regions=regions, region_ids=np.array([7, 9]))
    output, content, _ = run(kernel.state(), frame)
    assert output.class_ids[:, 0].tolist() == [0, 2]
    assert output.track_ids.tolist() == [7, 9]
    assert output.regions.tolist() == regions.tolist()
    assert content.region_count == 2
    assert kernel.classifier.calls == [ClassifierSettings(64, 2)]


def test_a_frame_without_regions_costs_nothing(kernel):
    empty = np.zeros((0, 4), np.float32)
    frame = halves(RED, RED, regions=empty, region_ids=np.zeros(0, np.int64))
    output, content, timer = run(kernel.state(), frame)
    assert len(output) == 0
    assert content == ImageComplexity(-1, 0)
    assert [part for part, _ in timer.parts] == [3]
    assert not kernel.cost_terms(content, (64, 48), (64, 48)).any()
    assert kernel.classifier.calls == []


def test_probabilities_are_averaged_over_frames_until_the_scene_changes(kernel):
    state = kernel.state()
    state.options = ClassificationOptions(smoothing=0.75)
    dim = (0, 0, 20)
    scores = [
        run(state, halves(dim, (0, 0, red), number))[0].scores[0, 0]
        for number, red in enumerate((20, 0, 0))
    ]
    first, then = 21 / 23, 11 / 13
    second = 0.75 * first + 0.25 * then
    assert scores == pytest.approx([first, second, 0.75 * second + 0.25 * then], rel=1e-3)
    output, _, _ = run(state, halves(GREEN, GREEN, 3))
    assert output.scores[0, 0] == pytest.approx(256 / 258)


def test_regions_are_averaged_by_identity(kernel):
    state = kernel.state()
    state.options = ClassificationOptions(smoothing=0.5)
    left, right = [0, 0, 32, 48], [32, 0, 64, 48]

    def seen(number, regions, ids):
        own = np.array(regions, np.float32), np.array(ids)
        return run(state, halves(BLUE, RED, number, regions=own[0], region_ids=own[1]))[0]

    seen(0, [left, right], [7, -1])
    # Seven went to the right; who has no identity is not averaged.
    output = seen(1, [right, left], [7, -1])
    assert output.scores[:, 0] == pytest.approx([0.5, 256 / 258], abs=0.01)


def test_of_a_batch_the_frame_takes_its_own_part(kernel):
    state, frame = kernel.state(), halves(GREEN, GREEN)
    (found,) = kernel.run_together([(state, frame)], 2)
    output, _, timer = run(state, frame, "shape=64,exit=1", Batch(found, 2, 6.0))
    assert output.class_ids[0, 0] == 1
    assert timer.parts == ((2, 3.0),)


def test_cameras_with_regions_of_their_own_share_a_batch(kernel, clock):
    streams = {name: stream_of(kernel, clock) for name in "ab"}
    streams["b"].state.options = ClassificationOptions(region=(0.5, 0.0, 1.0, 1.0))
    group = CameraGroup(streams, {0, 1, 2, 3}, clock)
    results = group.process([(name, halves(BLUE, RED)) for name in "ab"])
    assert [r.output.regions[0, 0] for r in results] == [0.0, 32.0]
    assert results[1].output.class_ids[0, 0] == 2
    assert [r.batch_size for r in results] == [2, 2]


def stream_of(kernel, clock, policy=None):
    model = calibrate(kernel, (64, 48), clock)
    scheduler = Scheduler(
        kernel.space, policy or MostAccurate(),
        AdaptiveLatency(kernel.space, model, kernel.cost_terms),
        ConstantAccuracy(np.array([0.5, 0.6, 0.7, 0.9])),
    )  # fmt: skip
    return Stream(kernel, scheduler, SLA(15.0), clock)


def test_regions_are_expected_to_cost_more(kernel, clock):
    stream = stream_of(kernel, clock)
    one = stream.process(halves(BLUE, RED)).decision
    regions = np.array([[0, 0, 32, 48]] * 4, np.float32)
    ids = np.arange(4)
    four = stream.process(halves(BLUE, RED, 1, regions=regions, region_ids=ids)).decision
    assert str(one.branch) == "shape=64,exit=2"
    assert str(four.branch) == "shape=64,exit=1"
    assert four.expected_ms == pytest.approx(10.0, rel=0.05)
    stream.scheduler.policy = Fastest()
    assert str(stream.process(halves(BLUE, RED, 2)).decision.branch) == "shape=32,exit=1"


def test_replays_are_what_the_branches_publish(kernel):
    frames = [halves(BLUE, RED, 0), halves(RED, RED, 1)]
    replays = [work() for work in kernel.state().replays(frames)]
    assert [replay.main_part for replay in replays] == [0, 1, 2, 3]
    assert len(kernel.classifier.calls) == 8
    for replay in replays:
        assert [content.category for content in replay.contents] == [
            run(kernel.state(), frame)[1].category for frame in frames
        ]
        (own,) = replay.outputs.values()
        branch = str(kernel.space[replay.main_part])
        state = kernel.state()
        for output, frame in zip(own, frames, strict=True):
            expected = run(state, frame, branch)[0]
            np.testing.assert_array_equal(output.scores, expected.scores)


def test_a_space_that_the_classifier_does_not_have_is_refused():
    with pytest.raises(ConfigurationError, match="has no exit 3 at shape 64; choose 1 or 2"):
        ClassificationKernel(FakeClassifier(), ClassifierSpace("other", [(64, 3)]))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"top_k": 0}, "top_k is 0"),
        ({"smoothing": 1.0}, "smoothing is 1.0"),
        ({"smoothing": float("nan")}, "smoothing is nan"),
        ({"region": (0.5, 0.0, 0.5, 1.0)}, r"region is \[0.5, 0.0, 0.5, 1.0\]"),
        ({"region": (0.0, 0.0, 1.0, 1.5)}, "shares of the image"),
    ],
)
def test_options_outside_their_range_are_refused(values, words):
    with pytest.raises(ConfigurationError, match=words):
        ClassificationOptions(**values)
