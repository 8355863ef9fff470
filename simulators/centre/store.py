"""The centre's disk: each job's document and parts, and event lines as they came."""

from __future__ import annotations

import json
import os
from pathlib import Path

from simulators.centre.contract import Document, parse
from simulators.centre.fate import Declaration


class Store:
    """One directory; made if it is not there."""

    def __init__(self, directory: Path) -> None:
        self.jobs = directory / "jobs"
        self.jobs.mkdir(parents=True, exist_ok=True)
        self.events = directory / "events.log"
        self.commands = directory / "commands"
        self.fates = directory / "fates.log"

    def keep_job(self, job_id: str, payload: bytes, parts: bytes) -> None:
        """Keep a job for ever: sent again, it must have the same signed bytes."""
        (self.jobs / f"{job_id}.parts").write_bytes(parts)
        (self.jobs / f"{job_id}.payload").write_bytes(payload)

    def has_job(self, job_id: str) -> bool:
        """Whether `job` can be called."""
        return (self.jobs / f"{job_id}.payload").exists()

    def job(self, job_id: str) -> tuple[bytes, bytes]:
        """The signed document's bytes, and all parts one after another."""
        payload = (self.jobs / f"{job_id}.payload").read_bytes()
        return payload, (self.jobs / f"{job_id}.parts").read_bytes()

    def keep_fate(self, said: Declaration) -> None:
        """Keep for ever what two people declared."""
        with self.fates.open("a") as file:
            file.write(json.dumps(said.document) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def declared(self) -> list[Declaration]:
        """All that was ever declared, the oldest first."""
        if not self.fates.exists():
            return []
        lines = self.fates.read_text().splitlines()
        return [Declaration(**json.loads(line)) for line in lines]

    def append(self, raw: bytes) -> None:
        """Put whole event lines on disk; when this returns they may be acknowledged."""
        with self.events.open("ab") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())

    def mend(self) -> None:
        """Take a line that a crash cut short off the file: for who writes it alone."""
        if self.events.exists():
            os.truncate(self.events, sum(map(len, self.lines())))

    def lines(self) -> list[bytes]:
        """All whole event lines; the centre may be writing another meanwhile."""
        if not self.events.exists():
            return []
        whole = self.events.read_bytes().split(b"\n")[:-1]
        return [line + b"\n" for line in whole]


def parts_of(payload: bytes, parts: bytes) -> tuple[Document, dict[str, bytes]]:
    """A kept job as its document, and its parts by name."""
    document = parse(payload, "job document")
    found, start = {}, 0
    for part in document["parts"]:
        found[part["name"]] = parts[start : start + part["size"]]
        start += part["size"]
    return document, found
