"""The load monitor, but whatever it is asked raises, and its every other measurement does."""

import sys

from std_srvs.srv import SetBool, Trigger

from approx_perception.ros.load_monitor_node import LoadMonitorNode
from approx_perception.ros.startup import run_node


class FailingNode(LoadMonitorNode):
    def __init__(self):
        super().__init__()
        self._calls = 0
        self.create_service(Trigger, "~/fail", self._fail)
        self.create_service(SetBool, "~/fail_awaiting", self._fail_awaiting)
        self.declare_parameter("number", 1)
        self.add_on_set_parameters_callback(self._fail)

    def _fail(self, *_):
        raise MemoryError

    async def _fail_awaiting(self, request, response):
        raise KeyError("nothing")

    def _publish(self):
        self._calls += 1
        if self._calls % 2:
            raise ZeroDivisionError("no load")
        super()._publish()


if __name__ == "__main__":
    sys.exit(run_node(FailingNode, None))
