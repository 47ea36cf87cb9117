"""What the node says of itself once it is configured."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from approx_perception.assembly import Network
from approx_perception.exceptions import counted
from approx_perception.pipeline import shared_budgets
from approx_perception.structures import SLA

__all__ = ["log_start"]


def log_start(
    log: Any, network: Network, slas: Mapping[str, SLA], policy: str, profile: str
) -> None:
    """Log network, branches, SLA, policy, profile and where accuracy comes from.

    Parameters
    ----------
    log
        The node's.
    network
        Warm.
    slas
        Of each camera, by its name.
    policy, profile
        Parameters of these names.
    """
    latency = network.latency()
    first = network.space.compiled.main_parts[0]
    firsts_ms = latency.idle_ms(network.image_size)[first]
    log.info(f"{network.kernel.description}, {counted(len(network.kernel.class_names), 'class')}")
    if network.runtime_reason:
        log.info(f"runtime: {network.runtime_reason}")
    resident_mb = psutil.Process().memory_info().rss / 2**20
    log.info(
        f"all branches are resident: they and the network grew the process by "
        f"{network.memory_mb:.0f} MB, to {resident_mb:.0f} MB"
    )
    origin = "by its profile" if latency.model.is_profiled else "as calibrated now"
    log.info(
        f"space {network.space.name!r}: {counted(len(network.space), 'branch')}, the network takes "
        f"{firsts_ms.min():.1f} to {firsts_ms.max():.1f} ms an image here, {origin}"
    )
    log.info(f"{_sla_text(slas)}, policy {policy}, accuracy: {network.accuracy_source}")
    if profile:
        age_days = (time.time() - Path(profile).with_suffix(".json").stat().st_mtime) / 86400
        log.info(f"profile {profile}, written {age_days:.1f} days ago")
    if network.kernel.caution:
        log.warning(f"{network.kernel.caution}, unless the camera is the synthetic one")
    if not latency.model.is_profiled:
        log.info(
            "no profile: the load of other programs is estimated from frame times; "
            "approx-perception profile measures this machine, and load topics count then"
        )


def _sla_text(slas: Mapping[str, SLA]) -> str:
    """One SLA for all cameras, or each camera's own; and what they share."""
    texts = {sla.text for sla in slas.values()}
    words = texts.pop() if len(texts) == 1 else "; ".join(
        f"{camera}: {sla.text}" for camera, sla in slas.items()
    )  # fmt: skip
    if len(slas) == 1:
        return words
    share_ms = min(share.latency_ms for share in shared_budgets(slas).values())
    return f"{words} ({share_ms:g} ms each while all {counted(len(slas), 'camera')} send images)"
