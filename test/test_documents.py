"""What the documents name exists: links, commands and their options, parameters, files."""

import re
import shlex
from itertools import pairwise

import pytest
import typer.main

from approx_perception.cli.main import app
from approx_perception.interface import (
    CLASSIFICATION_PARAMETERS,
    KERNEL_NODES,
    LOAD_MONITOR_PARAMETERS,
    PERCEPTION_PARAMETERS,
    PLAYER_PARAMETERS,
)
from test.conftest import ROOT
from test.test_import_rules import ROOMS

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "approx_perception/**/*.md")
    for path in ROOT.glob(pattern)
)
VERBS = typer.main.get_command(app).commands
PARAMETERS = {
    parameter.name
    for parameter in (
        *CLASSIFICATION_PARAMETERS,
        *PERCEPTION_PARAMETERS,
        *LOAD_MONITOR_PARAMETERS,
        *PLAYER_PARAMETERS,
    )
}
#: Of other programs.
FOREIGN = {
    "--clock", "--loop", "--log-level", "--no-deps", "--packages-select", "--params-file",
    "--perspective-file", "--ros-args", "--show-args", "--signoff",
}  # fmt: skip
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
#: Files and folders of the repository.
OURS = re.compile(
    r"(?:approx_perception|benchmarks|config|docs|launch|msg|requirements|test)/[\w/.-]+"
)
CODE = re.compile(r"`([^`\n]+)`")


def options_of(verb):
    return {option for parameter in VERBS[verb].params for option in parameter.opts}


#: Of our verbs and of the benchmarks.
OPTIONS = {option for verb in VERBS for option in options_of(verb)}
for benchmark in (ROOT / "benchmarks").glob("*.py"):
    OPTIONS |= set(re.findall(r'"(--[a-z-]+)"', benchmark.read_text(encoding="utf-8")))


def prose(text):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(path):
    """Of the headings of a page, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def commands(text):
    """Lines of shell in blocks and in words, each as a list of words."""
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    lines += [line for line in CODE.findall(prose(text)) if " " in line]
    for line in (part for whole in lines for part in re.split(r" (?:&&|\|) ", whole)):
        try:
            yield shlex.split(line, comments=True)
        except ValueError:
            # Words with a lone quote are no command.
            continue


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def check_verb(words):
    verb, given = words[1], [word for word in words[2:] if word.startswith("-")]
    assert verb in VERBS, words
    assert {option.partition("=")[0] for option in given} <= options_of(verb) | {"--help"}, words


def check_make(words):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split()
    for word in words[1:]:
        variable = word.partition("=")[0]
        known = re.search(rf"\b{variable}\b", makefile) if "=" in word else word in targets
        assert known, words


def check_benchmark(words):
    at = next(index for index, word in enumerate(words) if word.startswith("benchmarks/"))
    file = ROOT / words[at]
    assert file.exists(), words
    source = file.read_text(encoding="utf-8")
    for option in words[at:]:
        assert not option.startswith("--") or f'"{option}"' in source, (words, option)


def check_launch(words):
    file = ROOT / "launch" / words[3]
    assert file.exists(), words
    source = file.read_text(encoding="utf-8")
    if "kernel_launch" in source:
        shared = ROOT / "approx_perception" / "ros" / "launching.py"
        source += shared.read_text(encoding="utf-8")
    for argument in (word.partition(":=")[0] for word in words[4:] if ":=" in word):
        assert f'"{argument}"' in source, (words, argument)


def check_ros_run(words):
    assert f"ros.{words[3]} " in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), words


def check_node_parameters(words):
    for flag, value in pairwise(words):
        if flag == "-p":
            assert value.partition(":=")[0] in PARAMETERS, (words, value)


def check_ros_param(words):
    known = words[4] in PARAMETERS or words[4].endswith(".sla.latency_ms")
    assert known, words


def check_topic(words):
    topic = words[3].lstrip("/")
    ours = {t.name.lstrip("/") for node in KERNEL_NODES.values() for t in node.topics}
    assert topic in ours or topic.startswith("camera/"), words


def check_python(words):
    module = words[words.index("-m") + 1]
    if module.startswith(("approx_perception", "test")):
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), words


CHECKS = (
    (lambda words: words[0].endswith("approx-perception") and len(words) > 1, check_verb),
    (lambda words: words[0] == "make" and len(words) > 1, check_make),
    (lambda words: any(word.startswith("benchmarks/") for word in words), check_benchmark),
    (lambda words: words[:3] == ["ros2", "launch", "approx_perception"], check_launch),
    (lambda words: words[:3] == ["ros2", "run", "approx_perception"], check_ros_run),
    (lambda words: words[:2] == ["ros2", "param"] and len(words) > 4, check_ros_param),
    (lambda words: words[:2] == ["ros2", "topic"] and len(words) > 3, check_topic),
    (lambda words: "--ros-args" in words, check_node_parameters),
    (lambda words: "-m" in words, check_python),
)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist(page):
    for words in commands(page.read_text(encoding="utf-8")):
        for fits, check in CHECKS:
            if words and fits(words):
                check(words)
        for word in words:
            assert not OURS.fullmatch(word) or (ROOT / word).exists(), words


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_is_named_in_the_text_exists(page):
    text = prose(page.read_text(encoding="utf-8"))
    groups = "|".join(sorted({known.partition(".")[0] for known in PARAMETERS if "." in known}))
    for code in CODE.findall(text):
        option = re.match(r"--[a-z][a-z-]+", code)
        assert not option or option[0] in OPTIONS | FOREIGN, code
        if re.fullmatch(rf"(?:{groups})\.[a-z_.]+", code):
            assert code in PARAMETERS, code
        if "NAME" in code:
            continue
        assert not OURS.fullmatch(code) or (ROOT / code).exists(), code
        if re.fullmatch(r"[a-z]+/[a-z_]+\.py", code):
            assert (ROOT / "approx_perception" / code).exists() or (ROOT / code).exists(), code


def test_the_rooms_are_those_of_the_import_rule():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \| ", page.partition("## Rooms")[2], re.MULTILINE)
    assert [room for row in rows for room in CODE.findall(row)] == ROOMS[1:]


def test_the_checks_see_what_is_wrong():
    """Each kind of command, once right and once wrong."""
    for right, wrong in (
        ("approx-perception run video.mp4 --sla-ms 3", "approx-perception run video.mp4 --sla 3"),
        ("approx-perception run video.mp4", "approx-perception walk video.mp4"),
        ("make demo SOURCE=video.mp4", "make demos"),
        ("make demo SOURCE=video.mp4", "make demo SAUCE=video.mp4"),
        ("python benchmarks/cameras.py --out a", "python benchmarks/cameras.py --into a"),
        (
            "ros2 launch approx_perception demo.launch.py rqt:=true",
            "ros2 launch approx_perception demo.launch.py rtq:=true",
        ),
        ("ros2 run approx_perception player_node", "ros2 run approx_perception layer_node"),
        ("ros2 param set /n sla.quantile 0.9", "ros2 param set /n sla.quantum 0.9"),
        ("ros2 topic echo /decision", "ros2 topic echo /decisions"),
        ("x --ros-args -p source:=a", "x --ros-args -p sauce:=a"),
        ("python -m test.torture", "python -m test.tortoise"),
    ):
        for line, is_right in ((right, True), (wrong, False)):
            words = next(commands(f"```bash\n{line}\n```"))
            try:
                for fits, check in CHECKS:
                    if fits(words):
                        check(words)
            except AssertionError:
                assert not is_right, line
            else:
                assert is_right, line
