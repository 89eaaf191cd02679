"""A supplier as Globe keeps it: the creditor, four addresses, the main contact, a bank account."""

from __future__ import annotations

import random
from collections.abc import Iterator
from uuid import UUID

from tests.sims.globe import rows
from tests.sims.globe.identifiers import dutch_vat, iban, kvk
from tests.sims.globe.rows import Row

_TRADES = ("Bouw", "Techniek", "Transport", "Kantoor", "Schoonmaak", "Drukwerk", "Advies", "Groothandel")
_TOWNS = (("Utrecht", "3511 AA"), ("Zwolle", "8011 BB"), ("Breda", "4811 CC"), ("Assen", "9401 DD"))
_PEOPLE = (
    ("MR", "M", "Jan", "van der", "Berg"),
    ("MRS", "V", "Anna", None, "Smit"),
    ("MR", "M", "Pieter", "de", "Vries"),
    ("MRS", "V", "Fatima", "el", "Amrani"),
    (None, "O", "Sam", None, "Jansen"),
)
_JOBS = ("Inkoper", "Administrateur", "Directeur")


def supplier(rng: random.Random, place: int, *, bban: bool = False) -> Iterator[Row]:
    """The ``place``-th one, 1 and up. Four in a hundred are employees, five inactive, four blocked."""
    number = f"{60000 + place:06d}"
    key = UUID(int=rng.getrandbits(128), version=4)
    account, bic = iban(rng)
    bank = account[8:] if bban else account
    domain = f"leverancier{place}.example"
    yield rows.Creditor(
        cmp_wwn=key,
        cmp_code=number,
        cmp_name=f"{rng.choice(_TRADES)} {place} BV",
        cmp_type="E" if rng.random() < 0.04 else "S",
        cmp_status=rng.choices("AEBPS", (88, 5, 4, 1, 2))[0],
        crdcode=number,
        crdnr=number,
        VATNumber=dutch_vat(rng),
        ChamberofCommerceNumber=kvk(rng),
        Currency="EUR" if rng.random() < 0.9 else "USD",
        PaymentCondition=rng.choice(("14", "30", "60")),
        DunsNumber=f"{rng.randrange(10**8, 10**9)}" if rng.random() < 0.2 else None,
        cmp_e_mail=f"info@{domain}",
        cmp_web=f"www.{domain}",
        Phone=f"030{rng.randrange(10**6, 10**7)}",
        Fax=f"030{rng.randrange(10**6, 10**7)}" if rng.random() < 0.3 else None,
        Note="Belt liever niet op vrijdag." if rng.random() < 0.1 else None,
        BankAccount=bank,
    )
    town, postcode = rng.choice(_TOWNS)
    house = rng.randrange(1, 300)
    for kind, street in (
        ("VIS", "Industrieweg"),
        ("DEL", "Havenkade"),
        ("POS", "Postbus"),
        ("INV", "Industrieweg"),
    ):
        yield rows.Address(
            ID=UUID(int=rng.getrandbits(128), version=4),
            Account=key,
            Type=kind,
            AddressLine1=f"{street} {house}",
            Postcode=postcode,
            City=town,
            Country="NL",
        )
    title, gender, first, middle, last = rng.choice(_PEOPLE)
    yield rows.Contact(
        cnt_id=UUID(int=rng.getrandbits(128), version=4),
        cmp_wwn=key,
        predcode=title,
        Gender=gender,
        FirstName=first,
        MiddleName=middle,
        LastName=last,
        FullName=" ".join(part for part in (first, middle, last) if part),
        cnt_job_desc=rng.choice(_JOBS),
        cnt_f_tel=f"06{rng.randrange(10**7, 10**8)}",
        MobileNumber=f"06{rng.randrange(10**7, 10**8)}",
        cnt_email=f"{first.lower()}@{domain}",
    )
    yield rows.BankAccount(
        crdnr=number,
        banknr=bank,
        accncd="DEF" if bban else "IBA",
        valcode="EUR",
        naam=f"Bank van {place}",
        IBAN=None if bban else account,
        BICCode=None if bban else bic,
        swiftadres=bic,
    )
