"""The preconditions (R201, R202, R205, R214–R219, R247, R305): each its own check with its own message. Pure.

A check of the client stops everything; a check of an administration stops that one and the others go on (R215).
What cannot be seen from here (whether the sync host is installed: it is this program) counts as met by its running.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from libs.contracts.parts import Words
from services.sync.mappings.supplier_parts import ADDRESS_TYPES
from services.sync.p2p import paths

SUPPORTED_UPDATES = ("421SP7+", "422+", "500+")
"""Globe product updates this connector runs on (R201.8, R202): 421 from SP7, and every later one."""

COUNTRIES = frozenset({"NL", "BE"})


@dataclass(frozen=True, slots=True)
class Check:
    """One precondition. ``met`` None: this side does not tell, look for yourself."""

    rule: str
    met: bool | None
    words: Words
    administration: str | None = None
    """None: it is about Purchase to Pay as a whole."""

    @property
    def stops(self) -> bool:
        return self.met is False

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "met": self.met,
            "administration": self.administration,
            "words": self.words.model_dump(),
        }


def from_json(kept: Mapping[str, Any]) -> Check:
    """A check as it was kept."""
    return Check(kept["rule"], kept["met"], Words(**kept["words"]), kept["administration"])


@dataclass(frozen=True, slots=True)
class P2PFacts:
    """What Purchase to Pay tells about itself: settings by name, address types, companies, and whether it lets our
    user in by the API."""

    settings: Mapping[str, Any]
    address_types: frozenset[str]
    companies: frozenset[str]
    api_right: bool = True


@dataclass(frozen=True, slots=True)
class GlobeFacts:
    """What an administration tells, and what was entered about it."""

    code: str
    found: bool
    currency: str
    country: str
    bban: int
    product_update: str
    integrator: str
    licensed: bool
    invoicing: bool
    """Whether our user has the module Invoicing for it in Purchase to Pay."""


def yes(value: Any) -> bool:
    """A setting as Purchase to Pay may write it: true, "True", "Yes", "Ja", 1."""
    return str(value).strip().lower() in ("true", "yes", "ja", "1")


def same_cost_types(facts: P2PFacts) -> bool:
    """Feature EXACTGLOBE_ADMINS_SAME_COSTTYPES (R218); not set is off."""
    return yes(facts.settings.get(paths.SAME_COST_TYPES, False))


def of_client(facts: P2PFacts) -> Iterator[Check]:
    """What must hold of Purchase to Pay before anything goes over."""
    yield Check(
        "R201.3",
        True,
        Words(nl="Het Purchase to Pay-account is geldig.", en="The Purchase to Pay account is valid."),
    )
    yield Check(
        "R214",
        facts.api_right,
        Words(
            nl="Geef deze gebruiker in Purchase to Pay het recht API gebruiker (heeft alleen toegang via de API): "
            "Beheer ➔ Referentietabellen ➔ Gebruikers en groepen ➔ Gebruiker, tabblad Algemeen.",
            en="Give this user in Purchase to Pay the right API user (has access via the API only): Management ➔ "
            "Reference tables ➔ Users and groups ➔ User, tab General.",
        ),
    )
    if not facts.api_right:
        return  # nothing else can be seen
    yield Check(
        "R216",
        yes(facts.settings.get(paths.SEPARATE_SUPPLIERS, False)),
        Words(
            nl="Aparte leveranciers per bedrijf? moet in Purchase to Pay op Ja staan: Beheer ➔ Systeeminstellingen ➔ "
            "Systeemparameters ➔ Overig.",
            en="Different suppliers by company? must be Yes in Purchase to Pay: Management ➔ System settings ➔ System "
            "parameters ➔ Other.",
        ),
    )
    missing = sorted(ADDRESS_TYPES - facts.address_types)
    yield Check(
        "R219",
        not missing,
        Words(
            nl=f"Maak deze adrestypen in Purchase to Pay aan: {', '.join(missing) or '(geen)'} (Beheer ➔ Module "
            "instellingen ➔ Beheer ➔ Adrestypen).",
            en=f"Make these address types in Purchase to Pay: {', '.join(missing) or '(none)'} (Management ➔ Module "
            "settings ➔ Management ➔ Address types).",
        ),
    )


def of_administration(globe: GlobeFacts, p2p: P2PFacts) -> Iterator[Check]:
    """What must hold of one administration before anything of it goes over."""
    code = globe.code

    def check(rule: str, met: bool | None, nl: str, en: str) -> Check:
        return Check(
            rule, met, Words(nl=f"Administratie {code}: {nl}", en=f"Administration {code}: {en}"), code
        )

    yield check(
        "R201.2",
        globe.found,
        "deze administratie bestaat niet in deze Globe+-database; controleer de code en de database.",
        "this administration does not exist in this Globe+ database; check the code and the database.",
    )
    if not globe.found:
        return
    yield check(
        "R215",
        code in p2p.companies,
        "maak haar eerst aan als bedrijf in Purchase to Pay (Beheer ➔ Referentietabellen ➔ Organisatie ➔ Bedrijven) "
        "met deze code als identificatienummer.",
        "first make it as a company in Purchase to Pay (Management ➔ Reference tables ➔ Organisation ➔ Companies) "
        "with this code as identification number.",
    )
    yield check(
        "R201.4",
        globe.licensed,
        "er is geen geldige Globe+-licentie aangegeven.",
        "no valid Globe+ licence was stated.",
    )
    yield check(
        "R201.6",
        globe.currency == "EUR",
        f"de standaardvaluta is {globe.currency or 'leeg'} en moet EUR zijn.",
        f"the default currency is {globe.currency or 'empty'} and must be EUR.",
    )
    yield check(
        "R305",
        globe.country in COUNTRIES,
        f"het land is {globe.country or 'leeg'}; Purchase to Pay is er alleen voor Nederland en België.",
        f"the country is {globe.country or 'empty'}; Purchase to Pay is for the Netherlands and Belgium only.",
    )
    yield check(
        "R201.10",
        globe.bban == 0,
        f"{globe.bban} bankrekeningen hebben nog een BBAN: zet ze met de BBANtoIBAN-tool om naar IBAN.",
        f"{globe.bban} bank accounts still have a BBAN: convert them to IBAN with the BBANtoIBAN tool.",
    )
    yield check(
        "R201.8",
        globe.integrator == "integrator",
        "de combinatie met CMDM wordt niet ondersteund: gebruik Exact Integrator.",
        "the combination with CMDM is not supported: use Exact Integrator.",
    )
    yield check(
        "R202",
        supported(globe.product_update),
        f"product update {globe.product_update or '(leeg)'} wordt niet ondersteund; wel: {', '.join(SUPPORTED_UPDATES)}.",
        f"product update {globe.product_update or '(empty)'} is not supported; these are: {', '.join(SUPPORTED_UPDATES)}.",
    )
    if code not in p2p.companies:
        return  # nothing can be selected that is not there
    yield check(
        "R217",
        globe.invoicing,
        "geef de API-gebruiker in Purchase to Pay toegang tot de module Invoicing en kies deze administratie (tabblad "
        "Rechten ➔ Invoicing).",
        "give the API user in Purchase to Pay access to the module Invoicing and select this administration (tab "
        "Rights ➔ Invoicing).",
    )


def has_administrations(count: int) -> Check:
    """A configuration is of one or more administrations (R204)."""
    return Check(
        "R204",
        count > 0,
        Words(
            nl="Deze configuratie heeft geen administratie: geef haar er een met `postbode sync administrations`.",
            en="This configuration has no administration: give it one with `postbode sync administrations`.",
        ),
    )


def names_agree(names: Mapping[str, Mapping[str, str]]) -> Check:
    """R201.7: the same supplier code has the same name everywhere. ``names``: administration → code → name.

    It stops no administration: the supplier concerned is left out with the same rule.
    """
    first: dict[str, tuple[str, str]] = {}
    differing: list[str] = []
    for administration, found in names.items():
        for code, name in found.items():
            there = first.setdefault(code, (administration, name))
            if there[1] != name:
                differing.append(f"{code} ({there[0]}: {there[1]}; {administration}: {name})")
    shown = "; ".join(differing[:20])
    return Check(
        "R201.7",
        None if differing else True,
        Words(
            nl=f"Leveranciers met een andere naam in een andere administratie: {shown or 'geen'}. Maak de namen gelijk.",
            en=f"Suppliers with another name in another administration: {shown or 'none'}. Make the names alike.",
        ),
    )


def cost_types_switched(before: bool | None, now: bool) -> Check:
    """C17: the feature may not change once cost types went over."""
    return Check(
        "R218",
        before is None or before == now,
        Words(
            nl="EXACTGLOBE_ADMINS_SAME_COSTTYPES is omgezet nadat kostensoorten al waren uitgewisseld. Zet het terug, of "
            "neem met `postbode sync cost-types` de nieuwe stand over: bekende kostensoorten houden hun nummer.",
            en="EXACTGLOBE_ADMINS_SAME_COSTTYPES was switched after cost types had gone over. Switch it back, or accept "
            "the new setting with `postbode sync cost-types`: known cost types keep their identification.",
        ),
    )


def supported(update: str) -> bool:
    """Whether this connector runs on a product update, written 421SP7 or 508."""
    number, _, pack = update.upper().replace(" ", "").partition("SP")
    if not number.isdigit() or (pack and not pack.isdigit()):
        return False
    return (int(number), int(pack or 0)) >= (421, 7)


def stopped(checks: Sequence[Check]) -> tuple[bool, frozenset[str]]:
    """Whether all stops, and else which administrations do."""
    whole = any(each.stops and each.administration is None for each in checks)
    return whole, frozenset(each.administration for each in checks if each.stops and each.administration)
