"""`python -m tests.world --seed N` tells one world; `--seeds COUNT --from N` runs many.

A world whose books are wrong is told whole, with the command that plays it again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.world.plan import STANDARD, random_plan
from tests.world.world import Result, play

CHUNK = 20


def again(result: Result) -> str:
    """The command that plays this world again."""
    return f"python -m tests.world --seed {result.plan.seed}"


def failure(result: Result) -> str:
    """What a failed world prints: its story, what is wrong, and how to see it again."""
    wrong = "\n".join(f"WRONG: {one}" for one in result.complaints)
    return f"{result.story}{wrong}\nagain: {again(result)}"


def one_seed(seed: int) -> tuple[int, float, str]:
    """Return seed, virtual seconds, and the failure's text, empty when all is well."""
    result = play(random_plan(seed))
    return seed, result.ended_s, failure(result) if result.complaints else ""


def many(first: int, count: int) -> int:
    """Run `count` worlds on every CPU; return how many were wrong."""
    began_s, virtual_s, bad = time.monotonic(), 0.0, 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seeds = range(first, first + count)
        for _, ended_s, text in pool.map(one_seed, seeds, chunksize=CHUNK):
            virtual_s += ended_s
            if text:
                bad += 1
                print(text, flush=True)
    took_s = time.monotonic() - began_s
    print(
        f"{count} worlds from seed {first}: {bad} wrong; {virtual_s / 3600:.0f} hours "
        f"of their time in {took_s:.0f} s"
    )
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("--seed", type=int, help="tell this one world")
    parser.add_argument("--card", choices=sorted(STANDARD), help="tell a standard card")
    parser.add_argument("--seeds", type=int, default=0, help="run so many worlds")
    parser.add_argument("--from", type=int, default=1, dest="first", help="from here")
    given = parser.parse_args()
    if given.seeds:
        return 1 if many(given.first, given.seeds) else 0
    plan = STANDARD[given.card] if given.card else random_plan(given.seed or 0)
    result = play(plan)
    print(failure(result) if result.complaints else result.story, end="")
    return 1 if result.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
