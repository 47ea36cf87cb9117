"""Try something in a process of its own, and see what it took."""

import resource
import subprocess
import sys
import time
from dataclasses import dataclass

_MEASURED = """
import resource, sys
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{imports}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    {call}
    print("taken")
except ApproxPerceptionError as error:
    print("refused", " ".join(str(error).split()))
except BaseException as error:
    print("fault", type(error).__name__, error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
_MOST_MB = 8_000


@dataclass
class Outcome:
    """What became of a call.

    Attributes
    ----------
    word
        ``taken``, ``refused`` or ``fault``.
    text
        The refusal, or the fault.
    took_s, memory_mb
        Of the whole process, and what the call held more at most.
    """

    word: str
    text: str
    took_s: float
    memory_mb: float


def attempt(imports: str, call: str, timeout_s: float = 60.0) -> Outcome:
    """Run a line in a fresh process, with a limit on its memory."""
    imports = f"from approx_perception.exceptions import ApproxPerceptionError\n{imports}"
    program = _MEASURED.format(imports=imports, call=call)
    start_s = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=timeout_s,
            check=False, preexec_fn=_limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome("fault", f"not done after {timeout_s:.0f} s", timeout_s, 0.0)
    took_s = time.monotonic() - start_s
    lines = done.stdout.splitlines()
    if len(lines) < 2:
        return Outcome("fault", f"exit code {done.returncode}: {done.stderr[-200:]}", took_s, 0.0)
    word, _, text = lines[-2].partition(" ")
    return Outcome(word, text, took_s, float(lines[-1]))


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MB << 20, _MOST_MB << 20))
