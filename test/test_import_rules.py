"""The architecture, as imports: which room may use which, and none but ros/ uses ROS."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from test.conftest import TRAINING_LIBRARIES

#: From the ground up: a room imports only from those above its line here.
ROOMS = [
    "__init__",
    "exceptions",
    "extras",
    "notices",
    "clock",
    "files",
    "share",
    "machine",
    "weights",
    "runtimes",
    "branches",
    "structures",
    "datasets",
    "trackers",
    "detectors",
    "classifiers",
    "association",
    "kernels",
    "latency",
    "accuracy",
    "scheduling",
    "interface",
    "metrics",
    "pipeline",
    "load",
    "baselines",
    "assembly",
    "api",
    "checking",
    "simulation",
    "profiling",
    "training",
    "reports",
    "evaluation",
    "ros",
    "cli",
    "testing",
]
LEVEL = {room: level for level, room in enumerate(ROOMS)}
#: Only from these rooms, and only when a verb that needs ROS runs.
LAZY_ROS_USERS = {"cli"}
#: Only when a user asks the package for one of its names.
LAZY_API_USER = "__init__"


def modules(root: Path) -> list[Path]:
    return sorted((root / "approx_perception").rglob("*.py"))


def room_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported_rooms(path: Path) -> set[str]:
    """Rooms of our package that a file imports, wherever in it."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("approx_perception"):
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "approx_perception"
                else [str(node.module)]
            )
            rooms.update(room_of(name) for name in names)
        elif isinstance(node, ast.Import):
            ours = [a.name for a in node.names if a.name.startswith("approx_perception")]
            rooms.update(room_of(name) for name in ours)
    return rooms


def test_every_room_has_its_place(root):
    present = {
        path.relative_to(root / "approx_perception").parts[0].removesuffix(".py")
        for path in modules(root)
    }
    assert present - set(LEVEL) == set()


def test_rooms_import_only_what_stands_below(root):
    wrong = []
    for path in modules(root):
        room = path.relative_to(root / "approx_perception").parts[0].removesuffix(".py")
        api = {"api"} if room == LAZY_API_USER else set()
        for other in imported_rooms(path) - {room, "msg", "__version__"} - api:
            if LEVEL.get(other, -1) > LEVEL[room]:
                wrong.append(f"{path.relative_to(root)} imports {other}")
    assert wrong == []


def run_fresh(program: str, root: Path) -> str:
    """Output of a program in an interpreter of its own."""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_node_imports_nothing_that_only_other_uses_need(root):
    """Neither rooms nor torch, which a network that was exported does without."""
    pytest.importorskip("rclpy")
    program = "import sys, approx_perception.ros.perception_node; print(*sys.modules)"
    imported = set(run_fresh(program, root).split())
    rooms = {name.split(".")[1] for name in imported if name.startswith("approx_perception.")}
    others = {"profiling", "training", "evaluation", "reports", "simulation", "baselines"}
    assert rooms & others == set()
    assert "torch" not in imported


#: Training, export, and what needs PyTorch to be used at all.
TORCH_USERS = re.compile(
    r"training/|detectors/faster_rcnn/from_torch/|detectors/(_torch_files|ssdlite)\.py|cli/train\.py|"
    r"profiling/contention_\w+\.py"
)


def test_few_import_what_training_needs(root):
    users = re.compile(rf"^\s*(import|from) ({'|'.join(TRAINING_LIBRARIES)})\b", re.MULTILINE)
    found = [
        path.relative_to(root / "approx_perception").as_posix()
        for path in modules(root)
        if users.search(path.read_text(encoding="utf-8"))
    ]
    assert [name for name in found if not TORCH_USERS.match(name)] == []


def test_scheduling_does_without_meters_images_and_networks(root):
    blocked = "".join(f"sys.modules[{name!r}] = None;" for name in ("psutil", "cv2", "torch"))
    run_fresh(f"import sys; {blocked} import approx_perception.scheduling", root)


def test_baselines_of_an_exported_network_do_without_torch(root):
    run_fresh(
        "import sys; sys.modules['torch'] = None; import approx_perception.baselines.by_name", root
    )


@pytest.mark.parametrize(
    "room", ["scheduling", "latency", "pipeline", "simulation", "profiling", "assembly/network.py"]
)
def test_what_serves_every_kernel_has_no_words_of_one(root, room):
    words = re.compile(r"detect|tracker|nprop|classif|\bexits?\b")
    place = root / "approx_perception" / room
    for path in [place] if place.is_file() else place.rglob("*.py"):
        # What is learned of each task has a file by itself.
        if path.parent.name != "learners":
            text = path.read_text(encoding="utf-8").lower().replace("grouptracker", "")
            assert words.findall(text) == [], path


def test_everything_outside_ros_imports_without_ros(root):
    names = [
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in modules(root)
        if path.relative_to(root / "approx_perception").parts[0] != "ros"
    ]
    blocked = ("rclpy", "sensor_msgs", "std_msgs", "approx_perception.msg")
    program = f"""
import importlib, sys
for name in {blocked!r}:
    sys.modules[name] = None
for name in {names!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in {TRAINING_LIBRARIES!r}:
            raise
"""
    run_fresh(program, root)


@pytest.mark.parametrize("word", ["pickle.load(", "pickle.loads(", "yaml.load("])
def test_nothing_unsafe_is_read(root, word):
    assert [p for p in modules(root) if word in p.read_text(encoding="utf-8")] == []


def test_state_dicts_are_read_weights_only(root):
    for path in modules(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert {k.arg: ast.unparse(k.value) for k in node.keywords}[
                    "weights_only"
                ] == "True"
