"""What the node says of itself once it is configured."""

import time
from pathlib import Path
from typing import Any

from approx_perception.assembly import Kernel
from approx_perception.structures import SlaScope

__all__ = ["log_start"]


def log_start(log: Any, kernel: Kernel, policy: str, profile: str) -> None:
    """Log network, branches, SLA, policy, profile and where accuracy comes from.

    Parameters
    ----------
    log
        The node's.
    kernel
        Warm.
    policy, profile
        Parameters of these names.
    """
    latency, sla = kernel.latency, kernel.pipeline.sla
    detections_ms = latency.idle_detections_ms(kernel.image_size)
    log.info(f"{kernel.detector.description}, {len(kernel.detector.class_names)} classes")
    origin = "by its profile" if latency.model.is_profiled else "as calibrated now"
    log.info(
        f"space {kernel.space.name!r}: {len(kernel.space)} branches, a detection takes "
        f"{detections_ms.min():.1f} to {detections_ms.max():.1f} ms here, {origin}"
    )
    unit = "frames" if sla.scope is SlaScope.FRAME else "groups"
    log.info(
        f"SLA {sla.latency_ms:g} ms for {100 * sla.quantile:g} % of {unit}, policy {policy}, "
        f"accuracy: {kernel.accuracy_source}"
    )
    if profile:
        age_days = (time.time() - Path(profile).with_suffix(".json").stat().st_mtime) / 86400
        log.info(f"profile {profile}, written {age_days:.1f} days ago")
    if kernel.detector.caution:
        log.warning(f"{kernel.detector.caution}, unless the camera is the synthetic one")
    if not latency.model.is_profiled:
        log.info(
            "no profile: the load of other programs is estimated from frame times; "
            "approx-perception profile measures this machine, and load topics count then"
        )
