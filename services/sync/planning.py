"""What is to be done about one record: the two sides, what was agreed before, and the rules. Pure.

::

    a rule leaves it out (R230, R243, R244, R246, R260, R262) ──▶ skip; a supplier that went over ──▶ deactivate (C13)
    Purchase to Pay does not have it ──▶ create; a supplier outside a first load ──▶ skip R261
    both sides alike ──▶ none
    only the number differs ──▶ skip R237: it goes along with the next change
    else ──▶ update, with before and after
    gone from Globe+ ──▶ deactivate, or nothing, as R238 says for its kind

A plan is a list of such verdicts in the order of R302. Its hash names exactly what would be done to exactly what
was seen; ``apply`` does that or refuses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import orjson

from libs.contracts.parts import Words
from services.sync import payloads
from services.sync.mappings import Kind
from services.sync.mappings.field import Name, Payload, Row, Scope, as_text, compose

Action: TypeAlias = Literal["none", "create", "update", "deactivate", "skip", "warn"]

WRITES: frozenset[Action] = frozenset({"create", "update", "deactivate"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a record: its identity, and what both sides agreed on last."""

    external_id: str
    stamp: str = ""
    digest: str = ""
    """Of our resource when it was last agreed; empty: never."""
    agreed: Payload | None = None
    """That resource, for kinds that change on both sides."""
    held: str = ""
    """Digest of what an undo took back: it is not sent again until Globe+ says something else."""

    @property
    def went_over(self) -> bool:
        return bool(self.digest)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One record and what is to be done about it."""

    kind: Name
    administration: str
    record_id: str
    external_id: str
    action: Action
    stamp: str = ""
    before: Payload | None = None
    """As Purchase to Pay has it."""
    after: Payload | None = None
    """As it will be sent."""
    ours: str = ""
    """Digest of what Globe+ says."""
    rule: str = ""
    words: Words | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Settings of a plan."""

    first_load: bool = False
    only: frozenset[str] = frozenset()
    """Administrations a first load takes; empty: all. What others say counts once it went over, and is not written."""
    deactivate_suppliers: bool = True
    """C13: a supplier that went over and turns inactive becomes inactive in Purchase to Pay."""
    deactivate_cost_centres: bool = True
    """C9: so does a cost centre that is deleted."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one administration says of a record."""

    scope: Scope
    row: Row
    known: Known | None
    record_id: str
    stamp: str = ""


UNREADABLE: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What a value raises that nobody thought a column could hold: told of that record, and the rest goes on."""


def unreadable(kind: Kind, voice: Voice, external_id: str) -> Verdict:
    """The verdict about a record that holds what no mapping can read."""
    return Verdict(
        kind.name,
        voice.scope.administration,
        voice.record_id,
        external_id,
        "warn",
        voice.stamp,
        rule="unreadable",
        words=ODD,
    )


def taken(kind: Kind, voice: Voice, external_id: str, before: Payload | None) -> Verdict:
    """The verdict about a record whose code is what another one is called in Purchase to Pay: that one was renumbered."""
    return Verdict(
        kind.name,
        voice.scope.administration,
        voice.record_id,
        external_id,
        "warn",
        voice.stamp,
        before,
        rule="R236",
        words=TAKEN,
    )


def judge(kind: Kind, voice: Voice, before: Payload | None, terms: Terms) -> Verdict:
    """What to do about a record Globe+ has. ``before``: what Purchase to Pay has under its identity."""
    scope, row, known = voice.scope, voice.row, voice.known
    # What never went over has no identity to keep yet: it is called after what it is now.
    external_id = known.external_id if known and known.went_over else as_text(kind.key.take(row, scope))

    def verdict(
        action: Action, rule: str = "", words: Words | None = None, after: Payload | None = None
    ) -> Verdict:
        ours = "" if action == "skip" else digest
        return Verdict(
            kind.name,
            scope.administration,
            voice.record_id,
            external_id,
            action,
            voice.stamp,
            before,
            after,
            ours,
            rule,
            words,
        )

    digest = ""
    skipped = kind.skip(row, scope)
    if skipped is not None:
        if kind.name == "supplier" and skipped.rule == "R260" and terms.deactivate_suppliers:
            turned = _deactivated(known, before)
            if turned is not None:
                digest = payloads.digest(kind, compose(kind, row, scope, external_id))
                if known is not None and known.held == digest:
                    return verdict("skip", "undone", UNDONE)
                return verdict("deactivate", "C13", TURNED_INACTIVE, turned)
        return verdict("skip", skipped.rule, skipped.words)
    if not external_id:
        return verdict("skip", "R236", NO_CODE)

    ours = compose(kind, row, scope, external_id)
    form = payloads.packed(kind, ours)
    digest = payloads.name_of(form)
    if known is not None and known.held and known.held == digest:
        return verdict("skip", "undone", UNDONE)
    if before is None:
        if not kind.creates and not terms.first_load:
            return verdict("skip", "R261", NOT_LOADED)
        return verdict("create", "again" if known and known.went_over else "", None, ours)
    if form == payloads.packed(kind, before):
        return verdict("none")
    if kind.name == "supplier" and known is not None and known.agreed is not None:
        ours, conflicts = payloads.three_way(kind, known.agreed, ours, before)
        if conflicts:
            return verdict("warn", "R301", _in_conflict(conflicts))
    after = payloads.merged(kind, scope, before, ours)
    differing = {path for path, _, _ in payloads.changes(kind, before, after)}
    if not differing:
        return verdict("none")
    renumbered = kind.renumbers and known is not None and known.went_over
    if renumbered and differing <= payloads.number_paths(kind):
        return verdict("skip", "R237", RENUMBERED)
    return verdict("update", after=after)


def gone(
    kind: Kind, administration: str, record_id: str, known: Known, before: Payload | None, terms: Terms
) -> Verdict:
    """What to do about a record that went over and is in Globe+ no more (R238)."""

    def verdict(action: Action, rule: str, words: Words | None, after: Payload | None = None) -> Verdict:
        return Verdict(
            kind.name,
            administration,
            record_id,
            known.external_id,
            action,
            "",
            before,
            after,
            "",
            rule,
            words,
        )

    if kind.on_delete == "nothing" or (kind.name == "cost_centre" and not terms.deactivate_cost_centres):
        return verdict("skip", kind.delete_rule, DELETED_STAYS)
    turned = _deactivated(known, before)
    if turned is None:
        return verdict("none", kind.delete_rule, None)
    return verdict("deactivate", kind.delete_rule, DELETED, turned)


def _deactivated(known: Known | None, before: Payload | None) -> Payload | None:
    """What is there, switched off; None when there is nothing to switch off."""
    if known is None or not known.went_over or before is None or not before.get("active"):
        return None
    return {**before, "active": False}


def administration_gone(
    kind: Kind, code: str, known: Mapping[str, Known], mirror: Mapping[str, Payload]
) -> list[Verdict]:
    """R241: every cost centre of an administration that was deleted is switched off."""
    made = []
    for record_id, each in known.items():
        before = mirror.get(each.external_id)
        if before is not None and before.get("active"):
            made.append(
                Verdict(
                    kind.name,
                    code,
                    record_id,
                    each.external_id,
                    "deactivate",
                    "",
                    before,
                    {**before, "active": False},
                    "",
                    "R241",
                    DELETED,
                )
            )
    return made


def shared(kind: Kind, scope: Scope) -> bool:
    """Whether records of this kind are known by code alone, and so are one record in all administrations."""
    return kind.shared or (kind.name == "gl_account" and scope.same_cost_types)


def judge_shared(
    kind: Kind,
    voices: Iterable[Voice],
    before: Payload | None,
    terms: Terms,
    elder: str | None = None,
) -> list[Verdict]:
    """R304: the first administration's value holds. One that says something else is warned of and not written, so
    they never overwrite each other in turns; one that says the same at most adds its link.

    ``voices``: of one external id, in the order of the administrations. ``elder``: one before them that it went over from
    and that is left out just now, so that its value is what Purchase to Pay has.
    """
    made: list[Verdict] = []
    leader: tuple[str, Payload] | None = None
    for each in voices:
        found = judge(kind, each, before, terms)
        if elder is not None:
            overwritten = _overwritten(kind, found)
            if overwritten:
                found = _disagrees(kind, found, elder, overwritten)
        elif found.action != "skip" or found.rule in ("R237", "R261"):
            ours = compose(kind, each.row, each.scope, found.external_id)
            if leader is None:
                leader = each.scope.administration, ours
            elif differing := _disagreement(kind, leader[1], ours):
                found = _disagrees(kind, found, leader[0], differing)
        if found.action in WRITES and found.after is not None:
            before = found.after
        made.append(found)
    return made


def _disagrees(kind: Kind, found: Verdict, leader: str, differing: Sequence[str]) -> Verdict:
    name_differs = kind.name == "supplier" and "name" in differing
    return replace(
        found,
        action="warn",
        after=None,
        ours="",
        rule="R201.7" if name_differs else "R304",
        words=_differs(leader, differing),
    )


def _overwritten(kind: Kind, found: Verdict) -> list[str]:
    """What a verdict changes of what is there, beside links."""
    if found.action not in WRITES or found.before is None or found.after is None:
        return []
    return _disagreement(kind, found.before, found.after)


def _disagreement(kind: Kind, one: Payload, other: Payload) -> list[str]:
    links = {path for each in kind.fields if each.shape is each.shape.LINKS for path in each.p2p}
    return [path for path, _, _ in payloads.changes(kind, one, other) if path not in links]


def plan_hash(verdicts: Iterable[Verdict]) -> str:
    """Names what would be done, to what was seen, in which order. Hexadecimal, 64 digits."""
    made = hashlib.sha256()
    for each in verdicts:
        if each.action in WRITES:
            made.update(
                orjson.dumps(
                    [each.kind, each.administration, each.external_id, each.action, each.before, each.after],
                    option=orjson.OPT_SORT_KEYS,
                )
            )
    return made.hexdigest()


@dataclass(frozen=True, slots=True)
class Guard:
    """What the scheduler does not do without being told to."""

    most_deactivations: int = 25
    most_share: float = 0.5
    """Of all records known: a plan that changes more than this, and more than 100 of them, asks first."""

    def objections(self, counts: Mapping[str, int], known: int) -> list[Words]:
        """Why a plan needs a person's word; empty when it does not."""
        found = []
        off = counts.get("deactivate", 0)
        if off > self.most_deactivations:
            found.append(
                Words(
                    nl=f"Dit plan zet {off} gegevens op niet-actief, meer dan {self.most_deactivations}: kijk het na "
                    "en voer het zelf uit.",
                    en=f"This plan deactivates {off} records, more than {self.most_deactivations}: look at it and "
                    "apply it yourself.",
                )
            )
        changed = counts.get("update", 0) + off
        if known and changed > max(100, self.most_share * known):
            found.append(
                Words(
                    nl=f"Dit plan wijzigt {changed} van {known} gegevens: kijk het na en voer het zelf uit.",
                    en=f"This plan changes {changed} of {known} records: look at it and apply it yourself.",
                )
            )
        return found


def _in_conflict(paths: Iterable[str]) -> Words:
    names = ", ".join(paths)
    return Words(nl=f"{names}: {payloads.CONFLICT.nl}", en=f"{names}: {payloads.CONFLICT.en}")


def _differs(leader: str, paths: Iterable[str]) -> Words:
    names = ", ".join(paths)
    return Words(
        nl=f"{names}: anders dan in administratie {leader}, waarvan de waarde geldt. Maak beide gelijk in Globe+.",
        en=f"{names}: other than in administration {leader}, whose value holds. Make both alike in Globe+.",
    )


NO_CODE = Words(
    nl="Dit gegeven heeft geen code en is daardoor niet te herkennen: geef het in Globe+ een code.",
    en="This record has no code to know it by: give it one in Globe+.",
)
TAKEN = Words(
    nl="Onder dit identificatienummer staat in Purchase to Pay een ander gegeven, dat deze code had en vernummerd is. Geef "
    "dit gegeven in Globe+ een andere code.",
    en="Under this identification number Purchase to Pay has another record, which had this code and was renumbered. Give "
    "this record another code in Globe+.",
)
ODD = Words(
    nl="In dit gegeven staat iets wat niet te lezen is: kijk het na in Globe+. In het log staat wat.",
    en="This record holds something that cannot be read: look at it in Globe+. The log says what.",
)
NOT_LOADED = Words(
    nl="Een nieuwe crediteur gaat niet vanzelf van Globe+ naar Purchase to Pay. Laad hem met een eerste lading.",
    en="A new creditor does not go from Globe+ to Purchase to Pay by itself. Load it with a first load.",
)
RENUMBERED = Words(
    nl="Alleen het nummer is gewijzigd; het nieuwe nummer gaat mee met de volgende wijziging.",
    en="Only the number was changed; the new number goes along with the next change.",
)
UNDONE = Words(
    nl="Deze wijziging is ongedaan gemaakt en gaat pas weer mee als het gegeven in Globe+ wijzigt.",
    en="This change was undone and goes along again only when the record changes in Globe+.",
)
DELETED = Words(
    nl="Dit gegeven is in Globe+ verwijderd en wordt in Purchase to Pay op niet-actief gezet.",
    en="This record was deleted in Globe+ and becomes inactive in Purchase to Pay.",
)
DELETED_STAYS = Words(
    nl="Dit gegeven is in Globe+ verwijderd; in Purchase to Pay verandert daardoor niets.",
    en="This record was deleted in Globe+; nothing changes in Purchase to Pay.",
)
TURNED_INACTIVE = Words(
    nl="Deze crediteur is in Globe+ Non-actief geworden en wordt in Purchase to Pay op niet-actief gezet.",
    en="This creditor has become inactive in Globe+ and becomes inactive in Purchase to Pay.",
)
