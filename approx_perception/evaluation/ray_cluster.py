"""Spread sources over a Ray cluster; needs the extra ``ray``."""

import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from approx_perception.exceptions import ConfigurationError, reason_of, shown
from approx_perception.extras import needed_for

__all__ = ["attempts_on_ray"]

_KNOCK_S = 5.0

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def attempts_on_ray(
    attempt: Callable[[Job], Outcome], jobs: Sequence[Job], address: str
) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the jobs.

    Parameters
    ----------
    attempt
        Runs one job; sees the same files as this process.
    jobs
        To be run, one task each.
    address
        Of a cluster, or ``local`` to start one here that ends with this process.

    Raises
    ------
    ConfigurationError
        If Ray is not installed or the cluster cannot be reached.
    """
    with needed_for("--ray", "ray"):
        import ray
    _check_reachable(address)
    try:
        ray.init(
            address=None if address == "local" else address, log_to_driver=False,
            include_dashboard=False if address == "local" else None,
        )  # fmt: skip
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigurationError(
            f"no Ray cluster at {shown(address)}: {reason_of(error)}"
        ) from error
    try:
        task: Any = ray.remote(attempt)
        # Two processes of PyTorch on the same core would time each other.
        references = [task.options(num_cpus=1).remote(job) for job in jobs]
        for reference in references:
            yield ray.get(reference)
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Knock first: Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        # A word that Ray knows, such as auto.
        return
    try:
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()
    except OSError as error:
        raise ConfigurationError(f"no Ray cluster at {shown(address)}: {error}") from error
