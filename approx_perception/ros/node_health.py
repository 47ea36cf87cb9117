"""How the node as a whole is; of each camera, see `health`."""

from collections.abc import Sequence
from dataclasses import dataclass

from approx_perception.exceptions import counted, described
from approx_perception.ros.health import Judgement, Level

__all__ = ["NodeCondition", "NodeHealth"]


@dataclass(frozen=True, slots=True)
class NodeCondition:
    """What is looked at once a second.

    Attributes
    ----------
    state, doing
        Of the lifecycle, and what is being prepared; empty for nothing.
    is_enabled
        Whether images are processed.
    error
        Why the last transition failed; None where it did not.
    worker_died
        Whether the worker's thread ended although it should run.
    is_leaving
        Whether a frame from before deactivating is under way.
    malformed
        Detections dropped so far because they cannot be objects.
    graph_problems
        See `GraphWatch`.
    load_problems, load_status
        Of load topics.
    beside_ms, most_beside_ms
        For how long the network is at work beside the frames, and how long is no error.
    """

    state: str
    doing: str
    is_enabled: bool
    error: Exception | None
    worker_died: bool
    is_leaving: bool
    malformed: int
    graph_problems: Sequence[str]
    load_problems: Sequence[str]
    load_status: str
    beside_ms: float = 0.0
    most_beside_ms: float = float("inf")


class NodeHealth:
    """Judges the node; remembers what it has told of malformed detections."""

    def __init__(self) -> None:
        self._malformed = 0

    def judge(self, now: NodeCondition) -> Judgement:
        """Say how things stand: the worst there is to say."""
        values = {
            "state": now.state,
            "enabled": str(now.is_enabled).lower(),
            "malformed detections dropped": str(now.malformed),
            "load topics": now.load_status,
            "load problems": "; ".join(now.load_problems),
        }
        before, self._malformed = self._malformed, now.malformed
        if now.worker_died:
            return Judgement(Level.ERROR, "the worker thread died", values)
        if now.error is not None:
            return Judgement(Level.ERROR, described(now.error), values)
        if now.beside_ms > now.most_beside_ms:
            words = (
                f"the network is at work on one frame for {now.beside_ms:.0f} ms; all others are "
                "carried on what was found before"
            )
            return Judgement(Level.ERROR, words, values)
        if warnings := self._warnings(now, now.malformed - before):
            return Judgement(Level.WARN, "; ".join(warnings), values)
        return Judgement(Level.OK, f"{now.state}: {now.doing}" if now.doing else now.state, values)

    @staticmethod
    def _warnings(now: NodeCondition, malformed: int) -> list[str]:
        told = (
            (now.is_leaving, "a frame from before deactivating is under way"),
            (now.load_problems, f"load topics: {'; '.join(now.load_problems)}"),
            (now.graph_problems, "; ".join(now.graph_problems)),
            (malformed > 0,
             f"the network gave {counted(malformed, 'detection')} that cannot be objects (not "
             "finite, without "
             "extent or outside its classes); they were dropped"),
            (not now.is_enabled, "disabled"),
        )  # fmt: skip
        return [words for holds, words in told if holds]
