"""`make show-interop`: what the vendor's SDK makes of the emulator, for one to see.

Prints the table of faults and the ways back, and each printed card's difference; lays
what was given, what came out and ten times the difference side by side in a folder.
Ends with 1 when anything is not as the tables say.
"""

from __future__ import annotations

import re
import sys
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image, ImageChops

from tests.interop.evolis_sdk.fault_table import TABLE, WAYS_BACK, Seen, When
from tests.interop.evolis_sdk.fault_trials import (
    Recovered,
    expected_recovery,
    fault_jobs,
    recovery_jobs,
)
from tests.interop.evolis_sdk.pictures import card_picture, difference
from tests.interop.evolis_sdk.print_table import (
    MEAN_MAX,
    PRINTS,
    Face,
    print_card,
    shortcomings,
)
from tests.interop.evolis_sdk.sdk_world import Sdk, side_by_side

GAP_PX = 12
TIMES = 10  # so much the differences are enlarged in the pictures
OUT = Path("build") / "interop"
TRIAL_S = 90.0


def main() -> int:
    first = Sdk()
    if first.missing:
        say(f"the vendor's SDK is not to be had here: {first.missing}")
        return 1
    numbers = first.ask(do="numbers")
    first.close()
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wrong = faults(place, numbers) + recoveries(place) + prints(place)
    say(f"\n{wrong} not as expected" if wrong else "\nall as expected")
    return 1 if wrong else 0


def faults(folder: Path, numbers: dict[str, int]) -> int:
    """Print the table of faults; return how many rows are not as it says."""
    say(
        "A print with a fault: the SDK's code and state, and where the card really is\n"
    )
    row = "{:20} {:7} {:23} {:31} {:20} {}".format
    say(row("fault", "when", "code", "state", "card", "again"))
    wrong = 0
    with side_by_side(fault_jobs(_picture(folder))) as trials:
        for kind, when in TABLE:
            seen = trials[kind, when].result(TRIAL_S)
            name = kind if when is When.BEFORE else ""
            state = seen.state or "(not asked)"
            code, again = (
                f"{one} {numbers.get(one, '')}" for one in (seen.code, seen.again)
            )
            say(row(name, when, code, state, seen.card, again))
            wrong += _differs(seen, TABLE[kind, when])
    return wrong


def recoveries(folder: Path) -> int:
    """Print the ways back from a fault; return how many do not lead to a good card."""
    say("\nThe way back from a fault during a print, to a print that is good\n")
    row = "{:20} {:20} {:18} {:25} {}".format
    say(row("fault", "a person", "the host", "first card", "next print"))
    wrong = 0
    with side_by_side(recovery_jobs(_picture(folder))) as trials:
        for kind, way in WAYS_BACK.items():
            seen = trials[kind].result(TRIAL_S)
            host = "reject_card, Scs" if way.rejects else "Scs"
            code = f"{seen.code}, {seen.good_card}"
            say(row(kind, way.person, host, seen.card, code))
            wrong += _differs(seen, expected_recovery(kind))
    return wrong


def prints(folder: Path) -> int:
    """Print each card's difference and keep the pictures; return how many are off."""
    say(f"\nPictures, of 255; a mean up to {MEAN_MAX:g} is good\n")
    row = "{:38} {:16} {:>5} {:>4} {:>9}  {}".format
    say(row("card", "model, ribbon", "mean", "max", "text off", "picture"))
    wrong = 0
    jobs = {
        what: partial(print_card, folder / str(number), what)
        for number, what in enumerate(PRINTS)
    }
    with side_by_side(jobs) as trials:
        for what, trial in trials.items():
            printed = trial.result(TRIAL_S)
            for number, face in enumerate(printed.faces):
                apart, side = face.difference, ("", " (back)")[number]
                path = OUT / f"{slug(what.name + side)}.png"
                _beside(face).save(path)
                model = f"{what.model}, {what.ribbon}"
                mean = f"{apart.mean:.2f}"
                name = f"{what.name}{side}"
                say(row(name, model, mean, apart.largest, apart.text_off, path))
                if what.bends_tones:
                    plain = difference(face.printed, face.given).mean
                    say(f"  {plain:.2f} with the SDK's change of all colours")
            for text in shortcomings(what, printed):
                say(f"  not as expected: {text}")
                wrong += 1
    return wrong


def _differs(seen: Seen | Recovered, expected: Seen | Recovered) -> bool:
    if seen != expected:
        say(f"  not as expected: {expected}")
    return seen != expected


def _beside(face: Face) -> Image.Image:
    """Given, printed, and the difference enlarged, in one picture."""
    apart = ImageChops.difference(face.printed, face.given)
    apart = apart.point([min(255, value * TIMES) for value in range(256)] * 3)
    width, height = face.given.size
    made = Image.new("RGB", (3 * width + 2 * GAP_PX, height), (128, 128, 128))
    for number, picture in enumerate((face.given, face.printed, apart)):
        made.paste(picture, (number * (width + GAP_PX), 0))
    return made


def _picture(folder: Path) -> Path:
    path = folder / "front.bmp"
    card_picture("CONTOH").save(path)
    return path


def slug(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
