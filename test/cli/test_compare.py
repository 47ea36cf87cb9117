"""Systems side by side, and the page about them in a real browser."""

import html
import json
import re
import shutil
import subprocess

import cv2
import pytest

from test.cli.test_commands import assert_one_sentence, invoke
from test.recorded_machine import write_records, write_space

SYSTEMS = ("ours", "detector_only", "adascale", "triggered", "oracle", "best_fixed")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
#: What the console says of a machine without a graphics card.
NOISE = ("WebGL", "GPU stall", "GL Driver")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    options = ("--space", write_space(folder), "--latency-trace", write_records(folder))
    systems = [word for system in SYSTEMS for word in ("--policy", system)]
    result = invoke(
        "compare", "synthetic:race:test:0", *systems, "--frames", 40, *options, "--sla-ms", 20,
        "--sla-scope", "gof", "--branch", "shape=160,nprop=10,si=4,tracker=median_flow,ds=2",
        "--out", folder / "out",
    )  # fmt: skip
    # detector_only keeps the branch's other knobs, and must not track.
    assert result.returncode == 1
    assert "leave si out" in result.stderr
    systems[3] = "fixed"
    result = invoke(
        "compare", "synthetic:race:test:0", *systems, "--frames", 40, *options, "--sla-ms", 20,
        "--sla-scope", "gof", "--branch", "shape=160,nprop=10,si=4,tracker=median_flow,ds=2",
        "--out", folder / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder / "out", result


def test_the_table_and_the_result_say_the_same(compared):
    out, result = compared
    table = (out / "table.md").read_text()
    assert table.strip() in result.stdout
    systems = json.loads((out / "result.json").read_text())["systems"]
    assert list(systems) == ["ours", "fixed", *SYSTEMS[2:]]
    for name, own in systems.items():
        (row,) = (line for line in table.splitlines() if line.startswith(f"| {name} |"))
        assert f"{own['figures']['ap50']:.3f}" in row
        interval = own["intervals"]["ap50"]
        assert interval["value"] == pytest.approx(own["figures"]["ap50"])
        # 40 frames are two blocks.
        assert interval["low"] is None and interval["high"] is None
        assert f"{interval['value']:.3f} (too few frames to tell)" in row


def test_nobody_beats_who_knew_everything(compared):
    out, _ = compared
    systems = json.loads((out / "result.json").read_text())["systems"]
    assert systems["oracle"]["regret"] == {
        "oracle": 0, "best_fixed": pytest.approx(
            systems["best_fixed"]["figures"]["ap50"] - systems["oracle"]["figures"]["ap50"]
        ),
    }  # fmt: skip
    assert systems["oracle"]["figures"]["ap50"] >= systems["best_fixed"]["figures"]["ap50"] - 1e-9
    assert systems["best_fixed"]["figures"]["violation_share"] <= 0.05
    assert systems["oracle"]["figures"]["hota"] is None


def test_all_systems_saw_the_same_frames(compared):
    out, _ = compared
    systems = json.loads((out / "result.json").read_text())["systems"]
    seen = {own["sources"]["synthetic_race_test_0"]["data_hash"] for own in systems.values()}
    assert len(seen) == 1


def test_adascale_detects_in_every_frame_and_knows_no_sla(compared):
    out, _ = compared
    own = json.loads((out / "result.json").read_text())["systems"]["adascale"]["figures"]
    assert own["mean_track_ms"] == 0
    assert own["violation_share"] > 0.5


def test_repetitions_make_nothing_more_certain(tmp_path):
    """On a recorded machine they are all the same: so are the intervals, and none is lost."""
    results = []
    options = ("--space", write_space(tmp_path), "--latency-trace", write_records(tmp_path))
    for repeats in (1, 3):
        out = tmp_path / str(repeats)
        result = invoke(
            "compare", "synthetic:race:test:0", "-s", "ours", "-s", "fastest", "--frames", 128,
            *options, "--repeats", repeats, "--out", out,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        results.append(json.loads((out / "result.json").read_text())["systems"]["ours"])
    once, thrice = results
    source = thrice["sources"]["synthetic_race_test_0"]
    assert (source["repeats"], source["frames"], source["figures"]["frames"]) == (3, 128, 384)
    for name, interval in once["intervals"].items():
        assert interval["low"] <= interval["value"] <= interval["high"]
        assert thrice["intervals"][name] == pytest.approx(interval, abs=0.02, rel=0.02), name


def test_oracle_needs_a_recorded_machine(tmp_path):
    result = invoke(
        "compare", "synthetic:calm", "-s", "oracle", "--frames", 2, "--out", tmp_path / "out"
    )
    assert result.returncode == 1
    assert "give --latency-trace" in result.stderr.replace("\n", " ")


def test_the_oracle_knows_nothing_of_what_runs_beside(tmp_path):
    result = invoke(
        "compare", "synthetic:calm", "-s", "oracle", "--frames", 2, "--execution", "pipelined",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 1
    assert "is known of 'sequential' alone" in result.stderr.replace("\n", " ")


def test_the_oracle_alone(tmp_path):
    result = invoke(
        "compare", "synthetic:race:test:0", "-s", "oracle", "--frames", 4, "--space",
        write_space(tmp_path), "--latency-trace", write_records(tmp_path), "--out",
        tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert list(json.loads((tmp_path / "out" / "result.json").read_text())["systems"]) == ["oracle"]


@pytest.fixture(scope="module")
def page(compared):
    out, _ = compared
    result = invoke("report", out, "--png", out / "png", "--title", "Race & <others>")
    assert result.returncode == 0, result.stderr
    return out / "report.html"


def browse(page, *flags):
    """DOM after all scripts ran, and what the console said."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         "--virtual-time-budget=20000", "--window-size=1280,2000", *flags, page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return done.stdout, [line for line in said if not any(word in line for word in NOISE)]


def test_the_page_renders_without_errors_and_without_a_network(page):
    dom, said = browse(page, "--dump-dom", "--host-resolver-rules=MAP * ~NOTFOUND")
    assert said == []
    # Accuracy, distribution, stages, and the first timeline.
    assert len(re.findall(r'class="[^"]*js-plotly-plot', dom)) == 4
    assert dom.count('class="main-svg"') >= 4
    assert "Race &amp; &lt;others&gt;" in dom
    assert dom.count("data:image/jpeg;base64,") >= 1
    assert not re.findall(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="https?:', dom)


def test_the_first_screen_says_whether_the_sla_was_kept_and_what_that_cost(page, compared):
    text = html.unescape(page.read_text())
    systems = json.loads((compared[0] / "result.json").read_text())["systems"]
    head = text[text.index("<body>") : text.index('id="summary"')]
    for own in systems.values():
        assert own["verdict"]["slas"][0]["text"] in head
        assert own["verdict"]["cost"] in head
    assert "AP50" in systems["ours"]["verdict"]["cost"]
    assert "the best fixed branch (best_fixed:" in systems["ours"]["verdict"]["cost"]
    made = json.loads((compared[0] / "result.json").read_text())["made"]
    assert made["command"] in head
    assert made["date"] in head
    assert "SLA 20 ms" in head
    assert "difference to ours" in text
    assert "ground truth. Click" in text
    # The verdict comes before all else on standard output, too.
    assert compared[1].stdout.startswith("ours: SLA 20 ms for 95 % of groups: ")


def test_verdicts_stand_on_the_first_screen(page, tmp_path):
    browse(page, f"--screenshot={tmp_path / 'page.png'}", "--window-size=1280,900")
    image = cv2.imread(str(tmp_path / "page.png"))[:400].astype(int)
    green = (image[..., 1] > image[..., 2] + 60) & (image[..., 1] > image[..., 0] + 40)
    red = (image[..., 2] > image[..., 1] + 100) & (image[..., 2] > image[..., 0] + 100)
    assert green.sum() > 200
    assert red.sum() > 200


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("-s", "fixed", "--branch", "shape=96,nprop=10", "--branch", "shape=160,nprop=10"),
         ["fixed:shape=96,nprop=10", "fixed:shape=160,nprop=10"]),
        (("-s", "fixed:shape=96,nprop=10", "-s", "detector_only:shape=160,nprop=10"),
         ["fixed:shape=96,nprop=10", "detector_only:shape=160,nprop=10"]),
        (("-s", "fixed:shape=96,nprop=10", "-s", "fixed", "--branch", "shape=96,nprop=10"),
         ["fixed:shape=96,nprop=10", "fixed"]),
    ],
)  # fmt: skip
def test_several_fixed_branches(compared, tmp_path, words, names):
    folder = compared[0].parent
    result = invoke(
        "compare", "synthetic:race:test:0", *words, "--frames", 2, "--space",
        folder / "tiny.yaml", "--latency-trace", folder / "machine.records.json",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    systems = json.loads((tmp_path / "out" / "result.json").read_text())["systems"]
    assert list(systems) == names
    branches = [own["configuration"]["branch"] for own in systems.values()]
    assert branches == [name.partition(":")[2] or "shape=96,nprop=10" for name in names]
    twins = f"note: {names[0]} and {names[1]} are the same system"
    assert (twins in result.stderr) == (len(set(branches)) == 1)


def test_a_source_twice_is_told_and_its_error_is_said_once(compared, tmp_path):
    folder = compared[0].parent
    words = ("compare", "synthetic:race:test:0", "synthetic:race:test:0", "-s", "fastest",
             "--space", folder / "tiny.yaml", "--latency-trace", folder / "machine.records.json",
             "--frames", 2)  # fmt: skip
    result = invoke(*words, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    (warning,) = json.loads((tmp_path / "out" / "result.json").read_text())["warnings"]
    assert f"warning: {warning}" in result.stderr
    assert "synthetic_race_test_0_2 has the images of synthetic_race_test_0" in warning
    (tmp_path / "map.yaml").write_text('"3": person\n')
    result = invoke(*words[:2], *words[3:], "--class-map", tmp_path / "map.yaml",
                    "--out", tmp_path / "wrong")  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.count("write the number without quotes") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-s", "ours:shape=96"), "only 'fixed' or 'triggered' take one"),
        (("-s", "fixed:"), "'fixed:' names no branch"),
        (("-s", "fixed:speed=1"), "'speed=1'"),
        (("-s", "ours", "--branch", "shape=96", "--branch", "shape=160"), "no policy takes"),
        (
            ("-s", "fixed", "--branch", "shape=96", "--branch", "shape=96"),
            "'fixed:shape=96' is there 2 times",
        ),
    ],
)
def test_branches_that_cannot_be(tmp_path, words, message):
    result = invoke("compare", "synthetic:calm", *words, "--frames", 2, "--out", tmp_path / "out")
    assert_one_sentence(result, message)
    assert not (tmp_path / "out").exists()


def test_figures_on_the_page_equal_the_json(page, compared):
    dom, _ = browse(page, "--dump-dom")
    systems = json.loads((compared[0] / "result.json").read_text())["systems"]
    cells = re.findall(
        r'data-system="([^"]+)" data-figure="([^"]+)" data-value="([^"]*)"', html.unescape(dom)
    )
    assert len(cells) > 6 * 20
    for system, figure, value in cells:
        expected = systems[system]["figures"][figure]
        assert (float(value) if value else None) == expected, (system, figure)


def test_a_screenshot_is_not_blank(page, tmp_path):
    browse(page, f"--screenshot={tmp_path / 'page.png'}")
    image = cv2.imread(str(tmp_path / "page.png"))
    assert image.shape[1] == 1280
    assert (image < 128).any(axis=2).mean() > 0.005


def test_pictures_for_papers(page, compared):
    names = {path.name for path in (compared[0] / "png").iterdir()}
    assert {"accuracy.png", "latency.png"} <= names
    assert len(names) == 2 + 6
    assert all(cv2.imread(str(path)) is not None for path in (compared[0] / "png").iterdir())


def test_report_takes_the_file_for_its_folder(compared, tmp_path):
    words = ("--out", tmp_path / "page.html", "--pictures", 0)
    assert invoke("report", compared[0] / "result.json", *words).returncode == 0


def test_report_refuses(page, compared, tmp_path):
    assert_one_sentence(invoke("report", compared[0]), "report.html exists", "--overwrite")
    table = compared[0] / "table.md"
    result = invoke("report", table, "--out", tmp_path / "page.html")
    assert_one_sentence(result, "table.md is a file; name the folder")
    assert_one_sentence(invoke("report", tmp_path), "cannot read the result of evaluate or compare")
