"""Whether the machine was left alone while it was profiled."""

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from approx_perception.files import Columns
from approx_perception.load.load_meter import LoadMeter

__all__ = ["busy_now", "busy_sentence", "idleness_of"]

_LOOK_S = 1.0
#: Others' share of the CPU or GPU, above which latencies are not those of an idle machine.
_BUSY_SHARE = 0.1
#: Change of idle latencies from the first round to the last, likewise.
_DRIFT = 0.2


def busy_now() -> str:
    """Look at the machine for a second; what keeps it busy, or nothing."""
    meter = LoadMeter(lambda: [os.getpid()])
    time.sleep(_LOOK_S)
    reading = meter.read()
    meter.close()
    return busy_sentence({"cpu_others": reading.cpu_others, "gpu_others": reading.gpu_others})


def idleness_of(latency: Columns, load: np.ndarray[Any, Any]) -> dict[str, float | None]:
    """What profiles keep of how alone they were.

    Parameters
    ----------
    latency
        Columns of `LATENCY_COLUMNS`.
    load
        Rows of level, CPU share of others, GPU share of others; one a visit.

    Returns
    -------
    dict
        ``cpu_others``, ``gpu_others``: largest share 0..1 that others took while nothing was made
        to contend; ``drift``: median relative change of idle parts from the first round to
        the last. None where unknown.
    """
    idle = load[load[:, 0] == 0, 1:]
    shares = [float(max(column)) if np.isfinite(column).all() else None for column in idle.T]
    return {"cpu_others": shares[0], "gpu_others": shares[1], "drift": _drift(latency)}


def _drift(latency: Columns) -> float | None:
    chosen = (latency["before"] < 0) & (latency["level"] == 0)
    last = latency["round"][chosen].max(initial=0)
    if last == 0:
        return None
    changes = []
    for part in np.unique(latency["part"][chosen]):
        own = chosen & (latency["part"] == part)
        first_ms, last_ms = (
            np.median(latency["ms"][own & (latency["round"] == turn)]) for turn in (0, last)
        )
        changes.append(last_ms / first_ms - 1)
    return float(np.median(changes))


def busy_sentence(idleness: Mapping[str, float | None]) -> str:
    """What speaks against an idle machine, in words; nothing if nothing does."""
    shares = {"CPU": idleness.get("cpu_others"), "GPU": idleness.get("gpu_others")}
    reasons = [
        f"other programs took {share:.0%} of the {name}"
        for name, share in shares.items()
        if share is not None and share > _BUSY_SHARE
    ]
    drift = idleness.get("drift")
    if drift is not None and abs(drift) > _DRIFT:
        reasons.append(f"idle latencies changed by {drift:+.0%} from the first round to the last")
    return " and ".join(reasons)
