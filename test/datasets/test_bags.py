"""Bags as recorders, converters and crashes leave them."""

import os
import shutil
import sqlite3

import cv2
import numpy as np
import pytest
import yaml
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from approx_perception.datasets import open_source
from approx_perception.datasets.bag_types import typestore_with_ours
from approx_perception.datasets.longest_rise import longest_rise
from approx_perception.exceptions import DatasetError

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
FLOAT = "std_msgs/msg/Float32"
STORE = typestore_with_ours()
PERIOD_NS = 33_333_333
FRAMES = 12


def make_header(stamp_ns):
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    stamp = STORE.types["builtin_interfaces/msg/Time"](sec=sec, nanosec=nanosec)
    return STORE.types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")


def picture(index):
    return np.full((24, 32, 3), 10 * index + 5, np.uint8)


def raw_image(index, stamp_ns, **changes):
    fields = {
        "header": make_header(stamp_ns), "height": 24, "width": 32, "encoding": "bgr8",
        "is_bigendian": 0, "step": 96, "data": picture(index).reshape(-1),
    }  # fmt: skip
    return STORE.serialize_cdr(STORE.types[IMAGE](**{**fields, **changes}), IMAGE)


def png(index, stamp_ns):
    data = np.asarray(cv2.imencode(".png", picture(index))[1], np.uint8).reshape(-1)
    message = STORE.types[COMPRESSED](header=make_header(stamp_ns), format="png", data=data)
    return STORE.serialize_cdr(message, COMPRESSED)


def time_ns(index):
    return 1_000_000_000 + index * PERIOD_NS


def write(
    path, plugin=StoragePlugin.MCAP, version=9, broken=None, stamp=time_ns, extra_s=0,
    compression=None, frames=FRAMES, kind=IMAGE,
):  # fmt: skip
    """A bag with an image topic, and a number every second for ``extra_s``."""
    writer = Writer(path, version=version, storage_plugin=plugin)
    if compression is not None:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        images = writer.add_connection("/image", kind, typestore=STORE)
        for index in range(frames):
            make = raw_image if kind == IMAGE else png
            content = (broken or {}).get(index) or make(index, stamp(index))
            writer.write(images, time_ns(index), content)
        if extra_s:
            numbers = writer.add_connection("/load", FLOAT, typestore=STORE)
            for second in range(extra_s):
                message = STORE.types[FLOAT](data=float(second))
                content = STORE.serialize_cdr(message, FLOAT)
                writer.write(numbers, (second + 1) * 1_000_000_000, content)
    return path


def indices(source):
    """Which pictures came, by what is in them; the frames' numbers must agree."""
    frames = [entry.frame for entry in source]
    shown = [(int(frame.image[0, 0, 0]) - 5) // 10 for frame in frames]
    assert shown == [frame.sequence for frame in frames]
    return shown


ALL = list(range(FRAMES))
PLUGINS = pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])


def storage_file(bag):
    return next(p for p in bag.iterdir() if p.suffix in (".mcap", ".db3"))


@PLUGINS
def test_metadata_of_another_quality_of_service(tmp_path, plugin, caplog):
    bag = write(tmp_path / "bag", plugin)
    file = bag / "metadata.yaml"
    metadata = yaml.safe_load(file.read_text())
    topic = metadata["rosbag2_bagfile_information"]["topics_with_message_count"][0]
    topic["topic_metadata"]["offered_qos_profiles"] = [
        {
            "history": "keep_last", "depth": 5, "reliability": "best_effort",
            "durability": "volatile", "deadline": {"sec": 1, "nsec": 0},
            "lifespan": {"sec": 1, "nsec": 0}, "liveliness": "automatic",
            "liveliness_lease_duration": {"sec": 1, "nsec": 0},
            "avoid_ros_namespace_conventions": False,
        }
    ]  # fmt: skip
    topic["topic_metadata"]["type_description_hash"] = "RIHS01_" + "0" * 64
    topic["message_count"] = 3
    file.write_text(yaml.safe_dump(metadata))
    assert indices(open_source(str(bag))) == ALL
    assert caplog.messages == []


@PLUGINS
@pytest.mark.parametrize("form", ["file", "folder", "broken metadata", "no list", "empty metadata"])
def test_storage_files_without_metadata(tmp_path, plugin, form, caplog):
    bag = write(tmp_path / "bag", plugin)
    source = bag
    if form == "file":
        source = tmp_path / f"alone{storage_file(bag).suffix}"
        shutil.move(storage_file(bag), source)
    elif form == "folder":
        (bag / "metadata.yaml").unlink()
    else:
        text = {"broken metadata": "a: [", "no list": "rosbag2_bagfile_information: {}"}
        (bag / "metadata.yaml").write_text(text.get(form, ""))
    assert indices(open_source(str(source))) == ALL
    if form not in ("file", "no list"):
        assert "metadata.yaml" in caplog.text


def test_split_bags_are_one_in_order_of_time_and_missing_parts_are_said(tmp_path, caplog):
    parts = [write(tmp_path / f"bag_{number}", frames=6) for number in (10, 9)]
    later = write(tmp_path / "later", stamp=lambda i: time_ns(i + 6), frames=1)
    bag = tmp_path / "bag"
    bag.mkdir()
    for part in (parts[0], later):
        shutil.copy(storage_file(part), bag)
    assert len(list(open_source(str(bag)))) == 7
    information = {"relative_file_paths": ["bag_10.mcap", "gone_2.mcap"]}
    (bag / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": information}))
    assert len(list(open_source(str(bag)))) == 6
    assert "names gone_2.mcap, which is not there" in caplog.text


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_bags(tmp_path, mode):
    bag = write(tmp_path / "bag", StoragePlugin.SQLITE3, version=8, compression=mode)
    assert indices(open_source(str(bag))) == ALL


@PLUGINS
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (raw_image(5, time_ns(5))[:60], ""),
        (raw_image(5, time_ns(5))[:-700], ""),
        (b"\x00\x01\x00\x00", ""),
        (b"no message at all" * 9, ""),
        (raw_image(5, time_ns(5), encoding="mystery"), "encoding 'mystery' is not supported"),
        (raw_image(5, time_ns(5), height=900), "the image is truncated"),
        (raw_image(5, time_ns(5), height=90_000, width=90_000), "the image has 90000x90000 px"),
    ],
)
def test_a_message_that_cannot_be_read_is_counted_told_and_left_out(
    tmp_path, plugin, content, reason, caplog
):
    bag = write(tmp_path / "bag", plugin, broken={5: content, 8: content})
    source = open_source(str(bag))
    assert indices(source) == [i for i in ALL if i not in (5, 8)]
    assert source.fps == pytest.approx(30, rel=0.01)
    (told,) = [m for m in caplog.messages if "2 of 12 messages cannot be read" in m]
    assert f"bag, /image: 2 of 12 messages cannot be read and are left out; the first is message 5: {reason}" in told  # fmt: skip # noqa: E501


def test_what_was_lost_is_told_too_when_reading_ends_early(tmp_path, caplog):
    entries = iter(open_source(str(write(tmp_path / "bag", broken={0: b"?"}))))
    assert next(entries).frame.sequence == 1
    entries.close()
    assert "1 of 2 messages cannot be read" in caplog.text


def test_a_bag_of_which_nothing_can_be_read_is_an_error(tmp_path):
    bag = write(tmp_path / "bag", broken=dict.fromkeys(ALL, b"broken"))
    with pytest.raises(DatasetError, match=r"none of 12 messages can be read; the first is messag"):
        list(open_source(str(bag)))


@pytest.mark.parametrize("kind", [IMAGE, COMPRESSED])
def test_the_rate_is_that_of_the_images(tmp_path, kind):
    bag = write(tmp_path / "bag", extra_s=10, kind=kind)
    assert open_source(str(bag)).fps == pytest.approx(30, rel=0.01)


@pytest.mark.parametrize("stamp_s", [0, 7])
def test_where_stamps_stand_still_the_times_of_the_bag_are_taken(tmp_path, stamp_s, caplog):
    bag = write(tmp_path / "bag", stamp=lambda index: stamp_s * 1_000_000_000)
    source = open_source(str(bag))
    assert [e.frame.stamp_ns for e in source] == [time_ns(index) for index in ALL]
    assert source.fps == pytest.approx(30, rel=0.01)
    assert f"all have the stamp {stamp_s} s; the times at which they were recorded" in caplog.text


NOT_RISING = {
    "falling": lambda index: time_ns(FRAMES - index),
    "every second is zero": lambda index: time_ns(index) if index % 2 else 0,
    "the first half is zero": lambda index: time_ns(index) if index >= FRAMES // 2 else 0,
    "a loop": lambda index: time_ns(index % 6),
    "a slower clock": lambda index: time_ns(index // 2),
}


@pytest.mark.parametrize("stamp", NOT_RISING.values(), ids=NOT_RISING)
def test_where_stamps_do_not_rise_the_times_of_the_bag_are_taken(tmp_path, stamp, caplog):
    source = open_source(str(write(tmp_path / "bag", stamp=stamp)))
    assert [e.frame.stamp_ns for e in source] == [time_ns(index) for index in ALL]
    assert source.fps == pytest.approx(30, rel=0.01)
    assert "/image do not rise (a rising series is " in caplog.text
    assert "the times at which they were recorded are taken" in caplog.text


@pytest.mark.parametrize("stray_ns", [0, 2**31 * 1_000_000_000 - 1, time_ns(3), time_ns(33)])
def test_a_stamp_beside_the_others_leaves_out_that_image_alone(tmp_path, stray_ns, caplog):
    count = 24
    bag = write(
        tmp_path / "bag", frames=count, stamp=lambda i: stray_ns if i == 12 else time_ns(i)
    )  # fmt: skip
    source = open_source(str(bag))
    stamps = [e.frame.stamp_ns for e in source]
    assert stamps == [time_ns(i) for i in range(count) if i != 12]
    assert source.fps == pytest.approx(30, rel=0.01)
    assert (
        "1 of 24 messages cannot be read and are left out; the first is message 12: " in caplog.text
    )
    assert "does not rise with the others" in caplog.text


@pytest.mark.parametrize(
    ("numbers", "places"),
    [
        ([], []), ([5], [0]), ([5, 5], [1]), ([1, 2, 3], [0, 1, 2]), ([3, 2, 1], [2]),
        ([1, 99, 2, 3], [0, 2, 3]), ([1, 2, 0, 3], [0, 1, 3]),
    ],
)  # fmt: skip
def test_the_longest_rise(numbers, places):
    assert longest_rise(numbers) == places


def cut(file, share):
    file.write_bytes(file.read_bytes()[: round(file.stat().st_size * share)])


def large(index, stamp_ns):
    data = np.concatenate([picture(index).reshape(-1), np.zeros(200_000, np.uint8)])
    return raw_image(index, stamp_ns, data=data)


@PLUGINS
@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("has_metadata", [True, False])
def test_of_a_crashed_recording_what_is_there_is_read(
    tmp_path, plugin, share, has_metadata, caplog
):
    """Several chunks, or pages, of 200 kB an image."""
    frames = 24
    bag = write(
        tmp_path / "bag", plugin, frames=frames,
        broken={index: large(index, time_ns(index)) for index in range(frames)},
    )  # fmt: skip
    cut(storage_file(bag), share)
    if not has_metadata:
        (bag / "metadata.yaml").unlink()
    source = open_source(str(bag))
    read = indices(source)
    # The message at the cut is counted in a database, but its content is not there.
    assert source.frame_count - len(read) in (0, int(plugin == StoragePlugin.SQLITE3))
    assert frames * share * 0.7 < len(read) <= frames * share
    assert "is damaged; what can be read of it is read. " in caplog.text


def test_a_write_ahead_log_beside_a_database_is_read(tmp_path, caplog):
    bag = write(tmp_path / "bag", StoragePlugin.SQLITE3)
    file = storage_file(bag)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("DELETE FROM messages WHERE id > 6")
    connection.commit()
    # As a recorder that is killed leaves it: nothing was merged.
    crashed = tmp_path / "crashed"
    shutil.copytree(bag, crashed)
    connection.close()
    assert indices(open_source(str(crashed))) == list(range(6))
    assert "was never merged" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("empty.mcap", b"", "is no bag that can be read"),
        ("empty.db3", b"", "is no bag that can be read"),
        ("text.mcap", b"no bag at all", "is no bag that can be read"),
        ("text.db3", b"no bag at all" * 99, "is no bag that can be read"),
        ("old.bag", b"#ROSBAG V2.0\n", "is a bag of ROS 1.*rosbags-convert --src .*old.bag"),
        ("old", b"#ROSBAG V2.0\n", "is a bag of ROS 1"),
    ],
)
def test_files_that_are_no_bag_of_ours_are_said_to_be_so(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=text):
        open_source(str(tmp_path / name))


@pytest.mark.parametrize("name", ["run.bag", "run.bag.active"])
def test_a_folder_with_a_bag_of_ros_1(tmp_path, name):
    (tmp_path / name).write_bytes(b"#ROSBAG V2.0\n")
    with pytest.raises(DatasetError, match=rf"{name} is a bag of ROS 1"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("is_folder", [True, False])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.mcap.zstd", "compressed file of a bag without its metadata.yaml; .*zstd -d"),
        ("a.db3.zstd", "compressed file of a bag without its metadata.yaml"),
        ("A.MCAP", "rename it to A.mcap"),
        ("a.Db3", "rename it to a.db3"),
    ],
)
def test_files_of_bags_that_are_not_read_as_they_are(tmp_path, name, text, is_folder):
    (tmp_path / name).write_bytes(b"some bytes")
    with pytest.raises(DatasetError, match=text):
        open_source(str(tmp_path if is_folder else tmp_path / name))


def test_a_folder_of_images_beside_folders_called_like_bags(tmp_path):
    for name in ("old.bag", "old.mcap", "old.db3", "old.db3.zstd"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "0.png"), picture(0))
    assert len(list(open_source(str(tmp_path)))) == 1


@pytest.mark.parametrize("name", ["f.mcap", "f.db3", "f.mp4", "f.png", "f.bag", "f"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match="neither a file nor a folder but a pipe or a device"):
        open_source(str(tmp_path / name))


@pytest.mark.parametrize("name", ["f.mcap", "f.db3", "f.bag", "f.png"])
def test_a_pipe_in_a_folder_is_left_alone(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match="holds no images"):
        open_source(str(tmp_path))


def test_a_pipe_that_metadata_name_is_left_alone(tmp_path, caplog):
    bag = write(tmp_path / "bag")
    file = storage_file(bag)
    file.rename(bag / "other.mcap")
    os.mkfifo(file)
    assert indices(open_source(str(bag))) == ALL
    assert f"names {file.name}, which is not there" in caplog.text


@PLUGINS
def test_bags_without_images(tmp_path, plugin):
    with pytest.raises(DatasetError, match="no image topic; it has no topics"):
        with Writer(tmp_path / "empty", version=9, storage_plugin=plugin):
            pass
        open_source(str(tmp_path / "empty"))
    with pytest.raises(DatasetError, match="has no messages on /image"):
        open_source(str(write(tmp_path / "silent", plugin, frames=0)))
    with Writer(tmp_path / "numbers", version=9, storage_plugin=plugin) as writer:
        numbers = writer.add_connection("/load", FLOAT, typestore=STORE)
        writer.write(numbers, 5, STORE.serialize_cdr(STORE.types[FLOAT](data=1.0), FLOAT))
    with pytest.raises(DatasetError, match=r"no image topic; it has /load .std_msgs/msg/Float32"):
        open_source(str(tmp_path / "numbers"))


def test_a_bag_whose_only_storage_is_missing(tmp_path):
    bag = write(tmp_path / "bag")
    storage_file(bag).unlink()
    with pytest.raises(DatasetError, match=r"has no storage file .\.mcap, \.db3"):
        open_source(str(bag))


def test_a_bag_that_breaks_off_is_read_up_to_there(tmp_path, caplog):
    """The index is whole, but what it points to is not: a bad sector of a disk."""
    bag = write(
        tmp_path / "bag", frames=24, broken={i: large(i, time_ns(i)) for i in range(24)}
    )  # fmt: skip
    file = storage_file(bag)
    content = bytearray(file.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 400_000):
        content[place] ^= 0xFF
    file.write_bytes(content)
    read = indices(open_source(str(bag)))
    assert read[:6] == list(range(6))
    assert len(read) < 24
    assert "bag breaks off on /image after" in caplog.text or "cannot be read" in caplog.text
