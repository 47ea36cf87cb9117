"""A bag that we wrote plays through the real node, and what it published is scored."""

import json

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from approx_perception.datasets.bag_writer import write_bag
from approx_perception.datasets.synthetic import SyntheticVideo
from test.cli.test_commands import command
from test.recorded_machine import write_space

FRAMES = 60


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    write_bag(folder / "bag", SyntheticVideo("calm", "test", 0, FRAMES, fps=15))
    # The network knows bottles, of which the bag has none, so that no topic names them.
    (folder / "map.yaml").write_text("bottle:\nstar: star\n")
    (folder / "scenario.yaml").write_text("sla_steps: {30: 40}\nlimits: {drop_share: '<=0.9'}\n")
    result = command(
        "evaluate", folder / "bag", "--live", "--space", write_space(folder), "--sla-ms", 200,
        "--scenario", folder / "scenario.yaml", "--class-map", folder / "map.yaml",
        "--out", folder / "out", timeout=180,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder, json.loads((folder / "out" / "result.json").read_text())


def test_what_was_published_is_scored(evaluated):
    _, result = evaluated
    figures = result["systems"]["most_accurate"]["figures"]
    assert result["clock"] == "this machine, live over ROS"
    assert figures["frames"] == FRAMES
    assert 0 <= figures["drop_share"] < 0.9
    assert figures["ap50"] > 0.3
    use = result["systems"]["most_accurate"]["truth"]
    assert use["frames_with_truth"] == round(FRAMES * (1 - figures["drop_share"]))
    assert all("in frames that were dropped" in text for text in use["warnings"])
    assert 0 <= figures["sap50"] <= 1
    assert figures["p95_age_ms"] >= figures["p50_processing_ms"] > 0
    assert 0 <= figures["idf1"] <= 1
    # The SLA's step was made while it played; stages are not on topics.
    assert figures["steps"] == 1
    assert figures["mean_detect_ms"] is None


def test_the_nodes_leave_their_logs(evaluated):
    folder, _ = evaluated
    names = {path.name for path in (folder / "out" / "logs").iterdir()}
    assert {"perception_node.log", "player_node.log", "sent.csv"} <= names


def test_a_page_about_it(evaluated):
    folder, _ = evaluated
    result = command("report", folder / "out")
    assert result.returncode == 0, result.stderr
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert len(page) > 1e6
    # Topics do not tell the stages of a frame.
    assert "Where the time goes" not in page


def test_a_results_bag_plays_through_the_node(evaluated):
    """What export leaves is a bag like any other."""
    folder, _ = evaluated
    exported = command(
        "evaluate", folder / "bag", "--frames", 20, "--space", folder / "tiny.yaml",
        "--branch", "shape=160", "--policy", "fixed", "--export", "--out", folder / "exported",
    )  # fmt: skip
    assert exported.returncode == 0, exported.stderr
    bag = folder / "exported" / "bag" / "fixed" / "results_bag"
    result = command(
        "evaluate", bag, "--live", "--space", folder / "tiny.yaml", "--ground-truth", "/detections",
        "--sla-ms", 200, "--out", folder / "again", timeout=180,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    figures = json.loads((folder / "again" / "result.json").read_text())["systems"]["most_accurate"]
    assert figures["figures"]["frames"] == 20
    assert figures["figures"]["ap50"] > 0.1
