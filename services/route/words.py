"""What route says to people, in Dutch and English: how a receiver was found, and why an invoice waits.

Pure texts; whatever comes out of an invoice is cut short before it is quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeAlias

from libs.contracts.parts import Difference, Words
from libs.identifiers import be, branch, gln, kvk, oin, vat

Key: TypeAlias = tuple[str, str]

COMPANY = "company"
"""The scheme of what an invoice waits for when its sender has to confirm the receiver: a party's id."""

INVOICE = "invoice"
"""The scheme of what an invoice waits for when another has its number: that one's id."""

TEXT = "text"
"""The scheme of a candidate that is no identifier: what stood where one was expected (R36)."""

UNREAD = "unread"
"""The scheme of a candidate that is no identifier: what stood in a field for the KvK number."""

_SCHEMES: dict[str, tuple[str, str]] = {
    kvk.SCHEME: ("KvK-nummer", "KvK number"),
    oin.SCHEME: ("OIN", "OIN"),
    vat.NL: ("btw-nummer", "VAT number"),
    vat.BE: ("Belgisch btw-nummer", "Belgian VAT number"),
    be.ENTERPRISE: ("ondernemingsnummer", "enterprise number"),
    gln.SCHEME: ("GLN", "GLN"),
    branch.SCHEME: ("vestigingsnummer", "branch number"),
}
_QUOTED = 60
_LISTED = 3


def kind_of(scheme: str) -> Words:
    """What people call a number of this scheme."""
    nl, en = _SCHEMES.get(scheme, (scheme, scheme))
    return Words(nl=nl, en=en)


def _nl(key: Key) -> str:
    return f"{_SCHEMES[key[0]][0] if key[0] in _SCHEMES else key[0]} {_cut(key[1])}"


def _en(key: Key) -> str:
    return f"{_SCHEMES[key[0]][1] if key[0] in _SCHEMES else key[0]} {_cut(key[1])}"


def _cut(text: str) -> str:
    clean = " ".join(text.split())
    return clean if len(clean) <= _QUOTED else clean[: _QUOTED - 1] + "…"


def joined(parts: Sequence[Words]) -> Words:
    """Several sentences as one text."""
    if len(parts) == 1:
        return parts[0]
    return Words(nl=" ".join(part.nl for part in parts), en=" ".join(part.en for part in parts))


# --- how the receiver was found ---


def found(key: Key, path: str, name: str) -> Words:
    who = _cut(name)
    return Words(
        nl=f"Ontvanger is {who}: {_nl(key)} staat in {path}.",
        en=f"The receiver is {who}: {_en(key)} stands in {path}.",
    )


def refined(key: Key, path: str, name: str) -> Words:
    return Words(
        nl=f"{_capital(_nl(key))} ({path}) wijst daarbinnen de vestiging {_cut(name)} aan.",
        en=f"{_capital(_en(key))} ({path}) points to its branch {_cut(name)}.",
    )


def branch_noted(key: Key, path: str) -> Words:
    return Words(
        nl=f"{_cut(key[1])} ({path}) is een vestigingsnummer en is niet als KvK-nummer gelezen.",
        en=f"{_cut(key[1])} ({path}) is a branch number and was not taken for a KvK number.",
    )


def not_known(key: Key, path: str) -> Words:
    return Words(
        nl=f"{_capital(_nl(key))} ({path}) is bij niemand bekend.",
        en=f"{_capital(_en(key))} ({path}) is not known to belong to anybody.",
    )


def untrusted(key: Key, name: str) -> Words:
    """C18: read, not trusted to name the receiver, and different."""
    return Words(
        nl=f"Waarschuwing: {_nl(key)} op de factuur is van {_cut(name)}. Dit pakket schrijft dat nummer niet "
        "betrouwbaar, daarom beslist het niet. Controleer het bij de klant in uw pakket.",
        en=f"Warning: {_en(key)} on the invoice belongs to {_cut(name)}. This software does not write that "
        "number reliably, so it decides nothing. Check it at the customer in your software.",
    )


def agrees(what: str) -> Words:
    """What else of the invoice is the receiver's, beside the number that names it."""
    nl = {"number": "een tweede nummer", "name": "de naam", "post code": "de postcode"}[what]
    en = {"number": "a second number", "name": "the name", "post code": "the post code"}[what]
    return Words(
        nl=f"Ook {nl} op de factuur klopt met wat de hub van deze ontvanger weet.",
        en=f"Also {en} on the invoice agrees with what the hub knows of this receiver.",
    )


# --- why an invoice waits ---


def not_corroborated(key: Key, known: str, name: str | None, post_code: str | None) -> Words:
    """The number says one company, and nothing else on the invoice does."""
    said = ", ".join(_cut(each) for each in (name, post_code) if each)
    return Words(
        nl=f"{_capital(_nl(key))} is van {_cut(known)}, maar op de factuur staat {said or 'geen naam en geen postcode'}. "
        f"U stuurde {_cut(known)} nog niet eerder iets en een tikfout in een nummer is een ander bedrijf. Klopt de "
        "ontvanger, bevestig dat dan: de factuur en de volgende gaan dan vanzelf door. Klopt hij niet, haal de factuur "
        "terug, verbeter het nummer en stuur haar opnieuw.",
        en=f"{_capital(_en(key))} belongs to {_cut(known)}, but the invoice says {said or 'no name and no post code'}. "
        f"You never sent anything to {_cut(known)} before, and one digit wrong in a number is another company. If the "
        "receiver is right, confirm it: this invoice and the next then go on by themselves. If not, take the invoice "
        "back, mend the number and send it again.",
    )


_LOOK_UP = Words(
    nl="Zoek het KvK-nummer (8 cijfers) van uw klant op bij de Kamer van Koophandel (kvk.nl), "
    "vul het in bij de klant in uw pakket en maak de factuur opnieuw.",
    en="Look up your customer's KvK number (8 digits) at the Chamber of Commerce (kvk.nl), fill it in at the "
    "customer in your software and make the invoice again.",
)
_NEW_ORDERS = Words(
    nl='Exact Globe: vul het in bij "Adres 2" van de factuurdebiteur. Alleen facturen van NIEUWE '
    "verkooporders dragen het; facturen van orders die er al waren kunnen nog niet via Postbode.",
    en='Exact Globe: fill it in at "Adres 2" (address line 2) of the invoice debtor. Only invoices of NEW '
    "sales orders carry it; invoices of orders that existed before cannot go through Postbode yet.",
)


def no_identifier() -> Words:
    """R35, R36: the customer has no number on the invoice at all."""
    return joined([
        Words(
            nl="Op de factuur staat geen KvK-nummer van de ontvanger.",
            en="The invoice carries no KvK number of the receiver.",
        ),
        _LOOK_UP,
        _NEW_ORDERS,
    ])  # fmt: skip


def branch_number(value: str, path: str) -> Words:
    """R34: twelve digits where eight are expected."""
    return joined([
        Words(
            nl=f"{_cut(value)} in {path} heeft 12 cijfers: dat is een vestigingsnummer, "
            "geen KvK-nummer (8 cijfers).",
            en=f"{_cut(value)} in {path} has 12 digits: it is a branch number (vestigingsnummer), "
            "not a KvK number (8 digits).",
        ),
        _LOOK_UP,
    ])  # fmt: skip


def address_text(text: str) -> Words:
    """R36: ordinary text where Globe carries the number."""
    return joined([
        Words(
            nl=f'Er is geen KvK-nummer van de ontvanger: in "Adres 2" staat gewone tekst ("{_cut(text)}").',
            en=f'There is no KvK number of the receiver: "Adres 2" (address line 2) holds ordinary text '
            f'("{_cut(text)}").',
        ),
        _LOOK_UP,
        _NEW_ORDERS,
    ])  # fmt: skip


def bad_number(text: str, path: str, meant: str | None) -> Words:
    """No KvK number where one belongs. ``meant``: what it may have been, for a person to say."""
    said = Words(
        nl=f"{_cut(text)} in {path} is geen KvK-nummer: dat heeft precies 8 cijfers.",
        en=f"{_cut(text)} in {path} is not a KvK number: that has exactly 8 digits.",
    )
    if meant is None:
        return joined([said, _LOOK_UP])
    zero = Words(
        nl=f"Misschien haalde een rekenblad de eerste nul weg en is {meant} bedoeld: controleer dat, de hub neemt het "
        "niet aan.",
        en=f"Perhaps a spreadsheet took the first zero away and {meant} is meant: check that, the hub does not assume it.",
    )
    return joined([said, zero, _LOOK_UP])


def unknown_receiver(keys: Sequence[Key], name: str | None) -> Words:
    """The numbers are fine, but nobody who receives through the hub has one of them."""
    nl, en = " / ".join(map(_nl, keys[:_LISTED])), " / ".join(map(_en, keys[:_LISTED]))
    who = f" ({_cut(name)})" if name else ""
    return Words(
        nl=f"Niemand die via Postbode ontvangt heeft {nl}{who}. Controleer het nummer op kvk.nl. "
        "Klopt het, vraag dan uw klant om zich bij Postbode aan te melden: de factuur gaat dan vanzelf door. "
        "Klopt het niet, haal de factuur terug, verbeter het nummer en stuur de factuur opnieuw.",
        en=f"Nobody who receives through Postbode has {en}{who}. Check the number at kvk.nl. "
        "If it is right, ask your customer to register with Postbode: the invoice then goes on by itself. "
        "If it is wrong, take the invoice back, mend the number and send the invoice again.",
    )


def contradiction(unknown: Key, known: Key, name: str) -> Words:
    """A stronger number is nobody's, and whoever a weaker one names has another."""
    return Words(
        nl=f"De nummers spreken elkaar tegen: {_nl(unknown)} is bij niemand bekend, {_nl(known)} is van "
        f"{_cut(name)}, en dat bedrijf heeft een ander nummer van de eerste soort. Controleer beide nummers "
        "bij de klant in uw pakket, haal de factuur terug en stuur haar verbeterd opnieuw.",
        en=f"The numbers contradict each other: {_en(unknown)} belongs to nobody we know, {_en(known)} "
        f"belongs to {_cut(name)}, and that company has another number of the first kind. Check both numbers "
        "at the customer in your software, take the invoice back and send it again, corrected.",
    )


def conflict(one: Key, name: str, other: Key, other_name: str) -> Words:
    """Two numbers of the invoice belong to two receivers."""
    return Words(
        nl=f"De nummers wijzen verschillende ontvangers aan: {_nl(one)} is van {_cut(name)}, {_nl(other)} van "
        f"{_cut(other_name)}. Kijk welk nummer bij de klant hoort, haal de factuur terug, verbeter het andere in uw "
        "pakket en stuur haar opnieuw.",
        en=f"The numbers name different receivers: {_en(one)} belongs to {_cut(name)}, {_en(other)} to "
        f"{_cut(other_name)}. See which number is your customer's, take the invoice back, mend the other in your "
        "software and send it again.",
    )


# --- invoices of one number ---


def two_companies(one: Key, other: Key) -> Words:
    """What is entered as one party has numbers of two."""
    return Words(
        nl=f"Deze nummers zijn van twee bedrijven: {_nl(one)} en {_nl(other)}. Zoek op welk nummer klopt; een tweede "
        "bedrijf is een tweede partij.",
        en=f"These numbers are of two companies: {_en(one)} and {_en(other)}. Look up which number is right; a second "
        "company is a second party.",
    )


def repeated(number: str | None, first: object) -> Words:
    """The same content under the same number."""
    return Words(
        nl=f"Factuur {_cut(number or '?')} hebben wij al, met dezelfde inhoud: die eerste telt en deze wordt niet nog eens "
        f"bezorgd. U hoeft niets te doen. Hoe het met de eerste staat: {first}.",
        en=f"We have invoice {_cut(number or '?')} already, with the same content: that first one counts and this one is "
        f"not delivered again. You need not do anything. How the first one is doing: {first}.",
    )


def differs(number: str | None, first: object, differences: Sequence[Difference] | None) -> Words:
    """Other content under the same number."""
    nl = ", ".join(_change(each, "niets", "wordt") for each in (differences or ())[:_LISTED])
    en = ", ".join(_change(each, "nothing", "becomes") for each in (differences or ())[:_LISTED])
    return Words(
        nl=f"Factuur {_cut(number or '?')} hebben wij al ({first}), maar met een andere inhoud"
        f"{f' ({nl})' if nl else ''}. Is deze juist en wacht de eerste nog, haal de eerste dan terug: "
        "deze gaat vanzelf verder. Moeten beide naar uw klant, geef deze dan vrij. Is het een vergissing, haal deze terug. "
        "Wat al bezorgd is corrigeert u met een creditnota en een factuur met een nieuw nummer.",
        en=f"We have invoice {_cut(number or '?')} already ({first}), but with other content{f' ({en})' if en else ''}. If "
        "this one is right and the first still waits, take the first back: this one then goes on by itself. If your "
        "customer is to get both, release this one. If it is a mistake, take this one back. What was delivered already is "
        "corrected by a credit note and an invoice with a new number.",
    )


def _change(each: Difference, nothing: str, becomes: str) -> str:
    before, after = (_cut(text) if text is not None else nothing for text in (each.before, each.after))
    return f"{each.term}: {before} {becomes} {after}"


def linked(relation: str, number: str | None, other: object) -> Words:
    """Another invoice of this number, for the timeline."""
    called = f"{_cut(number)} " if number else ""
    nl = {
        "replaces": f"Deze factuur vervangt een eerdere met hetzelfde nummer {called}die niet bezorgd is: {other}.",
        "replaced_by": f"Deze factuur is vervangen door een nieuwe met hetzelfde nummer {called}: {other}.",
        "repeated_by": f"Dezelfde factuur {called}kwam nog eens binnen: {other}. Zij wordt één keer bezorgd.",
    }
    en = {
        "replaces": f"This invoice replaces an earlier one of the same number {called}that was not delivered: {other}.",
        "replaced_by": f"This invoice was replaced by a new one of the same number {called}: {other}.",
        "repeated_by": f"The same invoice {called}came in again: {other}. It is delivered once.",
    }
    return Words(nl=nl[relation].replace(" :", ":"), en=en[relation].replace(" :", ":"))


def other_account(account: str, seller: str | None) -> Words:
    """For the receiver, before it pays."""
    who = _cut(seller or "?")
    return Words(
        nl=f"Let op: {who} vraagt betaling op een ander rekeningnummer dan u van deze leverancier kent: {_cut(account)}. "
        "Bel de leverancier op een nummer dat u al had voordat u betaalt.",
        en=f"Note: {who} asks to be paid into another account than you know of this supplier: {_cut(account)}. "
        "Call the supplier at a number you had before, and only then pay.",
    )


def account_differs(asked: Sequence[str], printed: Sequence[str], *, blocked: bool = False) -> Words:
    """The account in the XML is not the one on the PDF: for the sender, before it goes on. ``blocked``: it is the seller's
    g-account, which the PDF leaves out beside the ordinary one."""
    one, other = (", ".join(map(_cut, accounts[:_LISTED])) for accounts in (asked, printed))
    if blocked:
        return Words(
            nl=f"De factuur vraagt een deel op g-rekening {one}, maar de PDF die erbij zit noemt alleen {other}. "
            "Controleer of de g-rekening van u is. Zo ja, geef de factuur dan vrij, en zet de g-rekening voortaan ook op "
            "de PDF. Zo niet, haal haar terug, verbeter de g-rekening in uw pakket en stuur haar opnieuw.",
            en=f"The invoice asks for a part into g-account {one}, but the PDF that comes with it names {other} alone. "
            "Check whether the g-account is yours. If so, release the invoice, and have the PDF name the g-account from "
            "now on. If not, take it back, mend the g-account in your software and send it again.",
        )
    return Words(
        nl=f"De factuur vraagt betaling op {one}, maar de PDF die erbij zit noemt {other}. Dat kan fraude zijn. Controleer "
        "welke rekening van u is. Is het die in de factuur, geef haar dan vrij. Zo niet, haal haar terug, verbeter de "
        "bankrekening in uw pakket en stuur haar opnieuw; hebt u haar niet zo gemaakt, waarschuw dan uw klant.",
        en=f"The invoice asks to be paid into {one}, but the PDF that comes with it names {other}. That may be fraud. "
        "Check which account is yours. If it is the one in the invoice, release it. If not, take it back, mend the bank "
        "account in your software and send it again; if you did not make it so, warn your customer.",
    )


def account_confirmed() -> Words:
    return Words(
        nl="De bankrekening is met de hand bevestigd.",
        en="The bank account was confirmed by hand.",
    )


# --- after a wrong delivery ---


def stopped(name: str) -> Words:
    who = _cut(name)
    return Words(
        nl=f"Facturen van u aan {who} zijn stilgelegd, omdat er een bij de verkeerde terecht was gekomen. Controleer "
        f"het nummer bij de klant in uw pakket. Is deze factuur toch voor {who}, bevestig dat dan: zij en de volgende "
        "gaan dan door. Anders haalt u haar terug, verbetert u het nummer en stuurt u haar opnieuw.",
        en=f"Your invoices to {who} were stopped, because one had gone to the wrong company. Check the number at the "
        f"customer in your software. If this invoice is for {who} after all, confirm it: this one and the next then "
        "go on. Otherwise take it back, mend the number and send it again.",
    )


def recalled(name: str) -> Words:
    who = _cut(name)
    return Words(
        nl=f"Deze factuur was niet voor {who}. De ontvanger is gevraagd haar niet te boeken, en wat nog van u naar "
        f"{who} onderweg was, is stilgelegd. Verbeter het nummer bij de klant in uw pakket en stuur de factuur "
        "opnieuw; dat mag onder hetzelfde nummer.",
        en=f"This invoice was not for {who}. That company was asked not to book it, and what was still under way from "
        f"you to {who} has been stopped. Mend the number at the customer in your software and send the invoice again; "
        "the same invoice number is fine.",
    )


# --- how the waiting ends ---


def now_known(key: Key) -> Words:
    if key[0] == INVOICE:
        return Words(
            nl="De eerdere factuur met dit nummer is niet bezorgd: deze gaat door in haar plaats.",
            en="The earlier invoice of this number was not delivered: this one goes on in its place.",
        )
    if key[0] == COMPANY:
        return Words(
            nl="De factuur wacht niet langer: de ontvanger is bevestigd.",
            en="The invoice no longer waits: its receiver was confirmed.",
        )
    return Words(
        nl=f"De factuur wacht niet langer: {_nl(key)} is nu bekend.",
        en=f"The invoice no longer waits: {_en(key)} is now known.",
    )


def asked_again() -> Words:
    return Words(
        nl="Er is gevraagd de ontvanger opnieuw te bepalen.",
        en="Somebody asked to look up the receiver again.",
    )


def chosen(name: str) -> Words:
    """A person said who receives it."""
    return Words(
        nl=f"Ontvanger is {_cut(name)}: dat is met de hand bevestigd.",
        en=f"The receiver is {_cut(name)}: a person confirmed it.",
    )


def let_through() -> Words:
    return Words(
        nl="De factuur is vrijgegeven, naast die met hetzelfde nummer.",
        en="The invoice was released, beside the one of the same number.",
    )


def by_hand() -> Words:
    return Words(
        nl="De ontvanger is met de hand bevestigd.",
        en="The receiver was confirmed by hand.",
    )


def given_back() -> Words:
    return Words(
        nl="De beheerder van de hub gaf de factuur terug: er is geen ontvanger voor gevonden. Verbeter haar en stuur haar "
        "opnieuw.",
        en="The operator of the hub gave the invoice back: no receiver was found for it. Mend it and send it again.",
    )


def given_back_on(day: date) -> Words:
    """A reminder."""
    return Words(
        nl=f"Is dat op {day.day}-{day.month}-{day.year} nog zo, dan krijgt u de factuur terug en wordt zij niet bezorgd.",
        en=f"If that is still so on {day.isoformat()}, the invoice is given back to you and not delivered.",
    )


def waited_too_long() -> Words:
    return Words(
        nl="De factuur heeft te lang gewacht en is niet bezorgd. Zorg dat waarop zij wachtte in orde is en "
        "stuur haar opnieuw, of stuur haar langs een andere weg.",
        en="The invoice waited too long and was not delivered. See that what it waited for is settled and send it "
        "again, or send it another way.",
    )


def taken_back() -> Words:
    return Words(
        nl="U hebt de factuur teruggenomen. U kunt haar verbeteren en opnieuw sturen.",
        en="You took the invoice back. You can mend it and send it again.",
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
