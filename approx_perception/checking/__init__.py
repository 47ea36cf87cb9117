"""What a network file is, before anything is built on it: the body of `check`."""

from approx_perception.checking.check import check_network
from approx_perception.checking.result import CheckResult

__all__ = ["CheckResult", "check_network"]
