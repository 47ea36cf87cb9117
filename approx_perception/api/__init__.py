"""The Python API: open a network, feed it images or a source, read what it found.

`approx_perception.open` is `open` of this room. docs/python.md shows how to use it.
"""

from approx_perception.api.opening import open
from approx_perception.api.perception import Perception
from approx_perception.api.result import Result

__all__ = ["Perception", "Result", "open"]
