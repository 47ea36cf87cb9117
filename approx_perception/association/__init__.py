"""Identities that survive detections, branch switches and gaps."""

from approx_perception.association.associator import Associator, AssociatorOptions

__all__ = ["Associator", "AssociatorOptions"]
