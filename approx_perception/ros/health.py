"""How a camera and its processing are: counted by any thread, judged once a second."""

import threading
from collections import deque
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from approx_perception.clock import Clock
from approx_perception.exceptions import described
from approx_perception.metrics.verdict import verdict_on
from approx_perception.pipeline import MailboxCounts
from approx_perception.ros.sla_record import Row, SlaRecord, counts_under
from approx_perception.structures import SLA, BesideRun, ContentionState, FrameResult

__all__ = ["CameraHealth", "Judgement", "Level", "WatchdogLimits"]

_WINDOW = 300
_ARRIVALS = 30
#: A camera is gone after so many of its periods, and at least so many seconds.
_GONE_PERIODS, _GONE_S = 5.0, 1.0
#: Fewer frames (or groups) tell nothing of a share of late ones.
_LEAST_COUNTED = 40
#: Characters of what went wrong with a frame.
_LONGEST_REASON = 500


class Level(IntEnum):
    """Of a `diagnostic_msgs/DiagnosticStatus`."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class WatchdogLimits:
    """When processing is worth a warning, and when an error.

    Attributes
    ----------
    max_allowed_processing_ms
        A frame that takes longer is a warning.
    max_consecutive_delay_ms
        Nothing but such frames for so long, or a worker that is stuck for so long, is an error.
    """

    max_allowed_processing_ms: float = 200.0
    max_consecutive_delay_ms: float = 1000.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A status to publish."""

    level: Level
    message: str
    values: dict[str, str]


class CameraHealth:
    """Counts of one camera; safe to tell and to ask from any thread.

    Parameters
    ----------
    clock
        Tells how long ago things were.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._arrivals_ns: deque[int] = deque(maxlen=_ARRIVALS)
        self._recent: deque[Row] = deque(maxlen=_WINDOW)
        self._since_last = SlaRecord()
        self._sla: SLA | None = None
        self._processed = self._errors = self._errors_reported = 0
        #: Of what ran beside the frames, which went on.
        self._beside_errors = self._beside_reported = 0
        self._beside_age_ms = float("nan")
        self._last_error = self._branch = ""
        self._age_ms = self._wait_ms = self._expected_accuracy = float("nan")
        self._contention = ContentionState()
        self._busy_since_ns: int | None = None
        self._late_since_ns: int | None = None

    def received(self) -> None:
        """Count an image."""
        with self._lock:
            self._arrivals_ns.append(self._clock.monotonic_ns())

    def begins(self) -> None:
        """Note that the worker takes a frame in hand."""
        with self._lock:
            self._busy_since_ns = self._clock.monotonic_ns()

    def succeeded(
        self, result: FrameResult, age_ms: float, wait_ms: float, limits: WatchdogLimits
    ) -> None:
        """Count a processed frame that waited ``wait_ms`` for the worker."""
        latency_ms = result.timings.processing_ms
        with self._lock:
            began_ns, self._busy_since_ns = self._busy_since_ns, None
            self._processed += 1
            if self._sla != result.sla:
                # Frames under another SLA say nothing of this one.
                self._recent.clear()
            self._sla = result.sla
            self._branch = str(result.decision.branch)
            self._expected_accuracy = result.decision.expected_accuracy
            self._contention = result.decision.contention
            row = Row.of(result)
            self._recent.append(row)
            self._since_last.add(result.sla, row)
            self._age_ms, self._wait_ms = age_ms, wait_ms
            if result.beside is not None:
                self._see_beside(result.beside)
            if latency_ms <= limits.max_allowed_processing_ms:
                self._late_since_ns = None
            elif self._late_since_ns is None:
                self._late_since_ns = began_ns

    def _see_beside(self, beside: BesideRun) -> None:
        if beside.error is None:
            self._beside_age_ms = beside.delay_ms
        else:
            self._beside_errors += 1
            self._last_error = _told(beside.error)

    def failed(self, error: Exception) -> None:
        """Count a frame that could not be processed."""
        with self._lock:
            self._busy_since_ns = None
            self._errors += 1
            self._last_error = _told(error)
            self._since_last.refuse(self._last_error)

    @property
    def is_active(self) -> bool:
        """Whether images come."""
        with self._lock:
            silence_s, period_s = self._silence_s(), self._period_s()
        return silence_s < max(_GONE_S, _GONE_PERIODS * period_s)

    def _silence_s(self) -> float:
        if not self._arrivals_ns:
            return float("inf")
        return (self._clock.monotonic_ns() - self._arrivals_ns[-1]) / 1e9

    def _period_s(self) -> float:
        if len(self._arrivals_ns) < 2:
            return 0.0
        span_s = (self._arrivals_ns[-1] - self._arrivals_ns[0]) / 1e9
        return span_s / (len(self._arrivals_ns) - 1)

    def judgement_since_last(self) -> Judgement | None:
        """Whether each SLA was kept since this was asked last; None where no frame came."""
        with self._lock:
            is_wrong, text = self._since_last.tell()
        return Judgement(Level.WARN if is_wrong else Level.OK, text, {}) if text else None

    def judge(
        self,
        counts: MailboxCounts,
        silence: str,
        problems: list[str],
        limits: WatchdogLimits,
        caution: str = "",
    ) -> Judgement:
        """Say how things stand.

        Parameters
        ----------
        counts
            Of the mailbox.
        silence
            Why no image comes; empty where they do, or nobody knows.
        problems
            What else is wrong with this camera, each a warning.
        limits
            Of the watchdog.
        caution
            What is wrong with the network on these images; the mildest warning.
        """
        is_active = self.is_active
        with self._lock:
            words, share = "", float("nan")
            if self._sla is not None:
                counted = counts_under(self._sla, self._recent)
                words = verdict_on(counted).text
                if len(self._recent) >= _LEAST_COUNTED:
                    share = counted.late / counted.counted
            level, message = self._verdict(
                counts, silence, problems, limits, is_active, share, words, caution
            )
            self._errors_reported, self._beside_reported = self._errors, self._beside_errors
            return Judgement(level, message, self._values(counts, share, words))

    def _verdict(
        self, counts: MailboxCounts, silence: str, problems: list[str],
        limits: WatchdogLimits, is_active: bool, late_share: float, sla_words: str, caution: str,
    ) -> tuple[Level, str]:  # fmt: skip
        """The worst there is to say."""
        now_ns = self._clock.monotonic_ns()
        stuck_ms = 0.0 if self._busy_since_ns is None else (now_ns - self._busy_since_ns) / 1e6
        late_ms = 0.0 if self._late_since_ns is None else (now_ns - self._late_since_ns) / 1e6
        longest_ms, allowed_ms = limits.max_consecutive_delay_ms, limits.max_allowed_processing_ms
        last_ms = self._recent[-1].latency_ms if self._recent else 0.0
        sla, why = self._sla, f": {silence}" if silence else ""
        is_missed = sla is not None and late_share > 1 - sla.quantile
        verdicts = (
            (stuck_ms > longest_ms, Level.ERROR, f"a frame is under way for {stuck_ms:.0f} ms"),
            (is_active and late_ms > longest_ms, Level.ERROR,
             f"every frame has taken more than {allowed_ms:g} ms for {late_ms / 1e3:.1f} s"),
            (self._errors > self._errors_reported, Level.ERROR,
             f"frame refused: {self._last_error}"),
            (self._beside_errors > self._beside_reported, Level.ERROR,
             f"the network failed beside the frames, which go on: {self._last_error}"),
            (not self._arrivals_ns, Level.WARN, f"waiting for the first image{why}"),
            (bool(self._arrivals_ns) and not is_active, Level.WARN,
             f"no image for {self._silence_s():.1f} s{why}"),
            (bool(problems), Level.WARN, "; ".join(problems)),
            (is_active and last_ms > allowed_ms, Level.WARN,
             f"a frame took {last_ms:.0f} ms, allowed are {allowed_ms:g}"),
            (is_missed, Level.WARN, sla_words),
            (sla is not None and self._expected_accuracy < sla.accuracy, Level.WARN,
             f"accuracy {sla.accuracy if sla else 0:g} is asked for, and only "
             f"{self._expected_accuracy:.2f} is expected"),
            (bool(caution), Level.WARN, caution),
            (True, Level.OK, "processing"),
        )  # fmt: skip
        return next((level, words) for holds, level, words in verdicts if holds)

    def _values(self, counts: MailboxCounts, late_share: float, sla_words: str) -> dict[str, str]:
        recent_ms = [row.latency_ms for row in self._recent]
        p50, p95 = np.percentile(recent_ms, [50, 95]) if recent_ms else (0.0, 0.0)
        period_s = self._period_s()
        return {
            "received": str(counts.received),
            "processed": str(self._processed),
            "dropped for a newer image": str(counts.replaced),
            "dropped as stale": str(counts.stale),
            "refused": str(self._errors),
            "failed beside the frames": str(self._beside_errors),
            "last error": self._last_error,
            "input rate (Hz)": f"{1 / period_s:.1f}" if period_s else "",
            "age at publication (ms)": f"{self._age_ms:.1f}",
            "waited for the worker (ms)": f"{self._wait_ms:.1f}",
            "age of what came from beside (ms)": (
                "" if np.isnan(self._beside_age_ms) else f"{self._beside_age_ms:.1f}"
            ),
            "branch": self._branch,
            "contention": (
                f"{self._contention.slowdown:.2f} times the latency of the idle machine, "
                f"by {self._contention.source}"
            ),
            "processing P50 (ms)": f"{p50:.2f}",
            "processing P95 (ms)": f"{p95:.2f}",
            "SLA": sla_words or "nothing processed yet",
            "violation rate": "" if np.isnan(late_share) else f"{late_share:.4f}",
        }


def _told(error: Exception) -> str:
    return (str(error) or described(error))[:_LONGEST_REASON]
