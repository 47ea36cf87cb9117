"""Identities that survive detections, branch switches and gaps."""

from approx_perception.association.associator import Associator, AssociatorOptions
from approx_perception.association.forecast import Forecast

__all__ = ["Associator", "AssociatorOptions", "Forecast"]
