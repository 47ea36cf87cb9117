"""Which load topics the node listens to, as the user's parameters name them."""

from collections.abc import Mapping

from rclpy.node import Node

from approx_perception.clock import Clock
from approx_perception.exceptions import ConfigurationError
from approx_perception.load.load_inputs import LoadInputs
from approx_perception.ros.load_topics import LoadTopics
from approx_perception.ros.topic_names import LOAD_TYPES, foreign_types, resolve_load_topics
from approx_perception.structures import LoadReading

__all__ = ["LoadListener"]


class LoadListener:
    """Subscribes anew where the parameters change.

    Parameters
    ----------
    node
        Subscribes and logs.
    taken
        The node's other topics, as `own_topics` gives them.
    clock
        Monotonic.
    """

    def __init__(self, node: Node, taken: Mapping[str, str], clock: Clock) -> None:
        self._node, self._taken, self._clock = node, taken, clock
        self._inputs = LoadInputs(clock)
        self._topics: LoadTopics | None = None
        self._used: tuple[Mapping[str, str], float] | None = None

    def reading(self) -> LoadReading:
        """What monitors say now; from any thread."""
        return self._inputs.reading()

    def check(self, names: Mapping[str, str]) -> None:
        """Raise `ConfigurationError` where a ``{parameter: topic}`` cannot be listened to."""
        resolve_load_topics(self._node, names, self._taken)

    def check_types(self, names: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Refuse a topic that was not named before and on which others publish something else."""
        present = resolve_load_topics(self._node, before, self._taken)
        for topic, parameter in resolve_load_topics(self._node, names, self._taken).items():
            foreign = foreign_types(self._node, topic, LOAD_TYPES[parameter])
            if present.get(topic) != parameter and foreign:
                raise ConfigurationError(
                    f"{parameter}: {topic} carries {foreign[0]}; name a topic of type "
                    f"{LOAD_TYPES[parameter]}"
                )

    def use(self, names: Mapping[str, str], timeout_s: float) -> None:
        """Listen to these topics from now on; if that fails, to those from before."""
        if self._used == (names, timeout_s):
            return
        resolved = resolve_load_topics(self._node, names, self._taken)
        subscribed = LoadTopics(self._node, resolved, self._inputs, self._clock)
        self.close()
        self._inputs.restart(timeout_s)
        self._topics, self._used = subscribed, (names, timeout_s)

    def close(self) -> None:
        """Listen no more."""
        if self._topics is not None:
            self._topics.close()
        self._topics = self._used = None

    def look_after(self) -> None:
        """Once a second: notice who fell silent and who came back."""
        if self._topics is not None:
            self._topics.look_after()

    def problems(self) -> list[str]:
        """What is wrong with load topics now, a sentence each."""
        return [] if self._topics is None else self._topics.problems()

    def status(self) -> str:
        """Who is listened to, in words; empty while nobody is."""
        return "" if self._topics is None else self._topics.status()
