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

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from libs.contracts.parts import Difference, Identifier, InvoiceSummary, Receiver, Words
from libs.identifiers import be, branch, kvk, oin, vat
from services.route import words
from services.route.corroboration import evidence

Key: TypeAlias = tuple[str, str]
"""Scheme and value of an identifier."""

NOT_CORROBORATED = "not-corroborated"

ONE_PER_COMPANY = frozenset({kvk.SCHEME, be.ENTERPRISE})
"""Schemes of which a company has exactly one number: another number is another company."""


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


@dataclass(frozen=True, slots=True)
class Routed:
    """The receiver, and how it was found."""

    receiver: Receiver
    explanation: Words
    company: UUID | None = None
    """The company it belongs to, where this sender and it were not known to belong together and the invoice showed it."""
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


@dataclass(frozen=True, slots=True)
class _Found:
    """A number of the invoice that somebody has."""

    key: Key
    path: str
    party: Party


@dataclass(frozen=True, slots=True)
class _Named:
    """One candidate and whom it names: nobody, one, or by the number inside it another one too."""

    key: Key
    path: str
    found: tuple[_Found, ...]

    @property
    def scheme(self) -> str:
        return self.key[0]

    @property
    def party(self) -> Party | None:
        return self.found[0].party if self.found else None


def wanted(summary: InvoiceSummary) -> frozenset[Key]:
    """Everything to look up in the directory before ``decide``."""
    said = {key_of(candidate.identifier) for candidate in summary.candidates}
    said.update(map(key_of, summary.buyer.identifiers))
    return frozenset(key for each in said for key in keys(each))


def key_of(identifier: Identifier) -> Key:
    return identifier.scheme, identifier.value


def keys(said: Key) -> Iterator[Key]:
    """An identifier as the directory may hold it: itself, and what is certainly inside it."""
    scheme, value = said
    yield said
    if scheme == oin.SCHEME:
        inside = oin.kvk(value)
        if inside is not None:
            yield kvk.SCHEME, inside
    elif scheme == vat.BE:  # A Belgian VAT number is BE and the enterprise number.
        yield be.ENTERPRISE, value.removeprefix("BE")
    elif scheme == be.ENTERPRISE:
        yield vat.BE, f"BE{value}"


def decide(summary: InvoiceSummary, directory: Directory, confirmed: Container[UUID] = frozenset()) -> Answer:
    """The receiver of one invoice, or why it waits. The same for the candidates in any order.

    ``confirmed``: the companies this sender is known to send to. Anybody else's number alone is not believed.
    """
    # The same number stands in several places of most invoices: it is looked at once, in the first.
    paths: dict[Key, str] = {}
    for candidate in summary.candidates:
        paths.setdefault(key_of(candidate.identifier), candidate.path)
    read = [_named(key, path, directory) for key, path in paths.items()]
    # A branch number never routes by itself (R34), and text is no number at all.
    branches = [one for one in read if one.scheme == branch.SCHEME]
    named = [one for one in read if one.scheme not in (branch.SCHEME, words.TEXT)]
    unknown = [one for one in named if one.party is None]
    found = [each for candidate in (*named, *branches) for each in candidate.found]
    chosen = next((one for one in found if one.key[0] != branch.SCHEME), None)
    if chosen is None:
        return _nobody(summary, named, branches)
    other = _conflict(chosen, found)
    if other is not None:
        said = words.conflict(chosen.key, chosen.party.name, other.key, other.party.name)
        return Parked("contradiction", said, waits_for=_waits_for(summary, named))
    for one, known in product(unknown, found):
        if _denies(one, known.party):
            said = words.contradiction(one.key, known.key, known.party.name)
            return Parked("contradiction", said, waits_for=_waits_for(summary, unknown))
    nobodys = [one for one in branches if one.party is None]
    routed = _routed(chosen, found, unknown, nobodys, _untrusted(summary, directory))
    return routed if chosen.party.company in confirmed else _corroborated(summary, chosen, found, routed)


def _corroborated(summary: InvoiceSummary, chosen: _Found, found: Sequence[_Found], routed: Routed) -> Answer:
    """For the first time between these two, the invoice must agree with the directory in one thing more."""
    company = chosen.party.company
    for party in (one.party for one in found):
        agrees = evidence(summary.buyer, party.keys, (party.name, *party.names), party.post_codes)
        if agrees is not None:
            return replace(
                routed, explanation=words.joined([routed.explanation, words.agrees(agrees)]), company=company
            )
    said = words.not_corroborated(chosen.key, chosen.party.name, summary.buyer.name, summary.buyer.post_code)
    own = tuple(dict.fromkeys(key for one in found for key in (one.key,)))
    return Parked(NOT_CORROBORATED, said, waits_for=((words.COMPANY, str(company)), *own))


def chosen(summary: InvoiceSummary, party: Party) -> Routed:
    """Whom a person chose for an invoice, whatever it says."""
    carried = {key for candidate in summary.candidates for key in keys(key_of(candidate.identifier))}
    key = min(party.keys & carried or party.keys)
    return Routed(
        Receiver(
            party_id=party.party_id,
            name=party.name,
            identifier=Identifier(scheme=key[0], value=key[1]),
            email=party.email,
            language=party.language,
        ),
        words.chosen(party.name),
    )


def _conflict(chosen: _Found, found: Sequence[_Found]) -> _Found | None:
    """Somebody who is neither the chosen company nor one of its places of business, or a second of these."""
    place = chosen.party if chosen.party.branch_of is not None else None
    for one in found:
        if one.party.company != chosen.party.company:
            return one
        if one.party.branch_of is not None:
            place = place or one.party
            if one.party.party_id != place.party_id:
                return one
    return None


def _named(said: Key, path: str, directory: Directory) -> _Named:
    found = tuple(_Found(key, path, directory[key]) for key in keys(said) if key in directory)
    return _Named(found[0].key if found else said, path, found)


def _denies(earlier: _Named, party: Party) -> bool:
    """Whether a number nobody has cannot be one of ``party``: it has another one of that kind."""
    schemes = {scheme for scheme, _ in party.keys}
    return any(
        key[0] in ONE_PER_COMPANY and key[0] in schemes and key not in party.keys for key in keys(earlier.key)
    )


def _routed(
    chosen: _Found,
    found: Sequence[_Found],
    unknown: Sequence[_Named],
    nobodys: Sequence[_Named],
    untrusted: Sequence[_Named],
) -> Routed:
    said = [words.found(chosen.key, chosen.path, chosen.party.name)]
    said += [words.not_known(one.key, one.path) for one in unknown]
    place = next((one for one in found if one.party.branch_of is not None), chosen)
    if place.party.party_id != chosen.party.party_id:
        said.append(words.refined(place.key, place.path, place.party.name))
    said += [words.branch_noted(one.key, one.path) for one in nobodys]
    heard: set[UUID] = set()
    for one in untrusted:
        other = one.party
        if other is None or other.company == chosen.party.company or other.party_id in heard:
            continue
        heard.add(other.party_id)
        said.append(words.untrusted(one.key, other.name))
    receiver, key = place.party, place.key
    return Routed(
        Receiver(
            party_id=receiver.party_id,
            name=receiver.name,
            identifier=Identifier(scheme=key[0], value=key[1]),
            email=receiver.email,
            language=receiver.language,
        ),
        words.joined(said),
    )


def _untrusted(summary: InvoiceSummary, directory: Directory) -> list[_Named]:
    """What the buyer's own block says and no candidate does."""
    untrusted = dict.fromkeys(map(key_of, summary.buyer.identifiers))
    for candidate in summary.candidates:
        untrusted.pop(key_of(candidate.identifier), None)
    return [_named(key, "", directory) for key in untrusted if key[0] != branch.SCHEME]


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
    text = next((c for c in summary.candidates if c.identifier.scheme == words.TEXT), None)
    if text is not None:
        return Parked("address-text", words.address_text(text.identifier.value), ())
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
