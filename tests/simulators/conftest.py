"""What the emulator's tests share beside `emulator_world`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder in which the name of a Unix socket is short enough for the kernel."""
    with tempfile.TemporaryDirectory(prefix="bl") as name:
        yield Path(name)
