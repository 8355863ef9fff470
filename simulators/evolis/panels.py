"""From a panel's bytes to its dots: packed levels, packed bits, compressed rows."""

from __future__ import annotations

WHITE_ROW, BLACK_ROW = 0x00, 0xFF

_TO_FULL = bytes(value * 255 // 127 for value in range(128)) + bytes(128)


def dyes(data: bytes, level_bits: int) -> bytes:
    """One byte a dot, 0 to 255, of a panel of dye with 7 or 8 bits a dot."""
    return data if level_bits == 8 else _sevens(data).translate(_TO_FULL)


def rows_unpacked(data: bytes, row_count: int, row_size: int) -> bytes | None:
    """The bits of a panel whose rows were compressed; None: it is not such a one.

    Each row is one byte that says it is all white or all black, or that it has 1 to
    `row_size` bytes, which follow; the rest of the row is white.
    """
    rows = bytearray()
    at = 0
    for _ in range(row_count):
        if at >= len(data):
            return None
        size = data[at]
        at += 1
        if size == BLACK_ROW:
            rows += b"\xff" * row_size
            continue
        if size > row_size:
            return None
        rows += data[at : at + size].ljust(row_size, b"\0")
        at += size
    return bytes(rows) if at == len(data) else None


def _sevens(data: bytes) -> bytes:
    """Eight values out of each seven bytes, the highest bit first.

    The n-th of eight values has its upper bits at the end of byte n-1 and its lower
    ones at the beginning of byte n; all values of one n are made at once.
    """
    count = len(data) // 7
    columns = [data[n::7] for n in range(7)]
    values = bytearray(8 * count)
    for n in range(8):
        upper = _shifted(columns[n - 1], 7 - n) if n else 0
        lower = _shifted(columns[n], -n - 1) if n < 7 else 0
        values[n::8] = (upper | lower).to_bytes(count, "big")
    return bytes(values)


def _shifted(column: bytes, left: int) -> int:
    """Each byte shifted, of which 7 bits stay; all of them as one long number."""
    table = [byte << left & 0x7F if left >= 0 else byte >> -left for byte in range(256)]
    return int.from_bytes(column.translate(bytes(table)), "big")
