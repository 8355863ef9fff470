"""How much memory and how many open files a process has, over time, and whether they
grow: what the last quarter of the time never falls below, against the second quarter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

MEMORY_KIB_MAX = 6 * 1024
"""By so much the memory of a process may be higher in the end; in half an hour a leak
of a few KB a card would be more."""

FILES_MAX = 2
SAMPLES_MIN = 16  # with fewer nothing can be said


@dataclass(frozen=True, slots=True)
class Sample:
    memory_kib: int  # resident, and no file's
    files: int


def read(pid: int) -> Sample:
    """Look at a running process.

    Raises:
        OSError: it is gone.
    """
    place = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (place / "status").read_text().splitlines()
    )
    if "RssAnon" not in status:  # it has ended, and nobody has asked how
        raise ProcessLookupError(pid)
    files = sum(1 for _ in (place / "fd").iterdir())
    return Sample(int(status["RssAnon"].split()[0]), files)


@dataclass
class Gauge:
    """One process that lives through all of it."""

    name: str
    pid: int
    samples: list[Sample] = field(default_factory=list)

    def take(self) -> None:
        self.samples.append(read(self.pid))

    def line(self) -> str:
        """First, last and most."""
        memory = [one.memory_kib / 1024 for one in self.samples]
        files = [one.files for one in self.samples]
        return (
            f"{self.name}: memory {memory[0]:.0f} MiB first, {memory[-1]:.0f} last, "
            f"{max(memory):.0f} most; files {files[0]} first, {files[-1]} last, "
            f"{max(files)} most"
        )

    def grown(self) -> list[str]:
        """What has grown beyond its bound."""
        if len(self.samples) < SAMPLES_MIN:
            return [f"{self.name}: only {len(self.samples)} samples"]
        quarter = len(self.samples) // 4
        early, late = self.samples[quarter : 2 * quarter], self.samples[-quarter:]
        memory_kib = _floor(late) - _floor(early)
        files = median(one.files for one in late) - median(one.files for one in early)
        return [
            *(
                [f"{self.name}: its memory grew by {memory_kib:.0f} KiB"]
                if memory_kib > MEMORY_KIB_MAX
                else []
            ),
            *(
                [f"{self.name}: its open files grew by {files:.0f}"]
                if files > FILES_MAX
                else []
            ),
        ]


def _floor(samples: list[Sample]) -> float:
    """What three of four samples are above: a picture in the making is no leak."""
    return quantiles((one.memory_kib for one in samples), n=4)[0]
