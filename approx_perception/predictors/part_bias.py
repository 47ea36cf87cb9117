"""Online correction: what parts take beyond what model and contention explain."""

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["PartBias"]

Vector = npt.NDArray[np.float64]

#: Share of a residual that is put down to the part: more of a tracker's, whose cost depends on
#: what it sees and which runs on most frames.
_DETECTOR_GAIN, _TRACKER_GAIN = 0.08, 0.2
#: Share that is put down to all parts of its kind.
_KIND_GAIN = 0.02
#: What is long unseen goes back to what was measured.
_FORGETTING = 0.001
_LIMIT = math.log(8.0)
_LARGEST_RESIDUAL = 1.0


class PartBias:
    """Logarithms by which the latencies of parts differ from the model.

    Parameters
    ----------
    setting_count, tracker_count
        Parts are detector settings, initialisations and steps of trackers, in this order.
    learns
        Whether residuals change anything.
    """

    def __init__(self, setting_count: int, tracker_count: int, learns: bool) -> None:
        #: ``(P,)``
        self.values: Vector = np.zeros(setting_count + 2 * tracker_count)
        self._learns = learns
        self._gains = np.full(len(self.values), _TRACKER_GAIN)
        self._gains[:setting_count] = _DETECTOR_GAIN
        ends = (0, setting_count, setting_count + tracker_count, len(self.values))
        self._kinds = [slice(*ends) for ends in pairwise(ends)]

    def observe(self, part: int, residual: float) -> None:
        """Put a log residual down to a part and, less so, to all parts of its kind."""
        if not self._learns:
            return
        residual = float(np.clip(residual, -_LARGEST_RESIDUAL, _LARGEST_RESIDUAL))
        kind = next(kind for kind in self._kinds if part < kind.stop)
        members = self.values[kind]
        members *= 1 - _FORGETTING
        members += _KIND_GAIN * residual
        self.values[part] += self._gains[part] * residual
        np.clip(members, -_LIMIT, _LIMIT, out=members)
