"""Our nodes in processes of their own, in a domain of their own, and a recorder beside them."""

import csv
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from approx_perception.exceptions import ProcessDiedError
from approx_perception.ros.processes import LOOPBACK, NodeProcess
from approx_perception.ros.recorder import Recorder
from approx_perception.ros.tasks import NODE_TASKS, NodeTask
from approx_perception.ros.transport import set_image_transport

__all__ = ["Session"]

_READY_TIMEOUT_S = 120.0
_FIRST_FRAME_TIMEOUT_S = 30.0
_SETTLE_S = 1.5
#: Domains above this clash with the ports that Linux gives out itself.
_DOMAINS = 100


class Session:
    """Nodes that end together; a context manager.

    Parameters
    ----------
    folder
        Gets their logs, and ``sent.csv`` of the player.
    task
        Of the node that is recorded.
    domain_id
        ROS domain; None for the one that the user names, else one of our own.
    """

    def __init__(
        self, folder: Path, task: NodeTask = NODE_TASKS["detection"], domain_id: int | None = None
    ) -> None:
        if domain_id is None:
            domain_id = int(os.environ.get("ROS_DOMAIN_ID") or 1 + os.getpid() % _DOMAINS)
        self.variables = {**LOOPBACK, "ROS_DOMAIN_ID": str(domain_id)}
        os.environ.update(self.variables)
        set_image_transport()
        self._folder, self._node_name = folder, task.interface.name
        self.processes: list[NodeProcess] = []
        self.recorder = Recorder(domain_id, task)

    def start(self, module: str, parameters: Mapping[str, object]) -> NodeProcess:
        """Start a node, see `NodeProcess`."""
        log = self._folder / f"{module}.log"
        self.processes.append(NodeProcess(module, parameters, log, self.variables))
        return self.processes[-1]

    def start_node(self, parameters: Mapping[str, object]) -> NodeProcess:
        """Start the node that is recorded and wait until it is active.

        Raises
        ------
        ProcessDiedError
            If it ends, or takes too long.
        """
        node = self.start(self._node_name, parameters)
        if not self.wait(lambda: self.recorder.is_ready, _READY_TIMEOUT_S):
            raise ProcessDiedError(f"{self._node_name} was not ready within {_READY_TIMEOUT_S:g} s")
        return node

    def start_player(self, parameters: Mapping[str, object]) -> NodeProcess:
        """Start the player and wait for the first result.

        Raises
        ------
        ProcessDiedError
            If a node ends with an error, or nothing comes.
        """
        player = self.start(
            "player_node",
            {**parameters, "wait_for_subscriber": True, "log_file": str(self._folder / "sent.csv")},
        )
        is_heard = self.recorder.spin_until(
            # It may be through with a short source.
            lambda: bool(self.recorder.recording.frames) or player.exit_code is not None,
            _FIRST_FRAME_TIMEOUT_S, self.processes[0].check,
        )  # fmt: skip
        if player.exit_code:
            player.check()
        if not is_heard:
            raise ProcessDiedError(
                f"no results arrived within {_FIRST_FRAME_TIMEOUT_S:g} s of starting the player"
            )
        return player

    def check(self) -> None:
        """Raise `ProcessDiedError` if one has ended."""
        for process in self.processes:
            process.check()

    def wait(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Receive until ``done`` or the time-out; returns whether it is done."""
        return self.recorder.spin_until(done, timeout_s, self.check)

    def settle(self) -> None:
        """Receive what is under way."""
        self.wait(lambda: False, _SETTLE_S)

    def stop(self, process: NodeProcess) -> int:
        """End one of them; returns its exit code."""
        self.processes.remove(process)
        return process.stop()

    def sent(self) -> list[tuple[int, int]]:
        """Index and stamp of each image that the player sent so far."""
        path = self._folder / "sent.csv"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        # The last line may be half written.
        rows = csv.DictReader(text.rpartition("\n")[0].splitlines())
        return [(int(row["index"]), int(row["stamp_ns"])) for row in rows]

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.recorder.close()
