"""The invented companies of the register's public test environment, as far as public documents show them.

Numbers and legal forms: developers.kvk.nl, "Test environment". Names, towns and most post codes: public code written
against it. House numbers and what else is needed to fill a profile are inference.
"""

from __future__ import annotations

from typing import Any

TEST_KEY = "a-key-of-this-simulator"
ERROR_NUMBERS = frozenset({"90004973", "90002903"})
"""Listed as "Foutmelding", "Error message": which error is inference (not deliverable)."""


def _address(
    kind: str, street: str, number: int, code: str, town: str, letter: str | None = None
) -> dict[str, Any]:
    address: dict[str, Any] = {
        "type": kind,
        "indAfgeschermd": "Nee",
        "volledigAdres": f"{street} {number}{letter or ''} {code} {town}",
        "straatnaam": street,
        "huisnummer": number,
        "postcode": code,
        "plaats": town,
        "land": "Nederland",
    }
    if letter is not None:
        address["huisletter"] = letter
    return address


def _box(number: int, code: str, town: str) -> dict[str, Any]:
    return {
        "type": "correspondentieadres",
        "indAfgeschermd": "Nee",
        "volledigAdres": f"Postbus {number} {code} {town}",
        "postbusnummer": number,
        "postcode": code,
        "plaats": town,
        "land": "Nederland",
    }


def _profile(
    number: str,
    name: str,
    form: str,
    trade_names: list[str],
    addresses: list[dict[str, Any]],
    *,
    branch: bool = True,
) -> dict[str, Any]:
    """``branch`` False: a legal person without a place of business has its addresses at the owner."""
    names = [{"naam": each, "volgorde": place} for place, each in enumerate(trade_names)]
    owner: dict[str, Any] = {"rechtsvorm": form, "uitgebreideRechtsvorm": form}
    embedded: dict[str, Any] = {"eigenaar": owner}
    if branch:
        embedded["hoofdvestiging"] = {
            "vestigingsnummer": f"0000{number}",
            "kvkNummer": number,
            "eersteHandelsnaam": trade_names[0],
            "indHoofdvestiging": "Ja",
            "adressen": addresses,
        }
    else:
        owner["adressen"] = addresses
    return {
        "kvkNummer": number,
        "indNonMailing": "Nee",
        "naam": name,
        "formeleRegistratiedatum": "20170519",
        "materieleRegistratie": {"datumAanvang": "20150101"},
        "totaalWerkzamePersonen": 3,
        "handelsnamen": names,
        "_embedded": embedded,
    }


def companies() -> dict[str, dict[str, Any]]:
    """By number, as the API answers."""
    visit = "bezoekadres"
    found = [
        _profile("69599084", "Test EMZ Dagobert", "Eenmanszaak", ["Test EMZ Dagobert", "Tweede handelsnaam"],
                 [_address(visit, "Abebe Bikilalaan", 17, "1034WL", "Amsterdam")]),
        _profile("68750110", "Test BV Donald", "BeslotenVennootschap", ["Test BV Donald"],
                 [_address(visit, "Hizzaarderlaan", 3, "8823SJ", "Lollum", "A"), _box(8, "8823ZZ", "Lollum")]),
        _profile("69599068", "Test Stichting Bolderbast", "Stichting", ["Test Stichting Bolderbast"],
                 [_address(visit, "Oosterwal", 1, "7241AR", "Lochem")], branch=False),
        _profile("69599076", "Test VOF Guus", "VennootschapOnderFirma", ["Test VOF Guus"],
                 [_address(visit, "Damstraat", 5, "1311ZZ", "Almere")]),
        _profile("68727720", "Test NV Katrien", "NaamlozeVennootschap", ["Test NV Katrien", "Katrien"],
                 [_address(visit, "Kerkstraat", 2, "9641AA", "Veendam")]),
    ]  # fmt: skip
    ended = _profile("90004760", "Test NV Gestopt", "NaamlozeVennootschap", ["Test NV Gestopt"], [])
    ended["materieleRegistratie"]["datumEinde"] = "20200101"
    shielded = _profile(
        "55505201",
        "Test Afgeschermd",
        "Overige",
        ["Test Afgeschermd"],
        [{"type": visit, "indAfgeschermd": "Ja"}],
    )
    return {each["kvkNummer"]: each for each in [*found, ended, shielded]}
