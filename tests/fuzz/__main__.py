"""Every target in turn, each with so many inputs: `python -m tests.fuzz RUNS [NAME…]`.

What was found useful is kept in build/fuzz/NAME for the next time, and an input that
fails in build/fuzz; the end is non-zero then.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS, seeds

FOLDER = Path("build/fuzz")
INPUT_SIZE_MAX = 2_400  # a little more than the longest reply


def run(name: str, runs: int) -> bool:
    """Return whether nothing was found; say the figures either way."""
    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds(name):
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    began_s = time.monotonic()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.one", name, str(corpus)),
            *(f"-runs={runs}", f"-max_len={INPUT_SIZE_MAX}", "-print_final_stats=1"),
            *("-timeout=10", "-rss_limit_mb=1024"),
            f"-artifact_prefix={FOLDER}/{name}-",
        ],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    took_s = time.monotonic() - began_s
    count = figure(r"number_of_executed_units: (\d+)", done.stderr)
    covered = figure(r"cov: (\d+)", done.stderr)
    good = done.returncode == 0 and count >= runs
    sys.stdout.write(
        f"{name:8} {count:>9} inputs {took_s:7.1f} s {count / took_s:>8.0f} a second"
        f"  {covered:>5} edges  {'nothing found' if good else 'FOUND SOMETHING'}\n"
    )
    if not good:
        sys.stdout.write(done.stderr[-4_000:])
    sys.stdout.flush()
    return good


def figure(pattern: str, log: str) -> int:
    found = re.findall(pattern, log)
    return int(found[-1]) if found else 0


def main() -> int:
    names = sys.argv[2:] or list(TARGETS)
    found = [name for name in names if not run(name, int(sys.argv[1]))]
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
