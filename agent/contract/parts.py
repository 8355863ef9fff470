"""The binary parts behind a signed document, and the manifest that vouches for them."""

from __future__ import annotations

import hashlib

from agent.contract.documents import DocumentError
from agent.contract.messages import ImageSide, Job
from agent.contract.private import PrivateBytes


def cut(job: Job, binary: bytes) -> dict[str, bytes]:
    """Return the parts by name, in the order of the manifest.

    The manifest must name exactly the parts that the sides use, and `binary` must be
    these parts, whole, one after another, with nothing left over.

    Raises:
        DocumentError: it is not so; names the part.
    """
    require_names(job)
    size = sum(part.size for part in job.parts)
    if size != len(binary):
        raise DocumentError(
            f"`parts` has {size} bytes in all, but {len(binary)} bytes follow"
        )
    parts: dict[str, bytes] = {}
    start = 0
    for part in job.parts:
        data = PrivateBytes(binary[start : start + part.size])
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise DocumentError(f"sha256 of part `{part.name}` is of other bytes")
        parts[part.name] = data
        start += part.size
    return parts


def require_names(job: Job) -> None:
    """Refuse a manifest that is not of exactly the parts that the sides use.

    Raises:
        DocumentError: names the part that is missing, unused or there twice.
    """
    names = [part.name for part in job.parts]
    if len(set(names)) != len(names):
        raise DocumentError("two parts have the same name")
    wanted: set[str] = set()
    for side in (job.sides.front, job.sides.back):
        if isinstance(side, ImageSide):
            wanted.add(side.part)
        elif side is not None:
            wanted.update(side.parts.values())
    if missing := sorted(wanted.difference(names)):
        raise DocumentError(f"part `{missing[0]}` is not in `parts`")
    if surplus := sorted(set(names).difference(wanted)):
        raise DocumentError(f"no side uses part `{surplus[0]}`")
