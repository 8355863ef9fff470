"""The agent as its operator knows it: the command line, and nothing else."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from simulators.demo.children import ROOT

_ANSWER_S = 30.0


class CommandError(Exception):
    """`blanko …` ended with an error: its words."""


class Command:
    """`python -m agent NOUN … --config FILE --json`, each in a process of its own."""

    def __init__(self, config: Path) -> None:
        self._config = config

    async def __call__(self, *words: str) -> dict[str, Any]:
        """Run one command and return its JSON.

        Raises:
            CommandError: it ended with another status than 0, or never.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", *words, "--config", str(self._config),
            "--json", cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_ANSWER_S):
                out, err = await process.communicate()
        except BaseException as error:
            process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise CommandError(f"blanko {' '.join(words)}: no answer") from None
            raise
        if process.returncode != 0:
            said = (err or out).decode("utf-8", "replace").strip()
            raise CommandError(f"blanko {' '.join(words)}: {said}")
        answer: dict[str, Any] = json.loads(out)
        return answer
