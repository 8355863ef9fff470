"""A small disk: a tmpfs in a mount namespace, which outlasts whoever writes on it.

Root may have one, and who else the kernel lets. From outside it is reached through
/proc, so that others can fill it and look at what lies on it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from simulators.demo.children import ROOT, Child, Children

START_S = 30.0


def why_none() -> str:
    """Why nobody can mount a small disk here; empty: it can be done."""
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    if (
        shutil.which("unshare")
        and not subprocess.run(probe, capture_output=True, check=False).returncode
    ):
        return ""
    return "only root may mount here, and users may have no namespace"


def fill(folder: Path, left_size: int) -> None:
    """Let others take the disk, but for so many bytes."""
    with (folder / "ballast").open("ab") as ballast:
        while True:
            free = os.statvfs(folder)
            size = free.f_bavail * free.f_frsize - left_size
            if size <= 0:
                return
            with contextlib.suppress(OSError):  # its user was faster
                os.posix_fallocate(ballast.fileno(), ballast.tell(), size)
                ballast.seek(size, os.SEEK_CUR)


def free(folder: Path) -> None:
    """Give back what `fill` took."""
    (folder / "ballast").unlink(missing_ok=True)


class Disk:
    """One such disk, there from `mount` until its holder's end."""

    def __init__(self, size_mib: int) -> None:
        self._size_mib = size_mib
        self._holder: Child | None = None
        self._folder = Path()

    async def mount(self, children: Children, folder: Path) -> None:
        """Lay it over a folder that is there, for programs behind `inside`."""
        options = f"size={self._size_mib}m,mode=700"
        script = (
            f'mount -t tmpfs -o {options} none "$0" && echo mounted && exec sleep inf'
        )
        self._holder = await children.start(
            "disk", ["unshare", "-rm", "sh", "-c", script, str(folder)]
        )
        await children.line(self._holder, "mounted", START_S)
        self._folder = folder

    @property
    def inside(self) -> list[str]:
        """What a command line begins with so that its program has this disk."""
        space = f"/proc/{self._pid}/ns"
        return [
            *("nsenter", f"--user={space}/user", "--preserve-credentials"),
            *(f"--mount={space}/mnt", "sh", "-c", 'cd "$0" && exec "$@"', str(ROOT)),
        ]

    @property
    def path(self) -> Path:
        """Where others reach it."""
        return Path(f"/proc/{self._pid}/root{self._folder}")

    @property
    def _pid(self) -> int:
        assert self._holder is not None
        return self._holder.process.pid
