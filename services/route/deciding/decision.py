"""Who receives this invoice? Pure: candidates and a directory in, a receiver with its explanation out.

::

    candidates ─▶ all that the directory knows name one company ─▶ it receives (R30); the most trusted is quoted
        │             └ and one place of business of it ─▶ that receives (R34)
        ├ two companies, or two places of business ─▶ waits: conflicting numbers are never weighed
        ├ the number alone says so, between a sender and a receiver not seen together before ─▶ waits
        ├ a number is nobody's, and whoever was found has another of that kind ─▶ waits
        ├ numbers, but nobody has one of them ─▶ waits, and goes on when somebody has
        └ no number at all, or only a branch number ─▶ waits, with words that say what to do (R35, R36)

A wrong receiver is the worst mistake the hub can make and a parked invoice a small one: in doubt it waits.
What the reader of the document did not make a candidate (the VAT number in what Exact Globe writes, C18)
decides nothing; if it names somebody else, the explanation warns.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from libs.contracts.parts import Difference, Identifier, InvoiceSummary, Receiver, Words
from libs.identifiers import be, branch, kvk, oin, vat
from libs.identifiers.text import digits
from services.route import words
from services.route.deciding.corroboration import evidence, root

Key: TypeAlias = tuple[str, str]
"""Scheme and value of an identifier."""

CONTRADICTION = "contradiction"
NOT_CORROBORATED = "not-corroborated"

ONE_PER_COMPANY = frozenset({kvk.SCHEME, be.ENTERPRISE})
"""Schemes of which a company has exactly one number: another number is another company."""
_HOLDS_ANOTHER = frozenset({oin.SCHEME, vat.BE, be.ENTERPRISE})
"""Schemes for whose numbers there is more than one key."""
_TOLD_FIRST = (kvk.SCHEME, be.ENTERPRISE, oin.SCHEME)
"""Of several numbers the one by which a receiver is told of: registers before what is made from their numbers."""


@dataclass(frozen=True, slots=True)
class Party:
    """A confirmed party of the directory, with all its identifiers."""

    party_id: UUID
    name: str
    email: str | None
    language: Literal["nl", "en"]
    keys: frozenset[Key]
    branch_of: UUID | None = None
    names: tuple[str, ...] = ()
    """Other names it goes by."""
    post_codes: tuple[str, ...] = ()

    @property
    def company(self) -> UUID:
        """Itself, or whose place of business it is."""
        return self.branch_of or self.party_id


Directory: TypeAlias = Mapping[Key, Party]


class PayTo(NamedTuple):
    """An account that a receiver is asked to pay a seller into."""

    party_id: UUID
    seller: str
    account: str


class Routed(NamedTuple):
    """The receiver, and how it was found."""

    receiver: Receiver
    explanation: Words
    company: UUID
    """The company it belongs to."""
    first: bool = False
    """This sender and the company were not known to belong together, and the invoice showed it."""
    warnings: tuple[Words, ...] = ()
    """What the receiver should know before it pays."""
    lifted: int = 0
    """How many stops between this sender and the company are over."""
    unseen: tuple[PayTo, ...] = ()
    """Accounts its receiver was not asked to pay this seller into before."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Nobody yet. ``waits_for``: the identifiers that let it go on as soon as somebody confirmed has one."""

    code: str
    reason: Words
    waits_for: tuple[Key, ...]
    first: UUID | None = None
    """Another invoice that has its number and says something else."""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeated:
    """``first`` has its number and says the same: that one counts."""

    first: UUID
    reason: Words


Answer: TypeAlias = Routed | Parked
"""What candidates and directory say."""
Decision: TypeAlias = Answer | Repeated


class _Found(NamedTuple):
    """A number of the invoice that somebody has."""

    key: Key
    path: str
    party: Party


class _Named(NamedTuple):
    """One candidate and whom it names: nobody, one, or by the number inside it another one too."""

    key: Key
    path: str
    found: Sequence[_Found]


def wanted(summary: InvoiceSummary) -> frozenset[Key]:
    """Everything to look up in the directory before ``decide``."""
    said = {key_of(candidate.identifier) for candidate in summary.candidates}
    said.update(map(key_of, summary.buyer.identifiers))
    for key in [key for key in said if key[0] in _HOLDS_ANOTHER]:
        said.update(keys(key))
    return frozenset(said)


def key_of(identifier: Identifier) -> Key:
    return identifier.scheme, identifier.value


def keys(said: Key) -> tuple[Key, ...]:
    """An identifier as the directory may hold it: itself, and what is certainly inside it."""
    scheme, value = said
    if scheme not in _HOLDS_ANOTHER:
        return (said,)
    if scheme == oin.SCHEME:
        inside = oin.kvk(value)
        return (said,) if inside is None else (said, (kvk.SCHEME, inside))
    if scheme == vat.BE:  # A Belgian VAT number is BE and the enterprise number.
        return said, (be.ENTERPRISE, value.removeprefix("BE"))
    return said, (vat.BE, f"BE{value}")


def akin(said: Key) -> tuple[Key, ...]:
    """An identifier with all others that are one organisation's when it is: read both ways, so that a KvK number names its
    OIN too. What two parties may not have between them."""
    return (said, (oin.SCHEME, oin.of_kvk(said[1]))) if said[0] == kvk.SCHEME else keys(said)


def carried(summary: InvoiceSummary) -> tuple[Key, ...]:
    """The numbers that may say who receives it, each once."""
    said = (key_of(candidate.identifier) for candidate in summary.candidates)
    found = (keys(each) for each in said if each[0] not in (words.TEXT, words.UNREAD))
    return tuple(dict.fromkeys(key for some in found for key in some))


def decide(summary: InvoiceSummary, directory: Directory, confirmed: Container[UUID] = frozenset()) -> Answer:
    """The receiver of one invoice, or why it waits. The same for the candidates in any order.

    ``confirmed``: the companies this sender is known to send to. Anybody else's number alone is not believed.
    """
    # The same number stands in several places of most invoices: it is looked at once, in the first.
    paths: dict[Key, str] = {}
    for candidate in summary.candidates:
        key = key_of(candidate.identifier)
        if key not in paths:
            paths[key] = candidate.path
    named: list[_Named] = []
    unknown: list[_Named] = []
    branches: list[_Named] = []
    found: list[_Found] = []
    for key, path in paths.items():
        # A branch number never routes by itself (R34), and text is no number at all.
        if key[0] in (words.TEXT, words.UNREAD):
            continue
        one = _named(key, path, directory)
        if key[0] == branch.SCHEME:
            branches.append(one)
        else:
            named.append(one)
            found += one.found
            if not one.found:
                unknown.append(one)
    chosen = found[0] if found else None
    if chosen is None:
        return _nobody(summary, named, branches)
    for one in branches:
        found += one.found
    other = _conflict(chosen, found)
    if other is not None:
        said = words.conflict(chosen.key, chosen.party.name, other.key, other.party.name)
        return Parked(CONTRADICTION, said, waits_for=_waits_for(summary, [*named, *branches]))
    for one, known in product(unknown, found):
        if _denies(one, known.party):
            said = words.contradiction(one.key, known.key, known.party.name)
            return Parked(CONTRADICTION, said, waits_for=_waits_for(summary, unknown))
    routed = _routed(chosen, found, unknown, branches, _untrusted(summary, paths, directory))
    return routed if chosen.party.company in confirmed else _corroborated(summary, chosen, found, routed)


def _corroborated(summary: InvoiceSummary, chosen: _Found, found: Sequence[_Found], routed: Routed) -> Answer:
    """For the first time between these two, the invoice must agree with the directory in one thing more."""
    company = chosen.party.company
    for party in (one.party for one in found):
        agrees = evidence(summary.buyer, party.keys, (party.name, *party.names), party.post_codes)
        if agrees is not None:
            said = words.joined([routed.explanation, words.agrees(agrees)])
            return routed._replace(explanation=said, first=True)
    said = words.not_corroborated(chosen.key, chosen.party.name, summary.buyer.name, summary.buyer.post_code)
    # A person's word is about the company. The place comes first, for whoever confirms means that one.
    asked = ((words.COMPANY, str(party_id)) for party_id in (routed.receiver.party_id, company))
    return Parked(NOT_CORROBORATED, said, tuple(dict.fromkeys((*asked, *(one.key for one in found)))))


def chosen(summary: InvoiceSummary, party: Party) -> Routed:
    """Whom a person chose for an invoice, whatever it says."""
    key = min(party.keys.intersection(carried(summary)) or party.keys)
    return Routed(_receiver(party, key), words.chosen(party.name), party.company)


def _conflict(chosen: _Found, found: Sequence[_Found]) -> _Found | None:
    """Somebody who is neither the chosen company nor one of its places of business, or a second of these."""
    place = chosen.party if chosen.party.branch_of is not None else None
    for one in found:
        if one.party is chosen.party:
            continue
        if one.party.company != chosen.party.company:
            return one
        if one.party.branch_of is not None:
            place = place or one.party
            if one.party.party_id != place.party_id:
                return one
    return None


def _named(said: Key, path: str, directory: Directory) -> _Named:
    found = [_Found(key, path, directory[key]) for key in keys(said) if key in directory]
    return _Named(found[0].key if found else said, path, found)


def _denies(earlier: _Named, party: Party) -> bool:
    """Whether a number nobody has cannot be one of ``party``: it has another one of that kind, as itself or inside what
    is made from it."""
    said = root(*earlier.key)
    if said[0] not in ONE_PER_COMPANY:
        return False
    own = {root(*key) for key in party.keys}
    return said not in own and any(scheme == said[0] for scheme, _ in own)


def _routed(
    chosen: _Found,
    found: Sequence[_Found],
    unknown: Sequence[_Named],
    branches: Sequence[_Named],
    untrusted: Sequence[_Named],
) -> Routed:
    said = [words.found(chosen.key, chosen.path, chosen.party.name)]
    said += [words.not_known(other.key, other.path) for other in unknown]
    place = chosen
    for one in found:
        if one.party.branch_of is not None:
            place = one
            break
    if place.party is not chosen.party:
        said.append(words.refined(place.key, place.path, place.party.name))
    said += [words.branch_noted(other.key, other.path) for other in branches if not other.found]
    heard: list[UUID] = []
    for other in untrusted:
        party = other.found[0].party if other.found else chosen.party
        if party.company != chosen.party.company and party.party_id not in heard:
            heard.append(party.party_id)
            said.append(words.untrusted(other.key, party.name))
    # What is told of the receiver hangs on the invoice, not on which of its numbers was read first.
    key = place.key
    if len(found) > 1:
        key = min((one.key for one in found if one.party is place.party), key=_rank)
    return Routed(_receiver(place.party, key), words.joined(said), place.party.company)


def _rank(key: Key) -> tuple[int, Key]:
    scheme = key[0]
    return (_TOLD_FIRST.index(scheme) if scheme in _TOLD_FIRST else len(_TOLD_FIRST)), key


def _receiver(party: Party, key: Key) -> Receiver:
    return Receiver(
        party_id=party.party_id,
        name=party.name,
        identifier=Identifier(scheme=key[0], value=key[1]),
        email=party.email,
        language=party.language,
    )


def _untrusted(summary: InvoiceSummary, trusted: Container[Key], directory: Directory) -> list[_Named]:
    """What the buyer's own block says and no candidate does."""
    said = map(key_of, summary.buyer.identifiers)
    return [_named(key, "", directory) for key in said if key not in trusted and key[0] != branch.SCHEME]


def _nobody(summary: InvoiceSummary, named: Sequence[_Named], branches: Sequence[_Named]) -> Parked:
    waits_for = _waits_for(summary, named)
    company = any(scheme in ONE_PER_COMPANY for scheme, _ in waits_for)
    if branches and not company:
        return Parked("branch-number", words.branch_number(branches[0].key[1], branches[0].path), waits_for)
    if named:
        dutch = summary.buyer.country in (None, "NL")
        reason = words.unknown_receiver([one.key for one in named], summary.buyer.name)
        if dutch and not company:
            reason = words.joined([reason, words.no_identifier()])
        return Parked("unknown-receiver", reason, waits_for)
    text = next((c for c in summary.candidates if c.identifier.scheme in (words.TEXT, words.UNREAD)), None)
    if text is not None:
        value = text.identifier.value
        # Seven digits are what a spreadsheet leaves of a number that begins with a zero: proposed, never assumed.
        seven = digits(kvk.strip(value), 7)
        if seven or text.identifier.scheme == words.UNREAD:
            meant = f"0{kvk.strip(value)}" if seven else None
            return Parked("bad-number", words.bad_number(value, text.path, meant), ())
        return Parked("address-text", words.address_text(value), ())
    return Parked("no-identifier", words.no_identifier(), ())


def _waits_for(summary: InvoiceSummary, named: Sequence[_Named]) -> tuple[Key, ...]:
    """The identifiers whose owner would change the decision, each once."""
    positions = {one.key: None for one in named}
    found: dict[Key, None] = {}
    for candidate in summary.candidates:
        key = key_of(candidate.identifier)
        if key in positions:
            found.update(dict.fromkeys(keys(key)))
    return tuple(found)
