"""`python -m simulators` is `blanko-sim`."""

from simulators.cli import main

main(prog_name="blanko-sim")
