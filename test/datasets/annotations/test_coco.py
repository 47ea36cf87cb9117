"""Ground truth of COCO."""

import json

import pytest

from approx_perception.exceptions import DatasetError
from test.datasets.annotations.truth_files import (
    COCO,
    coco_of,
    images,
    lefts,
    truths,
    write_coco,
)


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
