"""`python -m bench.exactly_once [RUNS]`: a table, CUPS beside blanko."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.exactly_once.cups import Cups
from bench.exactly_once.ours import Blanko
from bench.exactly_once.trials import TRIALS, System, outcome
from simulators.demo.children import Children
from tests.conftest import BROKER, Mosquitto, free_port

RUNS = 3
NEEDED = ("cupsd", "lp", "lpstat", "mosquitto")
SYSTEMS = ("CUPS, as it comes", "CUPS, DirtyCleanInterval 0", "blanko")

Make = Callable[[Path, Children], System]


def systems(broker: str) -> dict[str, Make]:
    """How each column of the table is made."""

    def cups(name: str, extra: str) -> Make:
        return lambda folder, children: Cups(folder, children, name, extra)

    return {
        SYSTEMS[0]: cups(SYSTEMS[0], ""),
        SYSTEMS[1]: cups(SYSTEMS[1], "DirtyCleanInterval 0"),
        SYSTEMS[2]: lambda folder, children: Blanko(folder, children, broker),
    }


async def run(folder: Path, broker: str, runs: int) -> None:
    print(f"{'':24}" + "".join(f"| {name:32}" for name in SYSTEMS), flush=True)
    for trial_no, (what, trial) in enumerate(TRIALS.items()):
        cells = []
        for column, make in enumerate(systems(broker).values()):
            verdicts: Counter[str] = Counter()
            for number in range(runs):
                place = folder / f"t{trial_no}{column}{number}"
                children = Children(place.with_suffix(".logs"))
                try:
                    made = await outcome(make(place, children), trial)
                finally:
                    await children.stop()
                verdicts[made.verdict] += 1
            cells.append(", ".join(f"{v} {n}/{runs}" for v, n in verdicts.items()))
        print(f"{what:24}" + "".join(f"| {cell:32}" for cell in cells), flush=True)


def main(arguments: list[str]) -> int:
    """Print the table; 2 when a program is missing."""
    path = "/usr/sbin:/usr/bin:/bin"
    if missing := [name for name in NEEDED if not shutil.which(name, path=path)]:
        print(f"missing: {', '.join(missing)}; `make deps` brings it", file=sys.stderr)
        return 2
    assert BROKER is not None
    folder = Path(tempfile.mkdtemp(prefix="blanko-once-"))
    folder.chmod(0o755)  # cupsd's children are not root
    (folder / "mosquitto").mkdir()
    broker = Mosquitto(BROKER, folder / "mosquitto", free_port())
    broker.start()
    try:
        asyncio.run(run(folder, broker.uri, int(arguments[0]) if arguments else RUNS))
    finally:
        broker.stop()
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
