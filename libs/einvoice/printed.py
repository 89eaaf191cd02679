"""What the page beside an invoice (its PDF) says of bank accounts. Pure: whoever reads PDFs brings the text."""

from __future__ import annotations

from dataclasses import dataclass

from libs.identifiers import iban

LETTERS = 20_000
"""Kept of a text without blanks, from both ends."""


@dataclass(frozen=True, slots=True)
class Printed:
    """The IBANs that a page names, and its text without blanks: empty where it names none."""

    accounts: tuple[str, ...] = ()
    text: str = ""

    def names(self, account: str) -> bool:
        """Whether it has this IBAN, however it is spaced. The number of before the IBAN is none: another bank may have
        the same."""
        return account in self.accounts or account in self.text


NOTHING = Printed()
"""No page, or one that is a picture."""


def printed(text: str) -> Printed:
    """What there is to keep of the text of a page."""
    accounts = iban.named(text)
    if not accounts:
        return NOTHING
    bare = iban.squeezed(text)
    half = LETTERS // 2
    return Printed(accounts, bare if len(bare) <= LETTERS else f"{bare[:half]} {bare[-half:]}")
