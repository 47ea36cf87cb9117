"""Ground truth in XML: ImageNet VID and Pascal VOC."""

import pytest

from approx_perception.exceptions import DatasetError
from test.datasets.annotations.truth_files import (
    XML,
    images,
    lefts,
    truths,
)


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
        (XML.replace("n02958343", "n99999999"), r"0: 'n99999999' is no class of ImageNet VID"),
        (XML.replace("n02958343", " "), "object 0: '' names no class"),
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


def test_pascal_voc_has_the_classes_that_its_files_name(clip, tmp_path):
    folder = tmp_path / "Annotations"
    folder.mkdir()
    text = XML.replace("n02958343", "traffic cone").replace("<trackid>0</trackid>", "")
    (folder / "a.xml").write_text(
        text.replace("<occluded>0", "<difficult>1</difficult><occluded>0")
    )
    source, (first, second) = truths(clip, folder)
    assert source.class_names == ("dog", "traffic cone")
    assert first.class_ids.tolist() == [1, 0]
    assert first.ignored.tolist() == [True, False]
    assert first.track_ids.tolist() == [-1, 4]
    assert second is None
