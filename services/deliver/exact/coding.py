"""Which journal, account and VAT code each amount of an invoice gets, by its receiver's own rules. Pure.

Nothing is guessed: where no rule gives what an entry needs, or the books do not know it, the booking waits, and its
words say which rule would help. All that is missing is told at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from libs.contracts.parts import Words
from libs.einvoice.model import Invoice
from libs.einvoice.money import ZERO
from services.deliver.exact.amounts import Part, Vat
from services.deliver.exact.chart import Account, Chart, VatCode
from services.deliver.exact.kinds import Kind
from services.deliver.exact.rules import Rule, Rules, bare
from services.deliver.parcel import Parked

_MOST = 5
"""Things that are told of one invoice."""
_SHOWN = 40
NO_VAT = Vat("O", ZERO)
"""Of a rounding and of what was paid before."""
_REVERSED = ("AE", "K")
"""Categories of VAT (UNCL 5305) that whoever buys reckons: reverse charge, and supplies within the Union."""


@dataclass(frozen=True, slots=True)
class CodedPart:
    part: Part
    account: Account
    vat_code: VatCode | None
    """None where there is no VAT to speak of."""
    cost_center: str | None = None
    cost_unit: str | None = None


@dataclass(frozen=True, slots=True)
class Coded:
    journal: str
    parts: tuple[CodedPart, ...]


def code(kind: Kind, invoice: Invoice, parts: tuple[Part, ...], rules: Rules, chart: Chart) -> Coded | Parked:
    """The amounts of an invoice, coded; else why it waits."""
    coder = _Coder(kind, numbers_of(kind, invoice), rules, chart)
    missing: dict[str, _Missing] = {}
    coded: list[CodedPart] = []
    journal = coder.first(None, lambda rule: rule.journal)
    if journal is None:
        missing[""] = _Missing("exact-no-journal", *_NO_JOURNAL)
    for part in parts:
        try:
            coded.append(coder.part(part))
        except _Missing as each:
            missing.setdefault(each.words.en, each)
    if journal is None or missing:
        return _parked(list(missing.values()))
    return Coded(journal, tuple(coded))


def numbers_of(kind: Kind, invoice: Invoice) -> frozenset[str]:
    """The numbers of whom the entry is with, as rules are compared with them."""
    party = kind.other(invoice)
    if party is None:
        return frozenset()
    found = [*party.identifiers, party.legal_registration_identifier, party.electronic_address]
    values = [each.value for each in found if each is not None]
    return frozenset(bare(value) for value in (*values, party.vat_identifier) if value)


class _Missing(Exception):
    """Something an entry needs and nothing gives."""

    def __init__(self, code: str, nl: str, en: str) -> None:
        super().__init__(code)
        self.code, self.words = code, Words(nl=nl, en=en)


class _Coder:
    """One invoice while it is coded."""

    def __init__(self, kind: Kind, numbers: frozenset[str], rules: Rules, chart: Chart) -> None:
        self.kind, self.numbers, self.rules, self.chart = kind, numbers, rules.rules, chart

    def first(self, part: Part | None, given: Callable[[Rule], str | None]) -> str | None:
        """What the first rule gives that holds and gives something."""
        found = (said for rule in self.rules if (said := given(rule)) and rule.holds(self.numbers, part))
        return next(found, None)

    def part(self, part: Part) -> CodedPart:
        """Raises ``_Missing``."""
        account = self._account(part)
        with_vat = part.vat is not None or self._has_vat(account)
        return CodedPart(
            part,
            account,
            self._vat_code(part, account) if with_vat else None,
            self.first(part, lambda rule: rule.cost_center),
            self.first(part, lambda rule: rule.cost_unit),
        )

    def _account(self, part: Part) -> Account:
        said = self.first(part, lambda rule: rule.account)
        if said is None:
            raise _Missing("exact-no-account", *_no_account(part))
        found = self.chart.accounts.get(said)
        if found is None:
            raise _Missing(
                "exact-unknown-account",
                f"Grootboekrekening {said} van uw regels bestaat niet in uw administratie: verbeter de regel.",
                f"G/L account {said} of your rules does not exist in your books: correct the rule.",
            )
        if found.blocked:
            raise _Missing(
                "exact-blocked-account",
                f"Grootboekrekening {said} is in Exact Online geblokkeerd: kies een andere in uw regels.",
                f"G/L account {said} is blocked in Exact Online: choose another in your rules.",
            )
        return found

    def _vat_code(self, part: Part, account: Account) -> VatCode:
        vat = part.vat or NO_VAT
        said = self.first(part, lambda rule: rule.vat_code)
        rule = (
            f"`category` {vat.category}, `rate` {vat.rate:f}" if part.vat is not None else f"`of` {part.of}"
        )
        if said is None:
            usual = self.chart.vat_codes.get(account.vat_code or "")
            # What the account has by default will do only where it says the same; a zero says nothing of why.
            if usual is not None and vat.rate and usual.percentage == vat.rate and self._usable(usual):
                return usual
            raise _Missing(
                "exact-no-vat-code",
                f"Geen regel geeft een btw-code voor {vat.rate:f} % (categorie {vat.category}). Voeg een regel toe met "
                f"{rule} en uw `vat_code`.",
                f"No rule gives a VAT code for {vat.rate:f} % (category {vat.category}). Add a rule with {rule} and your "
                "`vat_code`.",
            )
        found = self.chart.vat_codes.get(said)
        if found is None:
            raise _Missing(
                "exact-unknown-vat-code",
                f"Btw-code {said} van uw regels bestaat niet in uw administratie: verbeter de regel.",
                f"VAT code {said} of your rules does not exist in your books: correct the rule.",
            )
        if not self._usable(found):
            raise _Missing(
                "exact-unusable-vat-code",
                f"Btw-code {said} is geblokkeerd of niet voor een {self.kind.words.nl}: kies een andere in uw regels.",
                f"VAT code {said} is blocked or not for a {self.kind.words.en}: choose another in your rules.",
            )
        if found.percentage and vat.category in _REVERSED:
            raise _Missing(
                "exact-reverse-charge",
                f"De btw is verlegd (categorie {vat.category}), en btw-code {said} berekent {found.percentage:f} %: zulke "
                f"boekingen maakt de hub niet. Geef voor {rule} een code van 0 %, of boek de factuur met de hand en laat "
                "haar hier terugnemen door wie haar stuurde.",
                f"The VAT is reverse charged (category {vat.category}), VAT code {said} reckons {found.percentage:f} %: "
                f"the hub makes no such entries. For {rule} give a code of 0 %, or book the invoice by hand and have it "
                "taken back here by whoever sent it.",
            )
        if found.percentage != vat.rate:
            raise _Missing(
                "exact-other-rate",
                f"De factuur rekent {vat.rate:f} % btw en btw-code {said} is van {found.percentage:f} %: dan klopt het "
                f"totaal niet. Geef voor {rule} een code met dat percentage.",
                f"The invoice charges {vat.rate:f} % VAT and VAT code {said} is of {found.percentage:f} %: the total would "
                f"be wrong. For {rule} give a code of that percentage.",
            )
        return found

    def _has_vat(self, account: Account) -> bool:
        """Without a code Exact takes the account's own, and would put VAT on a rounding."""
        usual = self.chart.vat_codes.get(account.vat_code or "")
        return usual is not None and bool(usual.percentage)

    def _usable(self, found: VatCode) -> bool:
        return not found.blocked and found.direction in ("B", self.kind.vat_direction)


def _parked(missing: list[_Missing]) -> Parked:
    told = missing[:_MOST]
    reason = Words(
        nl=" ".join(
            ["Niet geboekt.", *(each.words.nl for each in told), "Daarna gaat de boeking vanzelf door."]
        ),
        en=" ".join(
            ["Not booked.", *(each.words.en for each in told), "The booking then goes on by itself."]
        ),
    )
    return Parked(told[0].code, reason, ", ".join(dict.fromkeys(each.code for each in told)))


_NO_JOURNAL = (
    "Geen regel geeft een dagboek. Voeg een regel toe met alleen `journal`, de code van uw dagboek.",
    "No rule gives a journal. Add a rule with nothing but `journal`, the code of your journal.",
)


def _no_account(part: Part) -> tuple[str, str]:
    if part.of == "rounding":
        return (
            "De factuur heeft een afronding. Voeg een regel toe met `of` rounding en de `account` waar die op komt.",
            "The invoice has a rounding. Add a rule with `of` rounding and the `account` it goes to.",
        )
    if part.of == "prepaid":
        return (
            "Van de factuur is al iets betaald. Voeg een regel toe met `of` prepaid en de `account` waar dat tegen "
            "weggeboekt wordt; zonder zou het nog eens betaald worden.",
            "Part of the invoice was paid before. Add a rule with `of` prepaid and the `account` that is booked against; "
            "without it, it would be paid again.",
        )
    label = part.label[:_SHOWN]
    return (
        f"Geen regel geeft een grootboekrekening voor “{label}”. Voeg een regel toe met uw `account`: zonder voorwaarden "
        "geldt zij voor alles.",
        f"No rule gives a G/L account for “{label}”. Add a rule with your `account`: without conditions it holds for "
        "everything.",
    )
