"""Object detection and tracking inside a latency budget that can change while it runs.

`open` and what belongs to it stand in `approx_perception.api`; it is imported when it is used.
"""

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from approx_perception.api import Perception, Result, open

# The generated messages (approx_perception.msg) are installed beside the interpreter;
# this joins them with a source tree that comes first on the path.
__path__ = extend_path(__path__, __name__)

__all__ = ["Perception", "Result", "__version__", "open"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("Perception", "Result", "open"):
        return getattr(import_module("approx_perception.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
