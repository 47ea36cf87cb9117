"""The package as ROS tools see it."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from approx_perception import __version__

IGNORED = shutil.ignore_patterns(".git", ".venv", "build", "out", "__pycache__", ".*_cache")


def test_manifest(root):
    package = ET.parse(root / "package.xml").getroot()
    assert package.get("format") == "3"
    assert package.findtext("name") == "approx_perception"
    assert package.findtext("version") == __version__
    assert package.findtext("license") == "Apache-2.0"
    assert package.findtext("export/build_type") == "ament_cmake"


def test_every_message_is_generated(root):
    listed = (root / "CMakeLists.txt").read_text()
    for message in (root / "msg").glob("*.msg"):
        assert f'"msg/{message.name}"' in listed


def test_every_message_field_is_explained(root):
    for message in (root / "msg").glob("*.msg"):
        for line in message.read_text().splitlines():
            assert not line.strip() or "#" in line or "Detection[]" in line, (message.name, line)


def test_launched_nodes_get_the_image_transport_of_all_others(root):
    text = (root / "approx_perception" / "ros" / "launching.py").read_text()
    from approx_perception.ros.transport import set_image_transport

    environment: dict[str, str] = {}
    set_image_transport(environment)
    for name, path in environment.items():
        assert name in text
        assert Path(path).name in text


def test_user_profile_is_left_alone():
    from approx_perception.ros.transport import set_image_transport

    environment = {"FASTRTPS_DEFAULT_PROFILES_FILE": "mine.xml"}
    set_image_transport(environment)
    assert environment == {"FASTRTPS_DEFAULT_PROFILES_FILE": "mine.xml"}


def test_colcon_builds_a_workspace_that_works(root, tmp_path):
    prefix = os.environ.get("AMENT_PREFIX_PATH") or sys.prefix
    folders = [Path(folder) / "share" / "rosidl_default_generators" for folder in prefix.split(":")]
    if not any(folder.is_dir() for folder in folders):
        pytest.skip("no ROS message generators in this environment")
    binaries = Path(sys.executable).parent
    colcon = shutil.which("colcon", path=f"{binaries}:{os.environ['PATH']}")
    if colcon is None:
        pytest.skip("colcon is not installed")
    shutil.copytree(root, tmp_path / "src" / "approx_perception", ignore=IGNORED)
    environment = {
        **os.environ, "PATH": f"{binaries}:{os.environ['PATH']}",
        "AMENT_PREFIX_PATH": prefix, "CMAKE_PREFIX_PATH": prefix,
    }  # fmt: skip
    build = subprocess.run(
        [colcon, "build", "--cmake-args", f"-DPython3_EXECUTABLE={sys.executable}"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert build.returncode == 0, build.stdout + build.stderr
    program = (
        "source install/setup.bash; python -c 'import approx_perception.msg as m; "
        "from approx_perception.share import share_folder as s; "
        'print(m.__file__, s("config"), m.DetectionArray())\'; '
        "install/approx_perception/bin/approx-perception --version; "
        "install/approx_perception/lib/approx_perception/player_node "
        "--ros-args -p source:=nowhere"
    )
    result = subprocess.run(
        ["bash", "-c", program],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.stdout.count(str(tmp_path / "install")) == 2, result.stdout + result.stderr
    assert __version__ in result.stdout
    assert "error: there is no source 'nowhere'" in result.stderr
