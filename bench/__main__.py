"""`python -m bench [help|start|rest|cards|driver|magicard|usb|ledger] …`: all, or some.

Figures are reports, not gates: a missed goal is shown, and the exit status is 0.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from bench import cards, driver, help_text, ledger, magicard, rest, start, usb

MEASUREMENTS = {
    "help": help_text.measure,
    "start": start.measure,
    "rest": rest.measure,
    "cards": cards.measure,
    "driver": driver.measure,
    "magicard": magicard.measure,
    "usb": usb.measure,
    "ledger": ledger.measure,
}
TRACE_SIZE = 2_000  # characters of a log that are shown after a failure


def main(names: list[str]) -> int:
    """Run the measurements; 1 when one of them could not be made."""
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        known = ", ".join(MEASUREMENTS)
        print(f"unknown: {', '.join(unknown)}; expected: {known}", file=sys.stderr)
        return 2
    version = platform.python_version()
    print(f"Python {version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    failed = False
    begin = time.monotonic()
    for name in names or MEASUREMENTS:
        failed |= not _measure(name)
    print(f"\n{time.monotonic() - begin:.0f} s in all")
    return int(failed)


def _measure(name: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="blanko-bench-") as folder:
        try:
            for figure in MEASUREMENTS[name](Path(folder)):
                print("", *figure.lines(), sep="\n", flush=True)
        except (RuntimeError, LookupError, OSError) as error:
            print(f"\n{name}: not measured: {error}", file=sys.stderr)
            for log in sorted(Path(folder).glob("*.log")):
                if text := log.read_text(errors="replace")[-TRACE_SIZE:].strip():
                    print(f"--- {log.name}\n{text}", file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
