"""Programs that try to break the package; each ends by itself, all together in about 10 minutes.

    python -m test.torture                        all of them
    python -m test.torture --only images,kills    some of them
    python -m test.torture --page docs/reliability.md    figures of what runs put into the page

Exit code 1 when a program found a fault. Everything runs on this machine: nodes talk over loopback.
"""

import argparse
import importlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

from test.torture.report import Findings, put_into, row, table

PROGRAMS = (
    "images", "bombs", "files", "networks", "long", "parameters", "transitions", "kills", "writers",
)  # fmt: skip


def main() -> int:
    """Run programs; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PROGRAMS), help="names, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, help="page that gets the figures")
    options = parser.parse_args()
    rows, has_faults = [], False
    for name in options.only.split(","):
        if name not in PROGRAMS:
            parser.error(f"there is no program {name!r}; choose {', '.join(PROGRAMS)}")
        program = importlib.import_module(f"test.torture.{name}")
        start_s = time.monotonic()
        findings = Findings()
        print(f"{name}: {program.WHAT}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                program.torture(findings, options.seed, Path(folder))
            except Exception:
                traceback.print_exc()
                findings.fault("the program itself ended with an error")
        rows.append(row(name, program.WHAT, findings, time.monotonic() - start_s))
        print(rows[-1], end="", flush=True)
        for fault in findings.faults[:20]:
            print(f"  FAULT {fault}", flush=True)
        has_faults |= bool(findings.faults)
    if options.page:
        put_into(options.page, rows)
    print(f"\n{table(rows)}")
    return int(has_faults)


if __name__ == "__main__":
    sys.exit(main())
