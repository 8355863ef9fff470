"""What a printer says of itself in an IEEE-1284 id: `MFG:Acme;MDL:Fast 3;SN:17;`.

PURE. Lenient, for printers are not strict: keys have a long and a short name, blanks
stand where they like, and what is no `key:value` is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

_NAMES = {
    "MFG": "MANUFACTURER",
    "MDL": "MODEL",
    "SN": "SERIALNUMBER",
    "SERN": "SERIALNUMBER",
    "CMD": "COMMAND SET",
}
VALUE_SIZE_MAX = 128  # of one value; an id is for people to read


@dataclass(frozen=True, slots=True)
class DeviceId:
    """Empty text: the id does not say."""

    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    commands: str = ""

    @classmethod
    def parse(cls, text: str) -> DeviceId:
        """Read an id without the two bytes of its length; the first of a key counts."""
        found: dict[str, str] = {}
        for part in text.split(";"):
            key, colon, value = part.partition(":")
            if colon:
                name = key.strip().upper()
                found.setdefault(_NAMES.get(name, name), _plain(value))
        return cls(
            found.get("MANUFACTURER", ""),
            found.get("MODEL", ""),
            found.get("SERIALNUMBER", ""),
            found.get("COMMAND SET", ""),
        )


def _plain(value: str) -> str:
    shown = "".join(sign for sign in value if sign.isprintable())
    return shown.strip()[:VALUE_SIZE_MAX].rstrip()
