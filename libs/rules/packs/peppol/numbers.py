"""Check digits of the numbers that Peppol's rules know, and numbers as XPath reads them.

Each takes the text with single blanks at most, and says what the official rule says of it, odd or not.
"""

from __future__ import annotations

import math
import re

from libs.einvoice.text import BLANKS

_DOUBLE = re.compile(r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][+-]?[0-9]{1,6})?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{0,30}")
_SPACES = re.compile(r"[ \t\r\n]")
_EVEN = "0246813579"
_LETTERS = re.compile(r"[A-Za-z]*")
_IPA = re.compile(r"[A-Za-z0-9]{6}")
_LONGEST = 40


def number(text: str) -> float:
    """XPath ``number``: not-a-number where it is none."""
    bare = text.strip(BLANKS)
    if bare in ("INF", "+INF", "-INF"):
        return math.inf
    return float(bare) if _DOUBLE.fullmatch(bare) else math.nan


def is_number(text: str) -> bool:
    return not math.isnan(number(text))


def is_integer(text: str) -> bool:
    """Castable as ``xs:integer``."""
    return _INTEGER.fullmatch(text.strip(BLANKS)) is not None


def digits(text: str, *lengths: int) -> bool:
    """Nothing but digits, so many of them; of any length without ``lengths``."""
    return text.isascii() and text.isdigit() and (not lengths or len(text) in lengths)


def gln(text: str) -> bool:
    if not digits(text):
        return False
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(text[-2::-1]))
    return (10 - weighted % 10) % 10 == int(text[-1])


def mod11(text: str) -> bool:
    """Norwegian: nine digits."""
    if not digits(text, 9) or not int(text):
        return False
    weighted = sum(int(digit) * (place % 6 + 2) for place, digit in enumerate(text[-2::-1]))
    return (11 - weighted % 11) % 11 == int(text[-1])


def belgian(text: str) -> bool:
    return digits(text, 10) and 97 - int(text[:8]) % 97 == int(text[8:])


def swedish(text: str) -> bool:
    """Luhn over the first nine digits; whatever follows the tenth is not looked at."""
    if not digits(text) or len(text) < 10:
        return False
    total = 0
    for place, digit in enumerate(text[8::-1]):
        doubled = int(digit) * (2 - place % 2)
        total += doubled % 10 + doubled // 10
    return (10 - total % 10) % 10 == int(text[9])


def australian(text: str) -> bool:
    if not digits(text, 11):
        return False
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    values = (int(text[0]) - 1, *map(int, text[1:]))
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) % 89 == 0


def danish(text: str) -> bool:
    """A CVR number, with or without DK."""
    return digits(text, 8) or danish_with_prefix(text)


def danish_with_prefix(text: str) -> bool:
    return len(text) == 10 and text.startswith("DK") and digits(text[2:])


def greek(text: str) -> bool:
    """A TIN; only its first nine characters are looked at."""
    if not digits(text[:9], 9):
        return False
    return sum(int(digit) << (8 - place) for place, digit in enumerate(text[:8])) % 11 % 10 == int(text[8])


def italian_office(text: str) -> bool:
    return _IPA.fullmatch(text) is not None


def italian_person(text: str) -> bool:
    """A Codice Fiscale: 16 characters in their order, or 11 that make an integer."""
    if len(text) != 16:
        return len(text) == 11 and is_integer(text)
    letters = text[:6] + text[8] + text[15]
    return _LETTERS.fullmatch(letters) is not None and all(
        map(is_integer, (text[6:8], text[9:11], text[14:15]))
    )


def italian_vat(text: str) -> bool:
    """A Partita Iva, where it begins with IT."""
    if text[:2] not in ("IT", "it"):
        return True
    code = text[2:]
    if not digits(code, 11):
        return False
    return sum(int(_EVEN[int(d)] if place % 2 else d) for place, d in enumerate(code)) % 10 == 0


def iban(text: str) -> bool:
    """An IBAN by form and check digits; blanks in it do not matter."""
    bare = _SPACES.sub("", text[: 10 * _LONGEST])
    if not _IBAN.fullmatch(bare):
        return False
    # Small letters count beyond the capitals: the official rule says so, though no bank does.
    turned = bare[4:] + bare[:4]
    return int("".join(str(ord(c) - 55 if c > "@" else ord(c) - 48) for c in turned)) % 97 == 1
