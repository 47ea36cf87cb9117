"""The ROS 2 nodes and all that touches rclpy or messages."""
