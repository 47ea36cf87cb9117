"""Ground truth in files of other people, beside any source."""

import json

import cv2
import numpy as np
import pytest

from approx_perception.branches import Branch
from approx_perception.datasets import open_source
from approx_perception.datasets.annotations import AnnotatedSource, open_annotations
from approx_perception.exceptions import ConfigurationError, DatasetError
from approx_perception.reports.run_files import RunFiles
from approx_perception.structures import (
    SLA,
    Decision,
    Detections,
    Frame,
    FrameResult,
    StageTimings,
)

COCO = {
    "videos": [{"id": 5, "name": "clip"}, {"id": 6, "name": "other"}],
    "images": [
        {"id": 30, "file_name": "clip/b.png", "video_id": 5, "frame_id": 1},
        {"id": 20, "file_name": "clip/a.png", "video_id": 5, "frame_id": 0},
        {"id": 10, "file_name": "other/a.png", "video_id": 6, "frame_id": 0},
    ],
    "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}],
    "annotations": [
        {"id": 1, "image_id": 20, "category_id": 1, "bbox": [1, 2, 10, 20], "track_id": 7},
        {"id": 2, "image_id": 20, "category_id": 3, "bbox": [5, 5, 9, 9], "iscrowd": 1},
        {"id": 3, "image_id": 30, "category_id": 3, "bbox": [4, 4, 8, 8], "instance_id": 9},
        {"id": 4, "image_id": 30, "category_id": 3, "bbox": [6, 6, 8, 8], "ignore": 1},
        {"id": 5, "image_id": 10, "category_id": 1, "bbox": [0, 0, 5, 5]},
    ],
}
XML = """<annotation><size><width>64</width><height>48</height></size>
<object><trackid>0</trackid><name>n02958343</name><occluded>0</occluded>
<bndbox><xmax>30</xmax><xmin>10</xmin><ymax>40</ymax><ymin>20</ymin></bndbox></object>
<object><trackid>4</trackid><name>dog</name>
<bndbox><xmax>5</xmax><xmin>1</xmin><ymax>6</ymax><ymin>2</ymin></bndbox></object></annotation>"""


@pytest.fixture
def clip(tmp_path):
    """Folder of two images."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), np.zeros((48, 64, 3), np.uint8))
    return folder


def write_coco(tmp_path, **changes):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({**COCO, **changes}))
    return path


def truths(source, ground_truth):
    opened = open_source(str(source), ground_truth=str(ground_truth))
    return opened, [entry.ground_truth for entry in opened]


def test_coco_belongs_to_frames_by_file_name(clip, tmp_path):
    source, (first, second) = truths(clip, write_coco(tmp_path))
    assert source.class_names == ("car", "person")
    assert first.boxes.tolist() == [[1, 2, 11, 22], [5, 5, 14, 14]]
    assert first.class_ids.tolist() == [1, 0]
    assert first.track_ids.tolist() == [7, -1]
    assert first.ignored.tolist() == [False, True]
    assert second.track_ids.tolist() == [9, -1]
    assert second.ignored.tolist() == [False, True]


def test_coco_without_file_names_goes_by_order(clip, tmp_path):
    images = [{"id": 2}, {"id": 1}]
    annotations = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}]
    path = write_coco(tmp_path, videos=[], images=images, annotations=annotations)
    _, (first, second) = truths(clip, path)
    assert (len(first), len(second)) == (1, 0)


def test_coco_of_several_videos_needs_the_source_to_be_one(clip, tmp_path):
    other = clip.rename(tmp_path / "third")
    with pytest.raises(DatasetError, match="holds the videos clip, other, but not 'third'"):
        truths(other, write_coco(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, "no COCO file: it has no list 'images'"),
        ({"videos": 3}, "no COCO file: it has no list 'videos'"),
        ({"images": [{"id": [1]}]}, r"images\[0\]: id is \[1\], expected a number"),
        ({"categories": [{"id": 1}]}, r"categories\[0\] has no 'name'"),
        ({"images": [{"file_name": "a"}]}, r"images\[0\] has no 'id'"),
        (
            {"images": [{"id": 20, "file_name": "a"}, {"id": 20, "file_name": "b"}]},
            r"images\[1\]: another entry has the id 20 too",
        ),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
            r"categories\[1\]: another entry has the id 1 too",
        ),
        ({"annotations": [{"image_id": 20}]}, r"annotations\[0\] has no 'category_id'"),
        (
            {"annotations": [{"image_id": 99, "category_id": 1, "bbox": [0, 0, 1, 1]}]},
            r"annotations\[0\]: there is no image 99",
        ),
        (
            {"annotations": [{"image_id": 20, "category_id": 8, "bbox": [0, 0, 1, 1]}]},
            r"annotations\[0\]: there is no category 8",
        ),
        (
            {"annotations": [{"image_id": 20, "category_id": 1, "bbox": [0, 0, "wide"]}]},
            r"bbox is \[0, 0, 'wide'\], expected x, y, width and height",
        ),
    ],
)
def test_coco_files_that_are_malformed(clip, tmp_path, changes, message):
    with pytest.raises(DatasetError, match=message) as error:
        truths(clip, write_coco(tmp_path, **changes))
    assert "truth.json" in str(error.value)


def test_coco_file_that_is_no_json(clip, tmp_path):
    (tmp_path / "broken.json").write_text('{"images": [')
    with pytest.raises(DatasetError, match=r"ground truth .*broken\.json: it is no JSON"):
        truths(clip, tmp_path / "broken.json")


def test_imagenet_vid(clip, tmp_path):
    folder = tmp_path / "xml"
    folder.mkdir()
    (folder / "a.xml").write_text(XML)
    (folder / "b.xml").write_text("<annotation></annotation>")
    source, (first, second) = truths(clip, folder)
    assert len(source.class_names) == 30
    assert [source.class_names[i] for i in first.class_ids] == ["car", "dog"]
    assert first.boxes.tolist() == [[10, 20, 30, 40], [1, 2, 5, 6]]
    assert first.track_ids.tolist() == [0, 4]
    assert len(second) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>", r"a\.xml cannot be read"),
        (XML.replace("n02958343", "unicorn"), r"object 0: 'unicorn' is no class of ImageNet VID"),
        (XML.replace("<xmax>5</xmax>", "<xmax>wide</xmax>"), "object 1: 'wide' is no number"),
        (XML.replace("<xmax>5</xmax>", ""), "object 1: '' is no number"),
    ],
)
def test_xml_that_is_malformed(clip, tmp_path, text, message):
    folder = tmp_path / "xml"
    folder.mkdir()
    (folder / "a.xml").write_text(text)
    with pytest.raises(DatasetError, match=message):
        truths(clip, folder)


def test_mot_beside_any_source(clip, tmp_path):
    (tmp_path / "gt.txt").write_text("1,4,10,20,30,40\n2,4,11,20,30,40,0,1,1\n2,5,1,1,2,2,1,7,1\n")
    source, (first, second) = truths(clip, tmp_path / "gt.txt")
    assert source.class_names == ("person",)
    assert first.ignored.tolist() == [False]
    # Flag 0, and a class that is no pedestrian.
    assert second.ignored.tolist() == [True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,4,10,20,30,40\n1,4,x,20,30,40\n", "line 2: 'x' is no number; .*: frame,id,x"),
        ("frame,id,x,y,w,h\n1,4,10,20,30,40\n", "line 1: 'frame' is no number; .*: frame,id,x"),
        ("1 4 10 20 30 40\n", "line 1: '1 4 10 20 30 40' is no number; .* with commas between"),
        ("1;4;10;20;30;40\n", "line 1: '1;4;10;20;30;40' is no number; .* with commas between"),
        ("1,4,10\n", "line 1: 3 columns, expected frame,id,x,y,w,h"),
        ("0,4,10,20,30,40\n", "line 1: .* a frame below 1"),
        ("1,4,nan,20,30,40\n", "line 1: .* not finite"),
    ],
)
def test_mot_lines_that_are_malformed(tmp_path, text, message):
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(DatasetError, match=message):
        open_annotations(tmp_path / "gt.txt")


def test_files_that_are_no_ground_truth(tmp_path):
    with pytest.raises(DatasetError, match="there is no ground truth"):
        open_annotations(tmp_path / "nowhere.json")
    (tmp_path / "truth.docx").write_text("")
    with pytest.raises(DatasetError, match=r"give a COCO \.json, a MOTChallenge \.txt"):
        open_annotations(tmp_path / "truth.docx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no XML files of ImageNet VID"):
        open_annotations(tmp_path / "empty")


def images(folder, *names):
    folder.mkdir(parents=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.zeros((48, 64, 3), np.uint8))
    return folder


def lefts(truth):
    """Left edges of what counts in each frame; None where nothing is known."""
    return [None if own is None else own.boxes[~own.ignored, 0].tolist() for own in truth]


def mot_line(frame, left, behind=""):
    return f"{frame},1,{left},5,10,10{behind}\n"


@pytest.mark.parametrize(
    "behind",
    [
        "",
        ",1",
        ",1,1",
        ",1,1,0.5",
        ",1,-1,-1",
        ",1,-1,-1,-1",
        ",1,-4.5,-3.25,0",
        ",0.9,2.0,3.0,1.0",
    ],
)
def test_each_form_of_mot_counts_its_objects(clip, tmp_path, behind):
    (tmp_path / "gt.txt").write_text(mot_line(1, 3, behind) + mot_line(2, 4, behind))
    source, truth = truths(clip, tmp_path / "gt.txt")
    assert lefts(truth) == [[3], [4]]
    assert source.class_names == ("person",)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["000001.png", "000004.png", "000007.png"], [[10], [40], [70]]),
        (["frame9.png", "frame10.png", "frame8.png"], [[80], [90], []]),
        (["clip3_000002_left.png", "clip3_000003_left.png"], [[20], [30]]),
        # Counted from 0, as the first one tells.
        (["000000.png", "000001.png"], [[10], [20]]),
        (["0004.png", "cover.png", "0005.png"], [[40], [50], None]),
        (["a.png", "b.png"], [[10], [20]]),
    ],
)
def test_mot_belongs_to_frames_by_the_number_in_their_names(tmp_path, names, expected):
    text = "".join(mot_line(number, 10 * number) for number in range(1, 10))
    folder = images(tmp_path / "seq" / "img1", *names)
    (tmp_path / "gt.txt").write_text(text)
    assert lefts(truths(folder, tmp_path / "gt.txt")[1]) == expected
    (tmp_path / "seq" / "gt").mkdir()
    (tmp_path / "seq" / "gt" / "gt.txt").write_text(text)
    assert lefts(e.ground_truth for e in open_source(str(tmp_path / "seq"))) == expected


def test_classes_of_mot_by_number(clip, tmp_path):
    text = mot_line(1, 1, ",1,1,1") + mot_line(1, 2, ",1,3,1") + mot_line(2, 3, ",1,7,1")
    (tmp_path / "gt.txt").write_text(text + mot_line(2, 4, ",1,6,1"))
    path = str(tmp_path / "gt.txt")
    source = open_source(str(clip), ground_truth=path)
    assert "(1 of class 3, 1 of class 6, 1 of class 7)" in source.truth_remarks()[-1]
    assert "'3: car'" in source.truth_remarks()[-1]
    numbers = {1: "person", 3: "car", 7: "person", 6: None}
    source = open_source(str(clip), ground_truth=path, class_numbers=numbers)
    first, second = [entry.ground_truth for entry in source]
    assert source.class_names == ("person", "car")
    assert first.class_ids.tolist() == [0, 1]
    assert second.ignored.tolist() == [False, True]
    assert "class" not in " ".join(source.truth_remarks())


def test_identities_beyond_what_columns_hold(clip, tmp_path):
    (tmp_path / "gt.txt").write_text(f"1,{'9' * 30},1,1,2,2\n1,5,1,1,2,2\n2,{'9' * 30},1,1,2,2\n")
    first, second = truths(clip, tmp_path / "gt.txt")[1]
    assert first.track_ids[0] == second.track_ids[0] != 5 == first.track_ids[1]


def test_numbers_of_classes_are_for_mot_files(clip, tmp_path):
    with pytest.raises(ConfigurationError, match="names the number 3, but the classes of"):
        open_source(str(clip), ground_truth=str(write_coco(tmp_path)), class_numbers={3: "car"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1.5,1,1,2,2\n", "the id is 1.5, expected a whole number"),
        ("1.5,1,1,1,2,2\n", "the frame is 1.5, expected a whole number up to"),
        ("1,1,1,1,2,2,1,2.5\n", "the class is 2.5, expected a whole number up to"),
        ("1,1,9,1,-2,2\n", "has a negative side"),
    ],
)
def test_mot_values_that_mean_nothing(tmp_path, text, message):
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(DatasetError, match=rf"line 1: .*{message}"):
        open_annotations(tmp_path / "gt.txt")


@pytest.mark.parametrize(
    "text",
    [
        f"1,1,{'x' * 5_000_000},1,2,2\n",
        f"1,1,{'9' * 5000}x,1,2,2\n",
        "1e300,1,1,1,2,2\n",
        "1,1,1,1,2,2,1,1e300\n",
        f"{'9' * 300},1,1,1,2,2,0.5,car\n",
        f"1,1,{'x' * 5000},1,2,2,0.5,car\n",
    ],
    ids=range(6),
)
def test_values_of_text_files_are_cut_in_errors(tmp_path, text):
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(DatasetError, match=r"gt\.txt, line 1: ") as caught:
        open_annotations(tmp_path / "gt.txt")
    assert len(str(caught.value)) < len(str(tmp_path)) + 320


def coco_of(*entries, **fields):
    """One object in each image, whose left edge is its id."""
    return {
        "images": [{"id": key, "file_name": name, **fields} for key, name in entries],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"image_id": key, "category_id": 1, "bbox": [key, 5, 10, 10]} for key, _ in entries
        ],
    }


@pytest.mark.parametrize(
    ("folder", "names", "entries", "expected"),
    [
        # An image without an entry has no truth, wherever it stands.
        ("clip", ["1.png", "2.png", "3.png"], [(7, "1.png"), (9, "3.png")], [[7], None, [9]]),
        ("clip", ["1.png", "2.png"], [(7, "x/clip/2.jpg")], [None, [7]]),
        ("day2", ["1.png"], [(7, "day1/1.png"), (9, "day2/1.png")], [[9]]),
        ("day2/img1", ["1.png"], [(7, "day1/1.png"), (9, "day2/1.png")], [[9]]),
        ("day1", ["1.png", "2.png"], [(7, "day1/1.png"), (9, "day2/2.png")], [[7], None]),
        ("b", ["1.png"], [(7, "val\\a\\1.png"), (9, "val\\b\\1.png")], [[9]]),
        ("flat", ["1.png", "2.png"], [(7, "cat/1.png"), (9, "dog/2.png")], [[7], [9]]),
    ],
)  # fmt: skip
def test_coco_belongs_to_frames_by_path(tmp_path, folder, names, entries, expected):
    (tmp_path / "truth.json").write_text(json.dumps(coco_of(*entries)))
    assert lefts(truths(images(tmp_path / folder, *names), tmp_path / "truth.json")[1]) == expected


def test_an_entry_that_is_there_twice_is_one(clip, tmp_path):
    twice = {name: COCO[name] * 2 for name in ("images", "categories")}
    _, (first, _) = truths(clip, write_coco(tmp_path, **twice))
    assert len(first) == 2


def test_what_the_file_calls_its_images_is_told(tmp_path):
    (tmp_path / "truth.json").write_text(json.dumps(coco_of((7, "frame_000001.jpg"), (8, "2.jpg"))))
    source, _ = truths(images(tmp_path / "clip", "000001.jpg", "2.jpg"), tmp_path / "truth.json")
    (remark,) = source.truth_remarks()
    assert "as '000001.jpg'" in remark and "'frame_000001.jpg'" in remark


def test_coco_with_the_same_name_in_folders_that_the_source_is_not(tmp_path):
    content = coco_of((7, "day1/1.png"), (9, "day2/1.png"))
    (tmp_path / "truth.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"may be 'day1/1\.png' or 'day2/1\.png'; name the"):
        truths(images(tmp_path / "day3", "1.png"), tmp_path / "truth.json")


@pytest.mark.parametrize("names", [("1.png", "1.png"), ("day1/1.png", "day1\\1.png")])
def test_coco_with_two_entries_of_one_file(tmp_path, names):
    content = coco_of((7, names[0]), (9, names[1]))
    (tmp_path / "truth.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"name the same file '(day1/)?1\.png' \(ids 7, 9\)"):
        truths(images(tmp_path / "day1", "1.png"), tmp_path / "truth.json")


@pytest.fixture
def video(tmp_path):
    """Four frames without files."""
    path = tmp_path / "clip.mjpeg"
    path.write_bytes(b"".join([cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1]] * 4))
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["frame_000000.png", "frame_000002.png"], [[1], None, [2], None]),
        (["frame_000001.png", "frame_000003.png"], [[1], None, [2], None]),
        (["x.png", "y.png"], [[1], [2], None, None]),
    ],
)
def test_frames_without_files_go_by_number(video, tmp_path, names, expected):
    (tmp_path / "truth.json").write_text(json.dumps(coco_of(*enumerate(names, start=1))))
    assert lefts(truths(video, tmp_path / "truth.json")[1]) == expected


def test_coco_frame_ids_number_the_frames_of_a_video(video, tmp_path):
    content = coco_of((5, ""), (6, ""))
    content["images"] = [{"id": 6, "frame_id": 0}, {"id": 5, "frame_id": 3}]
    (tmp_path / "truth.json").write_text(json.dumps(content))
    assert lefts(truths(video, tmp_path / "truth.json")[1]) == [[6], None, None, [5]]


def identities(clip, tmp_path, *entries):
    annotations = [
        {"image_id": 20, "category_id": 1, "bbox": [0, 0, 1, 1], **entry} for entry in entries
    ]
    (first, _) = truths(clip, write_coco(tmp_path, annotations=annotations))[1]
    return first.track_ids.tolist()


def test_identities_of_coco(clip, tmp_path):
    given = ({"track_id": 3}, {"track_id": None}, {}, {"attributes": {"track_id": 4}},
             {"track_id": None, "attributes": {"track_id": 5}}, {"instance_id": 6.0})  # fmt: skip
    assert identities(clip, tmp_path, *given) == [3, -1, -1, 4, 5, 6]
    texts = [{"track_id": text} for text in ("car-1", "car-2", "car-1", "7", "")]
    one, two, again, seven, nothing = identities(clip, tmp_path, *texts)
    assert one == again != two
    assert (seven, nothing) == (7, -1)
    assert min(one, two) > 7
    with pytest.raises(DatasetError, match=r"annotations\[0\]: the identity is \[1\], expected"):
        identities(clip, tmp_path, {"track_id": [1]})


@pytest.mark.parametrize(
    "box", ["[NaN, 0, 1, 1]", "[0, 0, Infinity, 1]", '["1", 0, 1, 1]', "[true, 0, 1, 1]", "null",
            "[0, 0, 1]", "[0, 0, -3, 1]", "[1e300, 0, 1, 1]"],
)  # fmt: skip
def test_boxes_of_coco_that_are_none(clip, tmp_path, box):
    path = write_coco(tmp_path, annotations=[{"image_id": 20, "category_id": 1, "bbox": 0}])
    path.write_text(path.read_text().replace('"bbox": 0', f'"bbox": {box}'))
    with pytest.raises(
        DatasetError, match=r"annotations\[0\]: (bbox is|the box)|is no number|must be below"
    ):
        truths(clip, path)


def test_coco_categories_of_one_name_are_one_class(clip, tmp_path):
    categories = [{"id": 3, "name": "person"}, {"id": 1, "name": "person"}]
    source, (first, second) = truths(clip, write_coco(tmp_path, categories=categories))
    assert source.class_names == ("person",)
    assert first.class_ids.tolist() == second.class_ids.tolist() == [0, 0]


def test_files_of_imagenet_vid_that_are_missing_or_not_in_order(tmp_path):
    folder = tmp_path / "xml"
    folder.mkdir()
    for stem, left in (("frame2", 2), ("frame10", 10)):
        text = XML.replace("<xmin>10<", f"<xmin>{left}<").replace("<trackid>0<", "<trackid><")
        (folder / f"{stem}.xml").write_text(text, encoding="utf-8-sig")
    clip = images(tmp_path / "clip", "frame1.JPEG.png", "frame2.png", "frame10.png")
    _, truth = truths(clip, folder)
    assert lefts(truth) == [None, [2, 1], [10, 1]]
    assert truth[1].track_ids.tolist() == [-1, 4]
    (folder / "frame2.xml").write_text(XML.replace("<xmin>10<", "<xmin>nan<"))
    with pytest.raises(DatasetError, match=r"frame2\.xml, object 0: .* are no numbers"):
        truths(clip, folder)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks(clip, tmp_path, encoding):
    (tmp_path / "gt.txt").write_text(mot_line(1, 3), encoding=encoding)
    assert lefts(truths(clip, tmp_path / "gt.txt")[1])[0] == [3]
    path = write_coco(tmp_path)
    path.write_text(path.read_text(), encoding=encoding)
    assert lefts(truths(clip, path)[1])[0] == [1]
    (tmp_path / "detections.txt").write_text("1,-1,3,4,5,6,0.9,persøn\n", encoding=encoding)
    assert truths(clip, tmp_path / "detections.txt")[0].class_names == ("persøn",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gt.txt", "", "holds no object; give another ground truth"),
        (
            "gt.txt",
            mot_line(9, 3),
            "none of the 1 objects of .* is in a frame of clip: it has 2 frames",
        ),
        ("detections.txt", "", "holds no object"),
        ("truth.json", json.dumps(coco_of((7, "other.png"))), "2 images have no entry, as 'a.png'"),
    ],
)
def test_truth_of_which_nothing_is_used_is_refused(clip, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=message):
        truths(clip, tmp_path / name)


def test_what_a_run_found_is_truth(clip, tmp_path):
    """Frames from 1 in the order of the source, whatever its files are called."""
    names = ["traffic light", "a, b", 'say "x"', "two\nlines"]
    detections = Detections.from_arrays([[i, 2, i + 3, 6] for i in range(4)], [0.9, 0.5, 0.4, 0.8],
                                        [0, 1, 2, 3])  # fmt: skip
    with RunFiles(tmp_path, names, None) as files:
        for index in (0, 1):
            frame = Frame(np.zeros((8, 8, 3), np.uint8), index, "clip", index)
            found = detections if index else Detections.empty()
            decision = Decision(Branch(160), "detect", True, False, 1.0, 1.0, 0.5, "because")
            timings = StageTimings(processing_ms=1.0)
            files.add(frame, FrameResult(index, "clip", index, found, decision, SLA(50.0), timings))
    source, (first, second) = truths(clip, tmp_path / "detections.txt")
    assert len(first) == 0
    assert [source.class_names[i] for i in second.class_ids] == names
    assert second.ignored.tolist() == [False, False, True, False]
    assert second.track_ids.tolist() == [-1] * 4
    np.testing.assert_allclose(second.boxes, detections.boxes)
    # A run over part of a source numbers that part.
    truth = str(tmp_path / "detections.txt")
    longer = images(tmp_path / "longer", "5.png", "6.png", "7.png", "8.png")
    part = open_source(f"{longer}[2:4]", ground_truth=truth)
    assert [len(entry.ground_truth) for entry in part] == [0, 4]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,-1,1,1,2,2,0.9", "line 2: 7 columns, expected frame,id,x,y,w,h,score,class_name"),
        ("0,-1,1,1,2,2,0.9,car", "line 2: .* a frame below 1"),
        ("1,-1,1,1,2,2,9,car", "line 2: .* a score beyond 0 to 1"),
        ("1,-1,1,1,nan,2,0.9,car", "line 2: .* no numbers"),
        ("one,-1,1,1,2,2,0.9,car", "line 2: .*'one'"),
    ],
)
def test_detections_that_are_malformed(tmp_path, line, message):
    (tmp_path / "detections.txt").write_text(f"1,-1,1,1,2,2,0.9,car\n{line}\n")
    with pytest.raises(DatasetError, match=message):
        open_annotations(tmp_path / "detections.txt")


@pytest.mark.parametrize("name", [None, "", 7, [1]])
def test_one_coco_image_without_a_name_does_not_move_the_others(tmp_path, name):
    content = coco_of(*((key, f"{key}.png") for key in (1, 2, 5, 6)))
    content["images"][1]["file_name"] = name
    (tmp_path / "truth.json").write_text(json.dumps(content))
    folder = images(tmp_path / "clip", *(f"{n}.png" for n in range(1, 7)))
    source, truth = truths(folder, tmp_path / "truth.json")
    assert lefts(truth) == [[1], None, None, None, [5], [6]]
    assert any("1 of its images have no file_name, as [2]" in r for r in source.truth_remarks())


@pytest.mark.parametrize(
    ("frame_ids", "expected"),
    [
        ([0, "2"], [[10], None, [11], None]),
        (["0", "3"], [[10], None, None, [11]]),
        ([0.0, 2.0], [[10], None, [11], None]),
        ([0, None], [[10], None, None, None]),
        ([True, 2], [None, [11], None, None]),
        (["a", "b"], [[10], [11], None, None]),
    ],
)
def test_frame_ids_of_coco_in_each_form(video, tmp_path, frame_ids, expected):
    content = coco_of((10, ""), (11, ""))
    for image, frame_id in zip(content["images"], frame_ids, strict=True):
        image["frame_id"] = frame_id
    (tmp_path / "truth.json").write_text(json.dumps(content))
    assert lefts(truths(video, tmp_path / "truth.json")[1]) == expected


def test_order_is_said_where_it_decides(clip, video, tmp_path):
    content = coco_of((1, ""), (2, ""))
    (tmp_path / "truth.json").write_text(json.dumps(content))
    folder = tmp_path / "xml"
    folder.mkdir()
    (folder / "x.xml").write_text(XML)
    for source, truth in ((clip, "truth.json"), (video, "truth.json"), (video, "xml")):
        (remark,) = truths(source, tmp_path / truth)[0].truth_remarks()
        assert "taken in their order" in remark


@pytest.mark.parametrize(
    ("numbers", "is_said"), [((1, 2, 3), True), ((1, 4), False), ((0, 3), False), ((2, 3), True)]
)
def test_which_counting_was_taken_is_said_where_both_fit(tmp_path, numbers, is_said):
    entries = [(number, f"{number:06}.png") for number in numbers]
    (tmp_path / "truth.json").write_text(json.dumps(coco_of(*entries)))
    folder = tmp_path / "xml"
    folder.mkdir()
    for number in numbers:
        (folder / f"{number:06}.xml").write_text(XML)
    for truth in (tmp_path / "truth.json", folder):
        source = open_source("synthetic:calm", frame_count=4, ground_truth=str(truth))
        remarks = source.truth_remarks()
        assert any("counted from 1" in remark for remark in remarks) is is_said


VISDRONE = "1,1,10,5,9,9,1,4,0,0\n2,2,20,5,9,9,1,9,1,2\n"


@pytest.mark.parametrize(
    ("text", "classes", "expected", "said"),
    [
        (VISDRONE, {4: "person", 9: "bus"}, [[10], [20]], "the class map names it"),
        (VISDRONE, {4: "person"}, [[10], []], "the class map names it"),
        (VISDRONE, None, [[], []], "whole numbers that differ"),
        (VISDRONE.replace(",9,1,2", ",4,1,2"), {4: "car"}, [[10], [20]], "class map names it"),
        (VISDRONE.replace(",9,1,2", ",4,1,2"), None, [[10], [20]], "world coordinates"),
        (VISDRONE.replace(",0,0", ",0.5,0"), {4: "car"}, [[], []], "world coordinates"),
        ("1,1,10,5,9,9,1,-4,30,0\n2,1,20,5,9,9,1,12,7,0\n", None, [[10], [20]], "world"),
        ("1,1,10,5,9,9,1,-1, -1, -1\n2,1,20,5,9,9,1, -1,-1,-1.0\n", None, [[10], [20]], ""),
    ],
)
def test_ten_columns_of_mot_with_a_class_or_a_place(clip, tmp_path, text, classes, expected, said):
    (tmp_path / "gt.txt").write_text(text)
    annotations = open_annotations(tmp_path / "gt.txt", classes=classes)
    source = AnnotatedSource(open_source(str(clip)), annotations)
    assert lefts(entry.ground_truth for entry in source) == expected
    about = [remark for remark in source.truth_remarks() if "of its ten columns" in remark]
    assert len(about) == bool(said)
    assert all(said in remark for remark in about)


@pytest.mark.parametrize(
    "names",
    [
        ["f001_1040ms.png", "f002_1080ms.png", "f004_1160ms.png"],
        ["1040_001.png", "1080_002.png", "1160_004.png"],
        ["a1_b1700000000.5_c9.png", "a2_b1700000000.6_c9.png", "a4_b1700000001.9_c9.png"],
    ],
)
def test_of_two_running_numbers_in_names_the_slower_one_counts(tmp_path, names):
    (tmp_path / "gt.txt").write_text("".join(mot_line(n, n) for n in (1, 2, 4)))
    _, truth = truths(images(tmp_path / "clip", *names), tmp_path / "gt.txt")
    assert lefts(truth) == [[1], [2], [4]]


@pytest.mark.parametrize("ending", ["txt", "csv"])
@pytest.mark.parametrize(
    ("of_run", "part", "expected", "said"),
    [
        ("clip", "[2:4]", [[3], [4]], ""),
        ("clip[1:4]", "[2:4]", [[2], [3]], "its run began with frame 1"),
        ("clip[1:4]", "", [[], [1], [2], [3]], "its run began with frame 1"),
        ("clip[2:]", "[2:4]", [[1], [2]], "its run began with frame 2"),
        ("other", "[2:4]", [[1], [2]], "no config.yaml beside it tells"),
        (None, "[2:4]", [[1], [2]], "no config.yaml beside it tells"),
        ("{", "", [[1], [2], [3], [4]], ""),
    ],
)
def test_detections_of_a_run_over_a_part(tmp_path, ending, of_run, part, expected, said):
    folder = images(tmp_path / "clip", *(f"{n}.png" for n in range(4)))
    text = "".join(f"{n},{n},{n},5,10,10,0.9,person\n" for n in range(1, 5))
    (tmp_path / f"found.{ending}").write_text(text)
    if of_run is not None:
        (tmp_path / "config.yaml").write_text(of_run if of_run == "{" else f"source: '{of_run}'\n")
    source = open_source(f"{folder}{part}", ground_truth=str(tmp_path / f"found.{ending}"))
    assert lefts(entry.ground_truth for entry in source) == expected
    about_runs = [text for text in source.truth_remarks() if "run" in text]
    assert len(about_runs) == bool(said)
    assert all(said in text for text in about_runs)


def test_detections_that_go_by_order_where_names_have_other_numbers(tmp_path):
    (tmp_path / "detections.txt").write_text("1,1,7,5,10,10,0.9,person\n")
    for name, numbers, is_said in (
        ("a", (1, 4, 7), True),
        ("b", (1, 2), False),
        ("c", (0,), False),
    ):
        folder = images(tmp_path / name, *(f"{n:03}.png" for n in numbers))
        source, _ = truths(folder, tmp_path / "detections.txt")
        assert any("order of the images" in text for text in source.truth_remarks()) is is_said
