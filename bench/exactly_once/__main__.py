"""`python -m bench.exactly_once [--runs N] [--sabotage LIE]`: CUPS beside blanko."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from bench.exactly_once import table
from bench.exactly_once.cups import PROGRAMS
from bench.exactly_once.lies import LIES
from bench.exactly_once.trials import MEANINGS

RUNS = 3


def main(arguments: list[str]) -> int:
    """Print the table; 1 when blanko broke its promise, 2 when a program is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.exactly_once")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each trial")
    parser.add_argument("--sabotage", choices=LIES, default="", help="blanko lies")
    options = parser.parse_args(arguments)
    if gone := table.missing((*PROGRAMS, "mosquitto")):
        print(f"missing: {', '.join(gone)}; `make deps` brings it", file=sys.stderr)
        return 2
    start_s = time.monotonic()
    with table.arena() as arena:
        ours = table.our_systems(arena.broker, options.sabotage)
        systems = ours if options.sabotage else {**table.cups_systems(), **ours}
        counts = asyncio.run(table.count(arena.folder / "t", systems, options.runs))
    print("\n".join(table.lines(counts)), end="\n\n")
    for verdict, meaning in MEANINGS.items():
        print(f"{verdict:14}{meaning}")
    print(f"\n{options.runs} of each, in {time.monotonic() - start_s:.0f} s")
    for found in table.broken(counts):
        print(f"blanko broke its promise: {found}")
    return 1 if table.broken(counts) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
