"""Who receives this invoice? Pure: candidates and a directory in, a receiver with its explanation out.

::

    candidates, in the order of trust ─▶ the first that the directory knows names the receiver (R30)
        │                                ├ a branch number may point to a branch of it (R34)
        │                                └ whoever else is named is said in the explanation and does not count
        ├ a more trusted number is unknown, and whoever was found has another of that kind ─▶ waits
        ├ numbers, but nobody has one of them ─▶ waits, and goes on when somebody has
        └ no number at all, or only a branch number ─▶ waits, with words that say what to do (R35, R36)

A wrong receiver is the worst mistake the hub can make and a parked invoice a small one: in doubt it waits.
What the reader of the document did not make a candidate (the VAT number in what Exact Globe writes, C18)
decides nothing; if it names somebody else, the explanation warns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from libs.contracts.parts import Identifier, InvoiceSummary, Receiver, ReceiverCandidate, Words
from libs.identifiers import be, branch, kvk, oin, vat
from services.route import words

Key: TypeAlias = tuple[str, str]
"""Scheme and value of an identifier."""

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


Directory: TypeAlias = Mapping[Key, Party]


@dataclass(frozen=True, slots=True)
class Routed:
    """The receiver, and how it was found."""

    receiver: Receiver
    explanation: Words


@dataclass(frozen=True, slots=True)
class Parked:
    """Nobody yet. ``waits_for``: the identifiers that let it go on as soon as somebody confirmed has one."""

    code: str
    reason: Words
    waits_for: tuple[Key, ...]


Decision: TypeAlias = Routed | Parked


@dataclass(frozen=True, slots=True)
class _Named:
    """One candidate and the party it names, if any."""

    key: Key
    path: str
    party: Party | None


def wanted(summary: InvoiceSummary) -> frozenset[Key]:
    """Everything to look up in the directory before ``decide``."""
    found = {key for candidate in summary.candidates for key in keys(candidate.identifier)}
    found.update(key for identifier in summary.buyer.identifiers for key in keys(identifier))
    return frozenset(found)


def keys(identifier: Identifier) -> Iterator[Key]:
    """An identifier as the directory may hold it: itself, and what is certainly inside it."""
    scheme, value = identifier.scheme, identifier.value
    yield scheme, value
    if scheme == oin.SCHEME:
        inside = oin.kvk(value)
        if inside is not None:
            yield kvk.SCHEME, inside
    elif scheme == vat.BE:  # A Belgian VAT number is BE and the enterprise number.
        yield be.ENTERPRISE, value.removeprefix("BE")
    elif scheme == be.ENTERPRISE:
        yield vat.BE, f"BE{value}"


def decide(summary: InvoiceSummary, directory: Directory) -> Decision:
    """The receiver of one invoice, or why it waits."""
    named = [_named(candidate, directory) for candidate in summary.candidates if _routes(candidate)]
    branches = [_named(c, directory) for c in summary.candidates if c.identifier.scheme == branch.SCHEME]
    chosen = next((one for one in named if one.party is not None), None)
    if chosen is None or chosen.party is None:
        return _nobody(summary, named, branches)
    unknown = named[: named.index(chosen)]
    for earlier in unknown:
        if _denies(earlier, chosen.party):
            return Parked(
                "contradiction",
                words.contradiction(earlier.key, chosen.key, chosen.party.name),
                waits_for=_waits_for(summary, unknown),
            )
    return _routed(chosen, unknown, named, branches, _untrusted(summary, directory))


def _routes(candidate: ReceiverCandidate) -> bool:
    """A branch number never routes by itself (R34), and text is no number at all."""
    return candidate.identifier.scheme not in (branch.SCHEME, words.TEXT)


def _named(candidate: ReceiverCandidate, directory: Directory) -> _Named:
    own = (candidate.identifier.scheme, candidate.identifier.value)
    for key in keys(candidate.identifier):
        if key in directory:
            return _Named(key, candidate.path, directory[key])
    return _Named(own, candidate.path, None)


def _denies(earlier: _Named, party: Party) -> bool:
    """Whether a number nobody has cannot be one of ``party``: it has another one of that kind."""
    schemes = {scheme for scheme, _ in party.keys}
    return any(
        key[0] in ONE_PER_COMPANY and key[0] in schemes and key not in party.keys
        for key in keys(Identifier(scheme=earlier.key[0], value=earlier.key[1]))
    )


def _routed(
    chosen: _Named,
    unknown: Sequence[_Named],
    named: Sequence[_Named],
    branches: Sequence[_Named],
    untrusted: Sequence[_Named],
) -> Routed:
    head = chosen.party
    if head is None:
        raise ValueError("a receiver must be known")
    said = [words.found(chosen.key, chosen.path, head.name)]
    said += [words.not_known(one.key, one.path) for one in unknown]
    receiver, key = head, chosen.key
    for one in branches:
        if one.party is not None and one.party.branch_of == head.party_id:
            receiver, key = one.party, one.key
            said.append(words.refined(one.key, one.path, one.party.name))
            break
    said += [words.branch_noted(one.key, one.path) for one in branches if one.party is None]
    family = {head.party_id, receiver.party_id}
    others = [one for one in (*named, *branches) if _is_other(one, family)]
    said += [words.also_named(one.key, one.path, one.party.name) for one in others if one.party is not None]
    heard = {one.party.party_id for one in others if one.party is not None}
    said += [
        words.untrusted(one.key, one.party.name)
        for one in untrusted
        if one.party is not None and _is_other(one, family) and one.party.party_id not in heard
    ]
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


def _is_other(one: _Named, family: set[UUID]) -> bool:
    """Whether ``one`` names somebody who is neither the receiver nor a branch of it."""
    return one.party is not None and one.party.party_id not in family and one.party.branch_of not in family


def _untrusted(summary: InvoiceSummary, directory: Directory) -> list[_Named]:
    """What the buyer's own block says and no candidate does."""
    trusted = {candidate.identifier for candidate in summary.candidates}
    return [
        _named(ReceiverCandidate(identifier=identifier, path=""), directory)
        for identifier in summary.buyer.identifiers
        if identifier not in trusted and identifier.scheme != branch.SCHEME
    ]


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
        if (candidate.identifier.scheme, candidate.identifier.value) in positions:
            found.update(dict.fromkeys(keys(candidate.identifier)))
    return tuple(found)
