"""`python -m agent` is the command `blanko`."""

from agent.cli import main

if __name__ == "__main__":
    main(prog_name="blanko")
