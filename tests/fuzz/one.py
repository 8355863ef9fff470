"""One target under atheris: `python -m tests.fuzz.one NAME CORPUS [OPTION…]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["protocols", "simulators"]):
    from tests.fuzz.targets import TARGETS

name = sys.argv.pop(1)
atheris.Setup(sys.argv, TARGETS[name])
atheris.Fuzz()
