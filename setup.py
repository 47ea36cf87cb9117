"""Install with pip into an environment that has ROS, messages included.

Metadata is in pyproject.toml. This file generates the messages with CMake, by the same
CMakeLists.txt that colcon uses, and puts the libraries where ROS finds them. Without ROS
in the environment the package is installed without messages: everything but the nodes works.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
BUILD = ROOT / "build" / f"messages-{sys.implementation.cache_tag}"
STAGE = BUILD / "stage"
SOURCE = BUILD / "source"


def message_prefixes() -> list[str]:
    """Folders in which CMake finds ROS: a sourced distribution, else this environment."""
    sourced = os.environ.get("AMENT_PREFIX_PATH", "")
    return [prefix for prefix in sourced.split(os.pathsep) if prefix] or [sys.prefix]


def ros_is_here() -> bool:
    """Tell whether message generators can be found."""
    packages = "share/rosidl_default_generators"
    return any((Path(prefix) / packages).is_dir() for prefix in message_prefixes())


def cmake_environment() -> dict[str, str]:
    """Point CMake and its Python at this environment, out of pip's isolation."""
    hidden = {"PYTHONPATH", "PYTHONNOUSERSITE"} if "AMENT_PREFIX_PATH" not in os.environ else set()
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    prefixes = os.pathsep.join(message_prefixes())
    environment["AMENT_PREFIX_PATH"] = environment["CMAKE_PREFIX_PATH"] = prefixes
    environment["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])
    return environment


def copy_message_source() -> None:
    """Copy what CMake needs: it refuses include folders inside its source, such as .venv."""
    for name in ("CMakeLists.txt", "package.xml"):
        SOURCE.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, SOURCE / name)
    for name in ("cmake", "config", "msg"):
        shutil.copytree(ROOT / name, SOURCE / name, dirs_exist_ok=True)


def generate_messages() -> None:
    """Generate, compile and stage the messages; raises CalledProcessError if CMake fails."""
    environment = cmake_environment()
    cmake = shutil.which("cmake", path=environment["PATH"])
    if cmake is None:
        raise SystemExit("ROS is here but cmake is not: pip install -r requirements/build.txt")
    python = Path(sys.prefix) / "bin" / "python3"
    copy_message_source()
    configure = [
        cmake, "-S", str(SOURCE), "-B", str(BUILD / "cmake"),
        "-DMESSAGES_ONLY=ON", "-DBUILD_TESTING=OFF",
        f"-DCMAKE_INSTALL_PREFIX={STAGE}", f"-DPython3_EXECUTABLE={python}",
        "-DCMAKE_BUILD_TYPE=Release",
    ]  # fmt: skip
    shutil.rmtree(STAGE, ignore_errors=True)
    steps = (
        configure,
        [cmake, "--build", str(BUILD / "cmake"), "--parallel", str(os.cpu_count() or 1)],
        [cmake, "--install", str(BUILD / "cmake")],
    )
    for step in steps:
        subprocess.run(step, env=environment, check=True)


def staged_data_files() -> list[tuple[str, list[str]]]:
    """List staged files beside the Python module: libraries, CMake and ament resources."""
    folders: dict[str, list[str]] = {}
    for path in STAGE.rglob("*"):
        relative = path.relative_to(STAGE)
        if path.is_file() and "site-packages" not in path.parts and relative.parts[0] != "include":
            folders.setdefault(str(relative.parent), []).append(os.path.relpath(path, ROOT))
    return sorted(folders.items())


class BuildWithMessages(build_py):
    """Copy the generated Python module beside ours."""

    def run(self) -> None:
        """Build as usual, then add ``approx_perception/msg`` and its extension modules."""
        super().run()
        modules = list(STAGE.rglob("*-packages/approx_perception"))
        target = Path(self.build_lib) / "approx_perception"
        for module in modules:
            for entry in module.iterdir():
                if entry.is_dir():
                    shutil.copytree(entry, target / entry.name, dirs_exist_ok=True)
                elif entry.name != "__init__.py":
                    shutil.copy2(entry, target / entry.name)


class BinaryDistribution(Distribution):
    """A distribution that is tied to this platform."""

    def has_ext_modules(self) -> bool:
        """Say yes: the messages are compiled."""
        return True


def config_data_files() -> list[tuple[str, list[str]]]:
    """List our configuration and message texts under share/, without ROS."""
    folders: dict[str, list[str]] = {}
    for path in [*(ROOT / "config").rglob("*"), *(ROOT / "msg").glob("*")]:
        if path.is_file():
            relative = path.relative_to(ROOT)
            folder = f"share/approx_perception/{relative.parent}"
            folders.setdefault(folder, []).append(str(relative))
    return sorted(folders.items())


if __name__ == "__main__":
    builds = any(command in sys.argv for command in ("bdist_wheel", "install", "build", "develop"))
    with_messages = ros_is_here()
    if with_messages and builds:
        generate_messages()
    elif not with_messages:
        print("No ROS in this environment: installing without messages and nodes.", file=sys.stderr)
    setup(
        data_files=staged_data_files() if with_messages else config_data_files(),
        cmdclass={"build_py": BuildWithMessages},
        distclass=BinaryDistribution if with_messages else Distribution,
    )
