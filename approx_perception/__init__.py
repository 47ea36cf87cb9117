"""Object detection and tracking inside a latency budget that can change while it runs."""

from pkgutil import extend_path

# The generated messages (approx_perception.msg) are installed beside the interpreter;
# this joins them with a source tree that comes first on the path.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"
