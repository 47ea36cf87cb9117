"""The load monitor, but told to end while it is about to publish."""

import os
import signal
import sys
import time

from rclpy.duration import Duration

from approx_perception.ros.load_monitor_node import LoadMonitorNode
from approx_perception.ros.startup import run_node


class InterruptedNode(LoadMonitorNode):
    def __init__(self):
        super().__init__()
        self.declare_parameter("signal", "SIGINT")

    def _publish(self):
        if self._publisher.get_subscription_count() == 0:
            return
        os.kill(os.getpid(), signal.Signals[self.get_parameter("signal").value])
        # Whoever hears of the signal has time to act.
        time.sleep(0.5)
        super()._publish()
        # Whoever leaves at once takes along what was not received yet.
        self._publisher.wait_for_all_acked(Duration(seconds=10))


if __name__ == "__main__":
    sys.exit(run_node(InterruptedNode, None))
