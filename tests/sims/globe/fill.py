"""Plausible master data, as much as asked for; the same for the same seed, whoever makes it and when.

A *record* is what a sync counts: a cost centre, a project, a supplier with all its addresses, and so on. The
small tables (VAT codes, payment conditions, currencies, cash instruments) hold what their short codes allow;
suppliers are three in ten; projects take the rest.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

from tests.sims.globe import rows
from tests.sims.globe.identifiers import belgian_enterprise, dutch_vat, iban, kvk
from tests.sims.globe.rows import Row
from tests.sims.globe.suppliers import supplier

_DEPARTMENTS = (
    ("Inkoop", "Purchasing", "Einkauf", "Achats"),
    ("Verkoop", "Sales", "Verkauf", "Ventes"),
    ("Magazijn", "Warehouse", "Lager", "Entrepôt"),
    ("Onderhoud", "Maintenance", "Instandhaltung", "Entretien"),
    ("Directie", "Management", "Geschäftsleitung", "Direction"),
)
_CURRENCIES = (
    ("EUR", "Euro"), ("USD", "Amerikaanse dollar"), ("GBP", "Brits pond"), ("CHF", "Zwitserse frank"),
    ("DKK", "Deense kroon"), ("SEK", "Zweedse kroon"), ("NOK", "Noorse kroon"), ("PLN", "Poolse zloty"),
    ("CZK", "Tsjechische kroon"), ("HUF", "Hongaarse forint"), ("JPY", "Japanse yen"), ("CAD", "Canadese dollar"),
)  # fmt: skip
_VAT = (0.0, 6.0, 9.0, 12.0, 21.0)


@dataclass(frozen=True)
class Fill:
    """What one administration holds. ``records``: how many, at least 100. ``today``: the day its dates are
    told from. ``bban``: some suppliers still have an old bank account number."""

    code: str = "001"
    name: str = "Voorbeeld BV"
    seed: int = 1
    records: int = 100
    country: str = "NL"
    currency: str = "EUR"
    today: date = date(2026, 1, 5)
    bban: bool = False

    def company(self) -> rows.Company:
        """The row of ``bedryf``; its bank account is the first cash instrument's."""
        rng = random.Random(f"{self.seed} {self.code} company")
        account, _ = self._own_accounts()[0]
        dutch = self.country == "NL"
        enterprise = belgian_enterprise(rng)
        return rows.Company(
            bedrnr=self.code,
            bedrnm=self.name,
            valcode=self.currency,
            Country=self.country,
            VATNumber=dutch_vat(rng) if dutch else f"BE{enterprise}",
            ChamberofCommerceNumber=kvk(rng) if dutch else enterprise,
            BankAccount=account,
            CashInstrument="1",
            Phone="0201234567",
            Fax="0201234568",
            AddressLine1=f"Dorpsstraat {rng.randrange(1, 200)}",
            Postcode="1234 AB" if dutch else "1000",
            City="Ons Dorp" if dutch else "Brussel",
            StateCode="NH" if dutch else None,
        )

    def rows(self) -> Iterator[Row]:
        """Every other row, in an order in which nothing is named before it is there."""
        small = [*self._titles(), *self._money(), *self._codes()]
        yield from small
        counted = sum(isinstance(row, _COUNTED) for row in small)
        left = max(0, self.records - counted - 1)
        suppliers = left * 3 // 10
        centres = units = left // 25
        accounts = left // 8
        yield from self._centres(centres)
        yield from self._units(units)
        yield from self._accounts(accounts)
        yield from self._projects(left - suppliers - centres - units - accounts)
        yield from self._suppliers(suppliers)

    # ------------------------------------------------------------------ kinds

    def _titles(self) -> Iterator[Row]:
        yield rows.Title(predcode="MR", aan_oms="De heer", aanhef="Geachte heer")
        yield rows.Title(predcode="MRS", aan_oms="Mevrouw", aanhef="Geachte mevrouw")
        yield rows.BankAccountType(accncd="IBA", Description="IBAN")
        yield rows.BankAccountType(accncd="DEF", Description="Standaard")
        yield rows.Journal(dagbknr="70", oms25="Inkoop", reknr="1600")

    def _own_accounts(self) -> list[tuple[str, str]]:
        rng = random.Random(f"{self.seed} {self.code} accounts")
        return [iban(rng) for _ in range(2)]

    def _money(self) -> Iterator[Row]:
        for place, (account, bic) in enumerate(self._own_accounts(), start=1):
            yield rows.CashInstrument(
                Code=str(place), IBAN=account, BICCode=bic, BankAccount=account, BankName=f"Bank {place}"
            )
        yield rows.CashInstrument(Code="3", BankAccountType="K", accncd=None, BankName="Kas")
        rng = random.Random(f"{self.seed} rates")  # the same everywhere: rates are the world's
        for code, words in _CURRENCIES:
            yield rows.Currency(valcode=code, oms30=words)
            for days in (-1, 0, 1):
                if code == self.currency:
                    continue
                yield rows.Rate(
                    source_currency=code,
                    target_currency=self.currency,
                    date_l=self._at(days),
                    rate_exchange=round(rng.uniform(0.05, 1.3), 6),
                )

    def _codes(self) -> Iterator[Row]:
        for place, percentage in enumerate(_VAT):
            for kind, words in (("E", "exclusief"), ("I", "inclusief")):
                yield rows.VatCode(
                    ID=1 + place * 2 + (kind == "I"),
                    btwtrans=f"{place}{kind}",
                    Description=f"BTW {percentage:g}% {words}",
                    Description1=f"VAT {percentage:g}%",
                    Description3=f"TVA {percentage:g}%",
                    Percentage=percentage,
                    exclus=kind,
                )
        for place, days in enumerate((0, 8, 14, 30, 60), start=1):
            yield rows.PaymentCondition(
                ID=place,
                betcond=f"{days:02d}",
                oms30=f"{days} dagen netto",
                oms30_1=f"{days} days net",
                termijn=days,
                kbdagen=days // 2,
                percentag=1.0 if days else 0.0,
            )

    def _centres(self, count: int) -> Iterator[Row]:
        rng = random.Random(f"{self.seed} {self.code} centres")
        for place in range(1, count + 1):
            dutch, english, german, french = rng.choice(_DEPARTMENTS)
            yield self._old(
                rows.CostCentre(
                    ID=place,
                    kstplcode=f"K{place:06d}",
                    oms25=f"{dutch} {place}",
                    oms25_1=f"{english} {place}",
                    oms25_2=f"{german} {place}" if rng.random() < 0.5 else None,
                    oms25_3=f"{french} {place}" if rng.random() < 0.5 else None,
                    CompanyCode=self.code,
                    Enabled=rng.random() > 0.03,
                ),
                rng,
            )

    def _units(self, count: int) -> Iterator[Row]:
        rng = random.Random(f"{self.seed} {self.code} units")
        for place in range(1, count + 1):
            dutch, english, _, french = rng.choice(_DEPARTMENTS)
            yield self._old(
                rows.CostUnit(
                    ID=place,
                    kstdrcode=f"D{place:06d}",
                    oms25=f"Product {dutch} {place}",
                    oms25_1=f"Product {english} {place}",
                    oms25_3=f"Produit {french} {place}",
                ),
                rng,
            )

    def _accounts(self, count: int) -> Iterator[Row]:
        rng = random.Random(f"{self.seed} {self.code} ledger")
        for place in range(1, count + 1):
            profit = rng.random() < 0.7
            yield self._old(
                rows.GLAccount(
                    ID=place,
                    reknr=f"{place:04d}",
                    oms25=f"{'Kosten' if profit else 'Balans'} {place}",
                    oms25_1=f"{'Costs' if profit else 'Balance'} {place}",
                    Blocked=rng.random() < 0.05,
                    BalanceProfitAndLoss="W" if profit else "B",
                    DebitCredit=rng.choice("DC"),
                    btw_code=f"{rng.randrange(len(_VAT))}E" if profit else None,
                ),
                rng,
            )

    def _projects(self, count: int) -> Iterator[Row]:
        rng = random.Random(f"{self.seed} {self.code} projects")
        for place in range(1, count + 1):
            chance = rng.random()
            end = (
                None
                if chance < 0.2
                else self._at(-rng.randrange(1, 900) if chance < 0.35 else rng.randrange(1, 900))
            )
            yield self._old(
                rows.Project(
                    ID=UUID(int=rng.getrandbits(128), version=4),
                    ProjectNr=f"P{place:07d}",
                    Description=f"Werk {place} bij klant {rng.randrange(1, 5000)}",
                    Status=rng.choices("APBC", (70, 10, 8, 12))[0],
                    InitialStartDate=self._at(-rng.randrange(1000, 2000)),
                    InitialEndDate=end,
                ),
                rng,
            )

    def _suppliers(self, count: int) -> Iterator[Row]:
        rng = random.Random(f"{self.seed} suppliers")  # code and name agree between administrations
        for place in range(1, count + 1):
            for row in supplier(rng, place, bban=self.bban and place % 10 == 1):
                yield self._old(row, rng)

    # ------------------------------------------------------------------ dates

    def _at(self, days: int) -> datetime:
        return datetime.combine(self.today, time()) + timedelta(days=days)

    def _old(self, row: Row, rng: random.Random) -> Row:
        """Made in the last ten years, changed now and then since; never after ``today``."""
        made = rng.randrange(30, 3650)
        seconds = rng.randrange(8 * 3600, 18 * 3600)
        changed = rng.randrange(1, made) if rng.random() < 0.4 else made
        return replace(
            row,
            syscreated=self._at(-made) + timedelta(seconds=seconds),
            sysmodified=self._at(-changed) + timedelta(seconds=seconds),
        )


_COUNTED = (rows.VatCode, rows.PaymentCondition, rows.Currency, rows.CashInstrument)
