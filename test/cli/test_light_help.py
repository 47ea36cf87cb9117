"""Help and version come at once: neither torch nor OpenCV is imported for them."""

import subprocess
import sys

from approx_perception.cli.main import app
from test.conftest import ROOT

HEAVY = ("torch", "torchvision", "cv2", "onnxruntime", "matplotlib", "plotly", "scipy", "pandas")
VERBS = sorted(command.callback.__name__ for command in app.registered_commands)
#: Without a node's or another test's imports; one interpreter for all, as imports add up.
PROGRAM = f"""
import sys, approx_perception
print("import", [name for name in {HEAVY} if name in sys.modules])
from approx_perception.cli.main import app
for words in (["--version"], ["--help"], *([verb, "--help"] for verb in {VERBS})):
    assert not app(words, standalone_mode=False)
    print("did", *words, [name for name in {HEAVY} if name in sys.modules])
"""


def test_nothing_heavy_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.endswith("]")]
    verbs = [f"did {verb} --help []" for verb in VERBS]
    assert [line for line in said if line.startswith(("import", "did"))] == [
        "import []", "did --version []", "did --help []", *verbs,
    ]  # fmt: skip
