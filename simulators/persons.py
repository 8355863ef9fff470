"""Impossible persons: their NIK has province 00 and serial 0000, which nobody is given.

Everything is drawn from a seed, so that a batch can be made again. The first twelve
hold the hard cases of an identity card: a name of 60 letters, a single-word name, the
longest religion, an unknown blood group, RT/RW with leading zeros.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

LONG_NAME = "RADEN CENDANA KUSUMANINGRAT BERINGIN PANJANG SEKALI CONTOHAN"
LONG_RELIGION = "KEPERCAYAAN TERHADAP TUHAN YANG MAHA ESA"

_PLANTS_OF_WOMEN = (
    "ANGGREK", "MELATI", "KENANGA", "CEMPAKA", "DAHLIA", "SERUNI", "TERATAI", "MAWAR",
    "SEROJA", "KEMUNING",
)  # fmt: skip
_PLANTS_OF_MEN = (
    "JATI", "CENDANA", "RANDU", "BERINGIN", "GAHARU", "MAHONI", "WARU", "BAMBU",
    "ARES", "PINANG",
)  # fmt: skip
_NUMBERS = (
    "SATU", "DUA", "TIGA", "EMPAT", "LIMA", "ENAM", "TUJUH", "DELAPAN", "SEMBILAN",
    "SEPULUH", "SEBELAS", "DUA BELAS",
)  # fmt: skip
_RELIGIONS = ("ISLAM", "KRISTEN", "KATOLIK", "HINDU", "BUDDHA", "KHONGHUCU")
_TRADES = (
    "PETANI", "GURU", "NELAYAN", "PELAJAR", "WIRASWASTA", "PERAWAT", "PENJAHIT",
    "MENGURUS RUMAH TANGGA", "KARYAWAN SWASTA",
)  # fmt: skip
_STATUS = ("BELUM KAWIN", "KAWIN", "CERAI HIDUP", "CERAI MATI")
_BLOOD = ("A", "B", "AB", "O", "-")


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up citizen; every text as it stands on the card, in capitals."""

    number: int  # 1, 2, 3 … in the batch; also seeds the portrait
    woman: bool
    born: date
    name: str
    blood: str
    religion: str
    status: str
    trade: str
    address: str
    rt_rw: str
    district_code: int  # the `cc` of the NIK
    issued: date

    @property
    def nik(self) -> str:
        """Sixteen digits that nobody can have: province 00 and serial 0000."""
        day = self.born.day + (40 if self.woman else 0)
        return f"0001{self.district_code:02d}{day:02d}{self.born:%m%y}0000"

    def fields(self) -> dict[str, str]:
        """The values of the layout `e-ktp`, by the contract's names."""
        return {
            "provinsi": "PROVINSI CONTOH",
            "kabupaten": "KABUPATEN CONTOH",
            "nik": self.nik,
            "nama": self.name,
            "tempat_lahir": "KOTA CONTOH",
            "tanggal_lahir": f"{self.born:%d-%m-%Y}",
            "jenis_kelamin": "PEREMPUAN" if self.woman else "LAKI-LAKI",
            "golongan_darah": self.blood,
            "alamat": self.address,
            "rt_rw": self.rt_rw,
            "kel_desa": "DESA CONTOH",
            "kecamatan": "CONTOH BARAT",
            "agama": self.religion,
            "status_perkawinan": self.status,
            "pekerjaan": self.trade,
            "kewarganegaraan": "WNI",
            "berlaku_hingga": "SEUMUR HIDUP",
            "tempat_terbit": "KOTA CONTOH",
            "tanggal_terbit": f"{self.issued:%d-%m-%Y}",
        }


def people(count: int, seed: int = 1) -> list[Person]:
    """`count` persons; the same seed gives the same persons."""
    dice = random.Random(f"persons {seed}")
    return [_hard(_person(number, dice)) for number in range(1, count + 1)]


def _person(number: int, dice: random.Random) -> Person:
    woman = number % 2 == 1
    plants = _PLANTS_OF_WOMEN if woman else _PLANTS_OF_MEN
    plant = plants[(number - 1) // 2 % len(plants)]
    word = _NUMBERS[(number - 1) % len(_NUMBERS)]
    return Person(
        number=number,
        woman=woman,
        born=date(1950, 1, 1) + timedelta(days=dice.randrange(365 * 55)),
        name=f"{plant} CONTOH {word}",
        blood=dice.choice(_BLOOD),
        religion=dice.choice(_RELIGIONS),
        status=dice.choice(_STATUS),
        trade=dice.choice(_TRADES),
        address=f"JL. CONTOH NO. {number}",
        rt_rw=f"{dice.randrange(1, 20):03d}/{dice.randrange(1, 12):03d}",
        district_code=dice.randrange(1, 30),
        issued=date(2020, 2, 3) + timedelta(days=number % 26),
    )


def _hard(person: Person) -> Person:
    match person.number:
        case 1:
            return replace(person, rt_rw="001/002")
        case 3:
            return replace(person, blood="-", religion=LONG_RELIGION)
        case 4:
            return replace(person, name=LONG_NAME)
        case 6:
            return replace(person, name="CONTOHWAN")
        case 10:  # laid out by the agent: the longest texts once more
            return replace(person, name=LONG_NAME, religion=LONG_RELIGION, blood="-")
        case 11:
            return replace(person, name="CONTOHWATI", rt_rw="001/002")
    return person
