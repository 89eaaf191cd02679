"""Numbers that pass the checks the world puts on them, drawn from a generator."""

from __future__ import annotations

import random

_BANKS = {"ABNA": "ABNANL2A", "RABO": "RABONL2U", "INGB": "INGBNL2A", "TRIO": "TRIONL2U"}


def iban(rng: random.Random) -> tuple[str, str]:
    """A Dutch IBAN (ISO 13616, mod 97) and the BIC of its bank."""
    bank = rng.choice(sorted(_BANKS))
    account = f"{rng.randrange(10**9):010d}"
    digits = "".join(str(int(mark, 36)) for mark in f"{bank}{account}NL00")
    return f"NL{98 - int(digits) % 97:02d}{bank}{account}", _BANKS[bank]


def kvk(rng: random.Random) -> str:
    """Eight digits."""
    return f"{rng.randrange(10_000_000, 99_999_999):08d}"


def dutch_vat(rng: random.Random) -> str:
    """``NL`` nine digits ``B01``; the nine pass the 11-test."""
    while True:
        first = f"{rng.randrange(10_000_000, 99_999_999):08d}"
        check = sum(int(digit) * weight for digit, weight in zip(first, range(9, 1, -1), strict=True)) % 11
        if check < 10:
            return f"NL{first}{check}B01"


def belgian_enterprise(rng: random.Random) -> str:
    """Ten digits, the last two 97 minus the first eight mod 97."""
    first = rng.randrange(4_000_000, 9_999_999)
    return f"{first:08d}{97 - first % 97:02d}"
