"""A ledger that is not what it was when the agent starts, and what is done then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agent.clock import Clock
from agent.journal.anew import Beginning, begin
from agent.journal.opening import set_aside
from agent.journal.store import Store
from agent.lifecycle.ledger import Signers
from tests.world.files import NAME, Files
from tests.world.forger import FORGERIES, forge_in_place
from tests.world.story import Story

BECAUSE = "the disk was damaged"


class Loss:
    """Befalls the files once it is due; `how` names what becomes of them."""

    def __init__(self, how: str, story: Story) -> None:
        self._how = how
        self._story = story
        self._whole: Files | None = None  # as it was before
        self.due = False

    def befall(self, folder: Path) -> None:
        """Do to the journal in this folder what is due."""
        if not self.due:
            return
        self.due = False
        self._whole = Files.read(folder)
        self._story.tell("chance", f"the ledger: {self._how}")
        path = folder / NAME
        match self._how:
            case "gone":
                path.unlink()
                path.with_name(f"{NAME}-wal").unlink(missing_ok=True)
            case "zeros":
                data = path.read_bytes()
                path.write_bytes(data[:4096] + bytes(len(data) - 4096))
            case "another":
                (folder / "other").mkdir()
                Store(folder / "other" / NAME, "another").close()
                path.with_name(f"{NAME}-wal").unlink(missing_ok=True)
                (folder / "other" / NAME).replace(path)
            case name:
                (forgery,) = [one for one in FORGERIES if one.name == name]
                forge_in_place(path, forgery)

    def put_back(self, folder: Path) -> None:
        """Undo it: the file was not lost, only not for this agent to read."""
        if self._whole is not None:
            self._story.tell("person", "puts the right file back")
            for side in ("", "-wal", "-shm"):
                (folder / f"{NAME}{side}").unlink(missing_ok=True)
            (folder / NAME).write_bytes(self._whole.db)
            if self._whole.wal:
                (folder / f"{NAME}-wal").write_bytes(self._whole.wal)

    def begin_anew(self, folder: Path, counts: Mapping[str, int], clock: Clock) -> None:
        """As the daemon and `blanko ledger open` do: set it aside, begin another."""
        path = folder / NAME
        if path.exists() and path.stat().st_size:
            aside = set_aside(path, clock.wall())
            self._story.tell("agent", f"sets its ledger aside as {aside.name}")
        said = Beginning(BECAUSE, counts, Signers("person"))
        begin(folder, said, clock)
