"""Start our nodes as processes of their own and notice when one dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from approx_perception.exceptions import ProcessDiedError

__all__ = ["LOOPBACK", "NodeProcess"]

#: Keeps nodes on this machine. Humble knows only the first, which later distributions warn about.
LOOPBACK = (
    {"ROS_LOCALHOST_ONLY": "1"}
    if os.environ.get("ROS_DISTRO") == "humble"
    else {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
)

#: A busy machine takes seconds to end a process that holds a network.
_STOP_TIMEOUT_S = 15.0
_TAIL_LINES = 8


def _yaml(value: object) -> str:
    """As the command line of a node takes it; quoted, so that a text like 1 stays a text."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_yaml(item) for item in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


class NodeProcess:
    """One of our nodes in its own process, its output in a log file.

    Parameters
    ----------
    module
        In ``approx_perception.ros``, for example ``player_node``; or with its whole name.
    parameters
        Given at start; texts, numbers and bools.
    log
        File for standard output and error.
    environment
        Added to this process's own.
    remappings
        ``{from: to}``.
    popen
        Starts it.
    """

    def __init__(
        self,
        module: str,
        parameters: Mapping[str, object],
        log: Path,
        environment: Mapping[str, str],
        remappings: Mapping[str, str] | None = None,
        popen: "Callable[..., subprocess.Popen[bytes]]" = subprocess.Popen,
    ) -> None:
        self.name = module
        self._log_path = log
        arguments = []
        for key, value in parameters.items():
            arguments += ["-p", f"{key}:={_yaml(value)}"]
        for old, new in (remappings or {}).items():
            arguments += ["-r", f"{old}:={new}"]
        whole_name = module if "." in module else f"approx_perception.ros.{module}"
        with log.open("w", encoding="utf-8") as output:
            self._process = popen(
                [sys.executable, "-m", whole_name, "--ros-args", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raise `ProcessDiedError` if it ended, for whatever reason."""
        if self.exit_code is not None:
            raise ProcessDiedError(
                f"{self.name} ended with exit code {self.exit_code}; its last words: "
                f"{self.last_words()}"
            )

    @property
    def log(self) -> str:
        """What it said so far."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def last_words(self) -> str:
        """End of its log, on one line."""
        lines = self.log.splitlines()
        return " | ".join(line.strip() for line in lines[-_TAIL_LINES:] if line.strip())

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it alone."""
        if self.exit_code is None:
            self._process.send_signal(number)

    def stop(self) -> int:
        """Interrupt it as Ctrl-C does, then harder; returns its exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            self.send(number)
            try:
                return self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue
        return self._process.wait()
