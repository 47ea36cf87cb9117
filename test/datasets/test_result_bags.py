"""Bags that we write, read by the libraries of others, and bags of others, read by us."""

import numpy as np
import pytest
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from approx_perception.branches import Branch
from approx_perception.datasets import open_source
from approx_perception.datasets.bag_types import typestore_with_ours
from approx_perception.datasets.bag_writer import ResultBag, write_bag
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.exceptions import DatasetError
from approx_perception.structures import SLA, Decision, Detections, FrameResult, StageTimings

TOPICS = {
    "/detections": "approx_perception/msg/DetectionArray",
    "/decision": "approx_perception/msg/SchedulerDecision",
    "/debug_image/compressed": "sensor_msgs/msg/CompressedImage",
}


def result(index, run_detector=True):
    decision = Decision(
        Branch(160),
        "detect" if run_detector else "track",
        run_detector,
        False,
        10.0,
        12.0,
        0.5,
        "because it fits",
    )
    boxes = Detections.from_arrays([[10, 20, 30, 60]], [0.75], [1])
    found = Detections(boxes.boxes, boxes.scores, boxes.class_ids, np.array([3]), np.array([index]))
    timings = StageTimings(processing_ms=20.0 + index)
    return FrameResult(index * 100_000_000, "camera", index, found, decision, SLA(50.0), timings)


@pytest.fixture
def bag(tmp_path):
    with ResultBag(tmp_path / "results", ("cat", "dog")) as made:
        for index in range(3):
            made.write(result(index, index == 0), np.full((48, 64, 3), 50 * index, np.uint8))
    return tmp_path / "results"


def test_the_mcap_library_reads_it(bag):
    with (bag / "results.mcap").open("rb") as file:
        reader = make_reader(file)
        summary = reader.get_summary()
        kinds = {c.topic: summary.schemas[c.schema_id].name for c in summary.channels.values()}
        assert kinds == TOPICS
        times = [message.log_time for _, _, message in reader.iter_messages(topics=["/decision"])]
    # When each was out: its stamp and what it took.
    assert times == [20_000_000, 121_000_000, 222_000_000]
    assert all("float" in summary.schemas[i].data.decode() for i in (1, 2))


def test_rosbags_reads_it(bag):
    with AnyReader([bag], default_typestore=typestore_with_ours()) as reader:
        messages = {topic: [] for topic in TOPICS}
        for connection, _, raw in reader.messages():
            messages[connection.topic].append(reader.deserialize(raw, connection.msgtype))
    detection = messages["/detections"][2].detections[0]
    assert (detection.class_id, detection.track_id, detection.score) == ("dog", 3, 0.75)
    assert (detection.center_x, detection.center_y) == (20, 40)
    assert (detection.size_x, detection.size_y, detection.source) == (20, 40, 1)
    assert messages["/detections"][2].age_ms == 22.0
    decision = messages["/decision"][2]
    assert decision.reason == "because it fits"
    assert decision.group_processing_ms.tolist() == [20.0, 21.0, 22.0]
    assert len(messages["/debug_image/compressed"]) == 3


def test_its_images_and_detections_are_a_source(bag):
    entries = list(open_source(str(bag), ground_truth="/detections"))
    assert [round(float(entry.frame.image.mean())) for entry in entries] == [0, 50, 100]
    assert entries[1].ground_truth.boxes.tolist() == [[10, 20, 30, 60]]


def test_it_is_not_written_over(bag):
    with pytest.raises(DatasetError, match="cannot write the bag"):
        ResultBag(bag, ())


def vision_store():
    """Messages of vision_msgs 4, as a ROS distribution has them."""
    store = get_typestore(Stores.ROS2_JAZZY)
    definitions = {
        "Point2D": "float64 x\nfloat64 y",
        "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
        "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
        "ObjectHypothesis": "string class_id\nfloat64 score",
        "ObjectHypothesisWithPose": (
            "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose"
        ),
        "Detection2D": (
            "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
            "vision_msgs/BoundingBox2D bbox\nstring id"
        ),
        "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
    }
    for name, text in definitions.items():
        if f"vision_msgs/msg/{name}" not in store.types:
            store.register(get_types_from_msg(text, f"vision_msgs/msg/{name}"))
    return store


def vision_array(store, stamp_ns, objects):
    """Objects as (id, centre x, centre y, {class: score})."""
    kinds = store.types
    time = kinds["builtin_interfaces/msg/Time"]
    header = kinds["std_msgs/msg/Header"](
        stamp=time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id=""
    )
    pose = kinds["geometry_msgs/msg/PoseWithCovariance"](
        pose=kinds["geometry_msgs/msg/Pose"](
            position=kinds["geometry_msgs/msg/Point"](x=0.0, y=0.0, z=0.0),
            orientation=kinds["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
        ),
        covariance=np.zeros(36),
    )
    detections = []
    for name, x, y, scores in objects:
        box = kinds["vision_msgs/msg/BoundingBox2D"](
            center=kinds["vision_msgs/msg/Pose2D"](
                position=kinds["vision_msgs/msg/Point2D"](x=x, y=y), theta=0.0
            ),
            size_x=20.0, size_y=10.0,
        )  # fmt: skip
        results = [
            kinds["vision_msgs/msg/ObjectHypothesisWithPose"](
                hypothesis=kinds["vision_msgs/msg/ObjectHypothesis"](class_id=c, score=s), pose=pose
            )
            for c, s in scores.items()
        ]
        detections.append(
            kinds["vision_msgs/msg/Detection2D"](header=header, results=results, bbox=box, id=name)
        )
    return kinds["vision_msgs/msg/Detection2DArray"](header=header, detections=detections)


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_ground_truth_of_vision_msgs(tmp_path, plugin):
    store = vision_store()
    image = store.types["sensor_msgs/msg/Image"]
    kind = "vision_msgs/msg/Detection2DArray"
    objects = [
        [("a", 20.0, 10.0, {"dog": 0.9, "cat": 0.2}), ("b", 40.0, 30.0, {"cat": 1.0})],
        [("b", 42.0, 30.0, {"cat": 1.0}), ("", 5.0, 5.0, {})],
    ]
    with Writer(tmp_path / "bag", version=9, storage_plugin=plugin) as writer:
        images = writer.add_connection("/image", "sensor_msgs/msg/Image", typestore=store)
        truths = writer.add_connection("/truth", kind, typestore=store)
        for index, own in enumerate(objects):
            stamp_ns = 10**9 + index * 10**8
            array = vision_array(store, stamp_ns, own)
            message = image(
                header=array.header, height=4, width=6, encoding="mono8", is_bigendian=0, step=6,
                data=np.zeros(24, np.uint8),
            )  # fmt: skip
            writer.write(images, stamp_ns, store.serialize_cdr(message, "sensor_msgs/msg/Image"))
            writer.write(truths, stamp_ns, store.serialize_cdr(array, kind))
    source = open_source(str(tmp_path / "bag"), ground_truth="/truth")
    first, second = (entry.ground_truth for entry in source)
    assert source.class_names == ("cat", "dog")
    assert first.class_ids.tolist() == [1, 0]
    assert first.boxes.tolist() == [[10, 5, 30, 15], [30, 25, 50, 35]]
    # "b" is the same object in both; what has no hypothesis is ignored.
    assert first.track_ids[1] == second.track_ids[0] != first.track_ids[0]
    assert second.track_ids[1] == -1
    assert second.ignored.tolist() == [False, True]


def test_a_bag_of_several_cameras_asks_for_one(tmp_path):
    write_bag(tmp_path / "one", SyntheticVideo("calm", "test", 0, 2, width=64, height=48))
    store = typestore_with_ours()
    with (
        AnyReader([tmp_path / "one"], default_typestore=store) as reader,
        Writer(tmp_path / "two", version=9, storage_plugin=StoragePlugin.MCAP) as writer,
    ):
        kind = "sensor_msgs/msg/Image"
        topics = [writer.add_connection(t, kind, typestore=store) for t in ("/left", "/right")]
        for connection, time_ns, raw in reader.messages():
            if connection.msgtype == kind:
                for topic in topics:
                    writer.write(topic, time_ns, raw)
    with pytest.raises(DatasetError, match="image topics /left, /right; choose"):
        open_source(str(tmp_path / "two"))
    assert len(list(open_source(str(tmp_path / "two"), topic="/right"))) == 2
    with pytest.raises(DatasetError, match="no detections on '/truth'; it has them on"):
        open_source(str(tmp_path / "one"), ground_truth="/truth")
