"""Files of ground truth that tests make, and what is read of them."""

import json

import cv2
import numpy as np

from approx_perception.datasets import open_source

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


def write_coco(tmp_path, **changes):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({**COCO, **changes}))
    return path


def truths(source, ground_truth):
    opened = open_source(str(source), ground_truth=str(ground_truth))
    return opened, [entry.ground_truth for entry in opened]


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


def coco_of(*entries, **fields):
    """One object in each image, whose left edge is its id."""
    return {
        "images": [{"id": key, "file_name": name, **fields} for key, name in entries],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"image_id": key, "category_id": 1, "bbox": [key, 5, 10, 10]} for key, _ in entries
        ],
    }
