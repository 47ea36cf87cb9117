"""HOTA, IDF1 and MOTA are TrackEval's own, on MOT files read by TrackEval itself."""

import contextlib
import io
import math

import numpy as np
import pytest

from approx_perception.metrics.identity import identity_scores
from test.metrics.records import Row, found, record, truth

trackeval = pytest.importorskip("trackeval", reason="TrackEval is not installed")

LEFT, RIGHT, FAR = [0, 0, 20, 40], [60, 0, 80, 40], [150, 50, 170, 90]


def random_rows(count=40, seed=0):
    """Three objects that move; boxes are noisy, missing, false, and change identity once."""
    rng = np.random.default_rng(seed)
    rows = []
    for frame in range(count):
        shift = np.array([frame, 0.5 * frame] * 2)
        boxes = np.array([LEFT, RIGHT, FAR]) + shift * np.array([[1], [0.5], [-1]])
        ids = [11, 12, 13] if frame < count // 2 else [11, 22, 13]
        kept = np.flatnonzero(rng.random(3) < 0.85)
        noisy = boxes[kept] + rng.normal(0, 3, (len(kept), 4))
        published, own = noisy.tolist(), [ids[i] for i in kept]
        if rng.random() < 0.2:
            published.append([100, 0, 110, 20])
            own.append(99)
        rows.append(Row(found(published, ids=own), truth(boxes, ids=[1, 2, 3])))
    return rows


def reference(rows, tmp_path):
    """Through TrackEval's own reader of MOTChallenge files."""
    truth_folder = tmp_path / "gt" / "made-train" / "seq" / "gt"
    found_folder = tmp_path / "trackers" / "made-train" / "ours" / "data"
    for folder in (truth_folder, found_folder, tmp_path / "gt" / "seqmaps"):
        folder.mkdir(parents=True)
    lines, ours = [], []
    for number, row in enumerate(rows, start=1):
        for i, (x1, y1, x2, y2) in enumerate(row.truth.boxes.astype(float).tolist()):
            lines.append(f"{number},{row.truth.track_ids[i]},{x1},{y1},{x2 - x1},{y2 - y1},1,1,1\n")
        for i, (x1, y1, x2, y2) in enumerate(row.found.boxes.astype(float).tolist()):
            ours.append(
                f"{number},{row.found.track_ids[i]},{x1},{y1},{x2 - x1},{y2 - y1},0.9,-1,-1,-1\n"
            )
    (truth_folder / "gt.txt").write_text("".join(lines))
    (found_folder / "seq.txt").write_text("".join(ours))
    (truth_folder.parent / "seqinfo.ini").write_text(
        f"[Sequence]\nname=seq\nseqLength={len(rows)}\n"
    )
    (tmp_path / "gt" / "seqmaps" / "made-train.txt").write_text("name\nseq\n")
    quiet = {"PRINT_CONFIG": False}
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = trackeval.datasets.MotChallenge2DBox(
            {
                **quiet, "GT_FOLDER": str(tmp_path / "gt"), "BENCHMARK": "made",
                "TRACKERS_FOLDER": str(tmp_path / "trackers"), "SPLIT_TO_EVAL": "train",
                "TRACKERS_TO_EVAL": ["ours"], "DO_PREPROC": False,
            }
        )  # fmt: skip
        evaluator = trackeval.Evaluator(
            {
                **quiet, "PRINT_RESULTS": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False,
                "OUTPUT_DETAILED": False, "PLOT_CURVES": False, "BREAK_ON_ERROR": True,
                "LOG_ON_ERROR": None,
            }
        )  # fmt: skip
        metrics = [
            trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet),
            trackeval.metrics.Identity(quiet),
        ]  # fmt: skip
        results, _ = evaluator.evaluate([dataset], metrics)
    return results["MotChallenge2DBox"]["ours"]["COMBINED_SEQ"]["pedestrian"]


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_trackeval_on_the_same_files(seed, tmp_path):
    rows = random_rows(seed=seed)
    ours, theirs = identity_scores([record(rows)]), reference(rows, tmp_path)
    assert ours.hota == pytest.approx(np.mean(theirs["HOTA"]["HOTA"]), abs=1e-6)
    assert ours.ass_a == pytest.approx(np.mean(theirs["HOTA"]["AssA"]), abs=1e-6)
    assert ours.idf1 == pytest.approx(theirs["Identity"]["IDF1"], abs=1e-6)
    assert ours.mota == pytest.approx(theirs["CLEAR"]["MOTA"], abs=1e-6)
    assert ours.id_switches == theirs["CLEAR"]["IDSW"] >= 1


def test_perfect_identities():
    rows = [Row(found([LEFT, RIGHT], ids=[5, 6]), truth([LEFT, RIGHT]))] * 4
    scores = identity_scores([record(rows)])
    assert (scores.hota, scores.idf1, scores.mota, scores.id_switches) == (1, 1, 1, 0)


def test_one_switch_by_hand():
    rows = [Row(found([LEFT], ids=[5]), truth([LEFT]))] * 2
    rows += [Row(found([LEFT], ids=[6]), truth([LEFT]))] * 2
    scores = identity_scores([record(rows)])
    assert scores.id_switches == 1
    # Half of the frames can be given to one identity: 2 of 4 true, 2 false, 2 missed.
    assert scores.idf1 == pytest.approx(0.5)
    assert scores.mota == pytest.approx(1 - 1 / 4)


def test_objects_without_an_identity_do_not_count():
    rows = [Row(found([LEFT, FAR], ids=[5, -1]), truth([LEFT]))] * 2
    assert identity_scores([record(rows)]).mota == 1


def test_what_lies_on_an_ignored_object_is_no_false_positive():
    there = truth([LEFT, RIGHT], ignored=[False, True])
    rows = [Row(found([LEFT, RIGHT], ids=[5, 6]), there)] * 2
    assert identity_scores([record(rows)]).mota == 1
    rows = [Row(found([LEFT, FAR], ids=[5, 6]), there)] * 2
    assert identity_scores([record(rows)]).mota == 0


def test_the_same_identity_in_two_records_is_two():
    first = [Row(found([LEFT], ids=[5]), truth([LEFT], ids=[1]))] * 2
    second = [Row(found([LEFT], ids=[8]), truth([LEFT], ids=[1]))] * 2
    assert identity_scores([record(first), record(second)]).id_switches == 0


def test_nothing_there():
    scores = identity_scores([record([Row(found([LEFT], ids=[1]), truth([]))])])
    assert math.isnan(scores.hota)
    assert scores.id_switches == 0
