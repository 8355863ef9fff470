"""`python -m tests.world --seed N` tells one world; `--seeds COUNT --from N` runs many.

`--card NAME --point N --power WHAT` tells a standard card whose agent dies at a point,
`--card NAME --deed WHAT --moment N` one whom somebody disturbs; `--crashes` and
`--deeds` run all of those, `--share` says what the worlds walk through.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from tests.world import moments
from tests.world.days import TALES
from tests.world.many import (
    Task,
    crash,
    crashes,
    deed,
    deeds,
    drawn,
    failure,
    points_of,
    run,
)
from tests.world.plan import POWERS, STANDARD
from tests.world.world import play


def every_crash(powers: list[str]) -> int:
    """Crash every standard card at every point; return how many went wrong."""
    wrong = 0
    for card in sorted(STANDARD):
        points, commits, commands = points_of(card)
        count = run(crashes(card, powers))
        wrong += count.wrong
        print(
            f"{card}: {points} crash points = 2 × ({commits} commits + {commands} "
            f"commands), {count.worlds} crashes ({', '.join(powers)}), "
            f"{count.wrong} wrong",
            flush=True,
        )
    return wrong


def every_deed() -> int:
    """Disturb cards at each of their moments; return how many went wrong."""
    wrong = 0
    for card, names in moments.DONE_TO.items():
        count = run(deeds(card))
        wrong += count.wrong
        print(
            f"{card}: {len(names)} deeds, {count.worlds} moments, {count.wrong} wrong",
            flush=True,
        )
    return wrong


def many(first: int, count: int) -> int:
    """Draw and run worlds; return how many went wrong."""
    began_s = time.monotonic()
    seen = run(drawn(seed) for seed in range(first, first + count))
    print(
        f"{seen.worlds} worlds from seed {first}: {seen.wrong} wrong; "
        f"{seen.lives} lives, {seen.virtual_s / 3600:.1f} hours of their time "
        f"in {time.monotonic() - began_s:.0f} s"
    )
    return seen.wrong


def share() -> int:
    """Say what share of the agent's heart worlds walk through."""
    done = subprocess.run([sys.executable, "-m", "tests.world.share"], check=False)
    return done.returncode


def tell(task: Task) -> int:
    """Play one world and print its story."""
    result = play(task.plan)
    print(failure(result, task.again) if result.complaints else result.story, end="")
    return len(result.complaints)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("--seed", type=int, help="tell this one world")
    parser.add_argument(
        "--card", choices=sorted(STANDARD | moments.CARDS), help="tell a standard card"
    )
    parser.add_argument("--tale", choices=sorted(TALES), help="tell of a set day")
    parser.add_argument("--point", type=int, default=0, help="where its agent dies")
    parser.add_argument("--power", choices=POWERS, nargs="*", default=["process"])
    parser.add_argument("--deed", choices=moments.DEEDS, help="somebody's")
    parser.add_argument("--moment", type=int, default=1, help="when it is done")
    parser.add_argument("--deeds", action="store_true", help="at every moment, all")
    parser.add_argument("--crashes", action="store_true", help="at every point, all")
    parser.add_argument("--seeds", type=int, help="run so many worlds")
    parser.add_argument("--from", type=int, default=1, dest="first", help="from here")
    parser.add_argument("--share", action="store_true", help="of branches walked")
    given = parser.parse_args()
    if given.share:
        wrong = share()
    elif given.crashes:
        wrong = every_crash(given.power)
    elif given.deeds:
        wrong = every_deed()
    elif given.seeds is not None:
        wrong = many(given.first, given.seeds)
    elif given.card and given.deed:
        at_s = moments.times_of(given.card)[given.deed][given.moment - 1]
        wrong = tell(deed(given.card, given.deed, given.moment, at_s))
    elif given.card:
        wrong = tell(crash(given.card, given.point, given.power[0]))
    elif given.tale:
        wrong = tell(Task(TALES[given.tale], f"--tale '{given.tale}'"))
    else:
        wrong = tell(drawn(given.seed or 0))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
