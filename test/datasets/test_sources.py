from dataclasses import replace

import cv2
import numpy as np
import pytest

from approx_perception.datasets import open_source
from approx_perception.datasets.annotations._base import Identities
from approx_perception.datasets.bag_writer import _BagMessages, write_bag
from approx_perception.datasets.frame_names import frame_numbers
from approx_perception.datasets.image_folder import ImageFolder
from approx_perception.datasets.rosbag import RosBag
from approx_perception.datasets.synthetic import SyntheticVideo
from approx_perception.datasets.video_file import VideoFile
from approx_perception.exceptions import DatasetError
from approx_perception.reports.run_files import VideoFileWriter
from approx_perception.testing.contracts import FrameSourceContract
from test.conftest import real_data

GROUND_TRUTH = "1,4,10,20,30,40,1,1,1\n1,5,0,0,5,5,0,1,1\n2,4,11,20,30,40\n"


def video():
    return SyntheticVideo("calm", "test", 2, 5, width=160, height=120, fps=10)


def write_bag_with_truth_beside(path, source, monkeypatch):
    """Each stamp of the truth is one ms after its image's."""
    plain = _BagMessages.ground_truth

    def beside(self, frame, truth, names):
        return plain(self, replace(frame, stamp_ns=frame.stamp_ns + 10**6), truth, names)

    monkeypatch.setattr(_BagMessages, "ground_truth", beside)
    write_bag(path, source)


@pytest.fixture
def bag(tmp_path):
    write_bag(tmp_path / "bag", video())
    return tmp_path / "bag"


@pytest.fixture
def mot_folder(tmp_path):
    folder = tmp_path / "MOT-01"
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    for entry in video():
        cv2.imwrite(str(folder / "img1" / f"{entry.frame.sequence + 1:06d}.png"), entry.frame.image)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=7\n")
    (folder / "gt" / "gt.txt").write_text(
        "1,4,10,20,30,40,1,1,1\n1,5,0,0,5,5,0,1,1\n2,4,11,20,30,40\n"
    )
    return folder


class TestBag(FrameSourceContract):
    @pytest.fixture
    def source(self, bag):
        return RosBag(bag)


class TestMotFolder(FrameSourceContract):
    @pytest.fixture
    def source(self, mot_folder):
        return ImageFolder(mot_folder)


class TestVideo(FrameSourceContract):
    @pytest.fixture
    def source(self, tmp_path):
        writer = VideoFileWriter(tmp_path / "video.mp4", 10)
        for entry in video():
            writer.write(entry.frame.image)
        writer.close()
        return VideoFile(tmp_path / "video.mp4")


class TestSpan(FrameSourceContract):
    @pytest.fixture
    def source(self, mot_folder):
        return open_source(f"{mot_folder}[1:4]")


def test_a_span_is_those_frames_of_the_whole(mot_folder):
    whole, part = list(open_source(str(mot_folder))), open_source(f"{mot_folder}[1:4]")
    assert (part.frame_count, part.fps, part.class_names) == (3, 7, ("person",))
    for entry, own in zip(whole[1:4], part, strict=True):
        np.testing.assert_array_equal(own.frame.image, entry.frame.image)
        assert own.frame.stamp_ns == entry.frame.stamp_ns
        name = part.frame_paths[own.frame.sequence].name
        assert name == f"{entry.frame.sequence + 1:06d}.png"
    assert next(iter(part)).ground_truth.track_ids.tolist() == [4]


@pytest.mark.parametrize(("span", "count"), [("[:2]", 2), ("[3:]", 2), ("[:]", 5), ("[4:99]", 1)])
def test_spans_may_be_open_and_too_long(mot_folder, span, count):
    source = open_source(f"{mot_folder}{span}")
    assert source.frame_count == len(list(source)) == count


def test_a_span_of_a_synthetic_video_and_of_ground_truth_beside_it(mot_folder):
    assert open_source("synthetic:calm:val:3[10:30]", frame_count=60).frame_count == 20
    truth = str(mot_folder / "gt" / "gt.txt")
    (first, *_) = open_source(f"{mot_folder / 'img1'}[1:3]", ground_truth=truth)
    assert first.ground_truth.track_ids.tolist() == [4]


@pytest.mark.parametrize("span", ["[5:9]", "[3:3]", "[4:2]"])
def test_an_empty_span_is_said(mot_folder, span):
    with pytest.raises(DatasetError, match=r"MOT-01\[\d:\d\] holds no frames; the source has 5"):
        open_source(f"{mot_folder}{span}")


@pytest.fixture
def endless(tmp_path):
    """Six JPEGs one after the other: a video whose container does not tell its length."""
    path = tmp_path / "clip.mjpeg"
    images = [np.full((48, 64, 3), 20 * index, np.uint8) for index in range(6)]
    path.write_bytes(b"".join(cv2.imencode(".jpg", image)[1].tobytes() for image in images))
    return path


@pytest.mark.parametrize(("span", "count"), [("[2:4]", 2), ("[3:]", 3), ("[4:99]", 2)])
def test_spans_of_a_video_of_unknown_length(endless, span, count):
    assert open_source(str(endless)).frame_count == 0
    assert [e.frame.sequence for e in open_source(f"{endless}{span}")] == list(range(count))


def test_a_span_behind_the_end_of_a_video_of_unknown_length_is_said(endless):
    with pytest.raises(DatasetError, match=r"clip\.mjpeg ends before frame 9"):
        list(open_source(f"{endless}[9:]"))


def test_a_name_with_brackets_is_a_name(mot_folder):
    folder = mot_folder.rename(mot_folder.with_name("clip[1:3]"))
    assert open_source(str(folder)).frame_count == 5


NINES = "9" * 5000


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "no source is named; give a bag, a video, .* camera:0 or classes:FOLDER"),
        ("classes:", "classes: names no folder; write classes:FOLDER"),
        ("camera:/nowhere", "the camera 'camera:/nowhere' cannot be used: /nowhere is not there"),
        ("/nowhere/at/all", "there is no source '/nowhere/at/all'; give a bag, a video"),
        (f"synthetic:calm:test:{NINES}", "it must be a whole number of at most 18 digits"),
        ("synthetic:calm:test:-1", "is '-1'; it must be a whole number"),
        ("synthetic:calm[99999999999999999:]", r"\[99999999999999999:\] holds no frames"),
    ],
)
def test_what_is_no_source_is_said(name, words):
    with pytest.raises(DatasetError, match=words) as refused:
        open_source(name)
    assert len(str(refused.value)) < 600


def test_a_camera_has_no_ground_truth():
    with pytest.raises(DatasetError, match=r"a camera has no ground truth; 'gt\.txt' cannot be"):
        open_source("camera:0", ground_truth="gt.txt")


def test_a_span_of_thousands_of_digits_is_part_of_a_name():
    with pytest.raises(DatasetError, match=r"there is no source 'x\[999"):
        open_source(f"x[{NINES[:200]}:]")


def test_identities_of_any_length():
    identities = Identities()
    assert [identities(value) for value in ("12", " 7 ", 3.0, None)] == [12, 7, 3, -1]
    assert identities(NINES) == identities(NINES) != identities("a")


def test_bag_gives_back_what_was_written(bag):
    source, names = open_source(str(bag)), video().class_names
    for written, read in zip(video(), source, strict=True):
        np.testing.assert_array_equal(read.frame.image, written.frame.image)
        assert read.frame.stamp_ns == written.frame.stamp_ns
        truth = written.ground_truth
        np.testing.assert_allclose(read.ground_truth.boxes, truth.boxes, atol=1e-3)
        own_names = [source.class_names[i] for i in read.ground_truth.class_ids]
        assert own_names == [names[i] for i in truth.class_ids]
        np.testing.assert_array_equal(read.ground_truth.track_ids, truth.track_ids)
        np.testing.assert_array_equal(read.ground_truth.ignored, truth.ignored)


def test_truth_whose_stamps_are_beside_is_told(tmp_path, monkeypatch):
    """By one ms, as of a recorder that stamps anew."""
    write_bag_with_truth_beside(tmp_path / "bag", video(), monkeypatch)
    source = open_source(str(tmp_path / "bag"))
    assert source.truth_name == "/ground_truth"
    assert source.truth_objects > 0
    assert source.truth_remarks() == ()
    assert [entry.ground_truth for entry in source] == [None] * 5
    (remark,) = source.truth_remarks()
    assert remark.endswith("is 1.000 ms beside")


def test_bag_knows_its_rate(bag):
    assert open_source(str(bag)).fps == pytest.approx(10, rel=0.3)


def test_a_bag_is_not_written_over(bag):
    with pytest.raises(DatasetError, match="cannot write the bag"):
        write_bag(bag, video())


def test_unknown_topic_names_the_known(bag):
    with pytest.raises(DatasetError, match="choose '/camera/image_raw'"):
        open_source(str(bag), topic="/nowhere")


def test_mot_ground_truth_and_ignore_regions(mot_folder):
    source = open_source(str(mot_folder))
    assert source.fps == 7
    first, second = list(source)[:2]
    np.testing.assert_array_equal(first.ground_truth.boxes[0], [10, 20, 40, 60])
    assert first.ground_truth.ignored.tolist() == [False, True]
    assert first.ground_truth.track_ids.tolist() == [4, 5]
    assert second.ground_truth.ignored.tolist() == [False]


@pytest.mark.parametrize(
    ("line", "message"), [("1,2,three,4,5,6", "line 2: .*three"), ("1,2,3", "line 2: 3 columns")]
)
def test_malformed_ground_truth_names_file_and_line(mot_folder, line, message):
    path = mot_folder / "gt" / "gt.txt"
    path.write_text(f"1,4,10,20,30,40,1,1,1\n{line}\n")
    with pytest.raises(DatasetError, match=rf"gt\.txt, {message}"):
        open_source(str(mot_folder))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[Sequence]\nframeRate=fast\n", "frameRate is 'fast', expected a number above 0"),
        ("[Sequence]\nimDir=frames\n", "imDir is 'frames', which is no folder in"),
        ("[Sequnce]\nframeRate=7\n", r"has no section \[Sequence\]"),
    ],
)
def test_malformed_sequence_file_is_named(mot_folder, text, message):
    (mot_folder / "seqinfo.ini").write_text(text)
    with pytest.raises(DatasetError, match=rf"seqinfo\.ini.*{message}"):
        open_source(str(mot_folder))


def test_a_sequence_file_names_the_folder_of_images_and_may_begin_with_a_byte_order_mark(
    mot_folder,
):
    (mot_folder / "img1").rename(mot_folder / "pictures 100%")
    text = "\ufeff[Sequence]\nimDir=pictures 100%\nframeRate=7\n"
    (mot_folder / "seqinfo.ini").write_text(text, encoding="utf-8")
    source = open_source(str(mot_folder))
    assert (source.frame_count, source.fps) == (5, 7)


@pytest.mark.parametrize(
    "names",
    [
        ["frame1.png", "frame2.png", "frame10.png"],
        ["9.png", "10.png", "0100.png"],
        ["cam2_left_8.png", "cam2_left_11.png", "cam10_left_1.png"],
    ],
)
def test_images_are_in_the_order_of_their_numbers(tmp_path, names):
    for name in reversed(names):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    source = open_source(str(tmp_path))
    assert [path.name for path in source.frame_paths] == names


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["000001.jpg", "000004.jpg", "000007.jpg"], [1, 4, 7]),
        (["clip2_8_left.jpg", "clip2_11_left.jpg"], [8, 11]),
        (["c1_t5_cam2.png", "c1_t6_cam2.png"], [5, 6]),
        (["1.jpg", "4.jpg", "cover.jpg"], [1, 4, None]),
        (["a.jpg", "b.jpg"], [None, None]),
        (["a1.jpg", "b1.jpg"], [None, None]),
    ],
)
def test_numbers_of_frames(names, numbers):
    assert frame_numbers(names) == numbers


def test_images_that_cannot_be_read_are_counted_told_and_left_out(mot_folder, caplog):
    (mot_folder / "img1" / "000002.png").write_bytes(b"no image")
    bomb = bytearray((mot_folder / "img1" / "000004.png").read_bytes())
    bomb[16:24] = b"\0\1\0\0" * 2
    (mot_folder / "img1" / "000004.png").write_bytes(bomb)
    whole = list(open_source(str(mot_folder)))
    assert [entry.frame.sequence for entry in whole] == [0, 2, 4]
    # The frame after the broken one has its own ground truth, not that of the broken one.
    assert whole[1].ground_truth is None or len(whole[1].ground_truth) == 0
    assert (
        "img1: 2 of 5 images cannot be read and are left out; the first is 000002.p" in caplog.text
    )
    assert [e.frame.sequence for e in open_source(f"{mot_folder}[2:4]")] == [0]


def test_a_folder_of_which_no_image_can_be_read_is_an_error(mot_folder):
    for path in (mot_folder / "img1").iterdir():
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DatasetError, match=r"none of 5 images can be read; the first is 000001\.p"):
        list(open_source(str(mot_folder)))


@pytest.mark.parametrize(
    "ending", ["webp", "tif", "TIFF", "ppm", "pgm", "bmp", "jp2", "gif", "avif", "jpe"]
)
def test_folders_of_all_formats_without_what_is_hidden(tmp_path, ending):
    for entry in video():
        image = entry.frame.image[..., 0] if ending == "pgm" else entry.frame.image
        data = cv2.imencode(f".{ending.lower()}", image)[1].tobytes()
        (tmp_path / f"{entry.frame.sequence}.{ending}").write_bytes(data)
        (tmp_path / f"._{entry.frame.sequence}.{ending}").write_bytes(b"\0\5\x16\7 resource fork")
    (tmp_path / f"folder.{ending}").mkdir()
    (tmp_path / "Thumbs.db").write_bytes(b"thumbnails")
    source = open_source(str(tmp_path))
    assert source.frame_count == len(list(source)) == 5


def test_a_folder_of_hidden_images_alone_has_none(tmp_path):
    (tmp_path / "._1.png").write_bytes(b"resource fork")
    with pytest.raises(DatasetError, match=r"holds no images \(\.jpg, .*\.webp, \.tif"):
        open_source(str(tmp_path))


def test_a_folder_of_class_folders_is_told_how_to_open_it(tmp_path):
    (tmp_path / "owl").mkdir()
    with pytest.raises(DatasetError, match="it is classes:"):
        open_source(str(tmp_path))


def test_one_image_is_a_source(mot_folder):
    (entry,) = open_source(str(mot_folder / "img1" / "000003.png"))
    np.testing.assert_array_equal(entry.frame.image, list(video())[2].frame.image)


def test_a_folder_of_12_bit_images_is_not_dark(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.full((24, 32), 3000, np.uint16))
    (entry,) = open_source(str(tmp_path))
    assert entry.frame.image.mean() == 3000 >> 4


@pytest.mark.parametrize("kept", [0.5, 0.8])
def test_a_video_that_is_cut_says_how_many_frames_there_are(tmp_path, kept, caplog):
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    noise = np.random.default_rng(0)
    for _ in range(24):
        writer.write(noise.integers(0, 256, (120, 160, 3), np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * kept)])
    source = open_source(str(path))
    count = len(list(source))
    assert 0 < count < source.frame_count == 24
    assert f"video.avi: {count} of 24 frames are decoded; the others are" in caplog.text


def test_a_whole_video_says_nothing(tmp_path, caplog):
    writer = VideoFileWriter(tmp_path / "video.mp4", 10)
    for entry in video():
        writer.write(entry.frame.image)
    writer.close()
    assert len(list(open_source(str(tmp_path / "video.mp4")))) == 5
    assert caplog.messages == []


def test_a_video_of_large_images_is_refused(tmp_path):
    writer = VideoFileWriter(tmp_path / "video.mp4", 10)
    writer.write(next(iter(video())).frame.image)
    writer.close()
    with pytest.raises(DatasetError, match=r"video\.mp4: the image has 160x120 px, more than max"):
        open_source(str(tmp_path / "video.mp4"), max_image_px=160 * 120 - 1)


def test_folder_without_images(tmp_path):
    with pytest.raises(DatasetError, match="holds no images"):
        open_source(str(tmp_path))


def test_missing_source():
    with pytest.raises(DatasetError, match=r"no source 'nowhere\.mp4'"):
        open_source("nowhere.mp4")


def test_a_text_is_no_video(tmp_path):
    (tmp_path / "video.mp4").write_text("no video")
    with pytest.raises(DatasetError, match="is no video that OpenCV reads"):
        open_source(str(tmp_path / "video.mp4"))


def test_real_sequence():
    source = open_source(str(real_data("mot/TUD-Campus")))
    assert (source.frame_count, source.fps) == (71, 25)
    assert sum(len(entry.ground_truth) for entry in source) == 359


def test_real_video():
    source = open_source(str(real_data("video/car_traffic_small.mp4")))
    frames = [entry.frame for entry in source]
    assert frames[0].image.shape == (360, 640, 3)
    assert len(frames) == 917
    # The container is off by a few.
    assert source.frame_count == pytest.approx(917, rel=0.01)


@pytest.mark.parametrize("kind", ["folder", "image", "bag", "span"])
def test_the_largest_image_is_the_users_choice(mot_folder, bag, kind):
    name = {
        "folder": str(mot_folder), "image": str(next((mot_folder / "img1").iterdir())),
        "bag": str(bag), "span": f"{mot_folder}[1:3]",
    }[kind]  # fmt: skip
    height, width = next(iter(open_source(name))).frame.image.shape[:2]
    assert list(open_source(name, max_image_px=width * height))
    with pytest.raises(DatasetError, match=f"{width}x{height} px, more than max_image_px allows"):
        list(open_source(name, max_image_px=width * height - 1))


def test_folders_of_classes(mot_folder, tmp_path):
    image = next((mot_folder / "img1").iterdir())
    for place in ("dog/b10.jpg", "dog/b9.jpg", "cat/a.jpg", ".trash/x.jpg", "empty/notes.txt"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(image.read_bytes())
    source = open_source(f"classes:{tmp_path}")
    entries = list(source)
    assert source.class_names == ("cat", "dog")
    assert [path.name for path in source.frame_paths] == ["a.jpg", "b9.jpg", "b10.jpg"]
    assert [entry.ground_truth.label for entry in entries] == [0, 1, 1]
    height, width = entries[0].frame.image.shape[:2]
    assert entries[2].ground_truth.boxes.tolist() == [[0, 0, width, height]]
    assert [entry.ground_truth.label for entry in open_source(f"classes:{tmp_path}[1:2]")] == [1]
    for name, words in ((tmp_path / "cat", "no folder in"), (image, "is no folder of folders")):
        with pytest.raises(DatasetError, match=words):
            open_source(f"classes:{name}")
