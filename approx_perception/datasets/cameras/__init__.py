"""Cameras as sources: on this machine or in the network, for those without ROS."""

from approx_perception.datasets.cameras.addresses import is_camera, public_name

__all__ = ["is_camera", "public_name"]
