"""The mails to senders: one for each invoice that came back, and a receipt for each that was mailed, by itself or in a
list; to nobody else, about nothing else. Who reads what is wrong with an invoice needs no receipt.

A mail cut off after the final dot goes out again under its Message-ID and says so; so does only one that was in that place
when its process was killed or stood still.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.crash.mailed import uncut
from tests.crash.people import SENDER, Invoice
from tests.crash.receivers import Notice

RETURNED = ("rejected", "quarantined", "undeliverable")
"""Headlines with which an invoice comes back."""
_SUBJECTS: Mapping[str, str] = {
    "Rejected": "rejected",
    "Not accepted": "quarantined",
    "Waiting for you": "parked",
    "Given back": "returned",
    "Not delivered": "undeliverable",
    "Delivered to the wrong company": "recalled",
    "Niet voor u": "not-theirs",
    "Received": "receipt",
    "Received before": "repeat",
}
RECEIPTS = ("receipt", "repeat")
WRONG, STOPPED = "WRONG", "STOPPED"
"""An invoice whose number begins so is recalled once it was delivered; and one that waits because of that."""
_OF_A_RECALL = {"recalled", "not-theirs"}


@dataclass(frozen=True, slots=True)
class Stored:
    """One invoice the hub took in, and how it is shown."""

    invoice_id: str
    number: str
    headline: str


def judge(
    mails: Sequence[Notice],
    stored: Collection[Stored],
    sent: Sequence[Invoice],
    *,
    cut: Mapping[str, int],
) -> list[str]:
    """What is wrong with them. ``cut``: how often each may have come again."""
    late = {each.number for each in sent if each.to.later or each.number.startswith(STOPPED)}
    mailed = {each.number for each in sent if each.by == "mail"}
    of = {each.invoice_id: each for each in stored}
    receivers = {each.number: each.to.email for each in sent}
    found = [
        f"a notice to a stranger: {mail.subject!r} to {list(mail.to)}"
        for mail in mails
        if mail.to != (receivers[of[mail.about].number] if kind_of(mail) == "not-theirs" else SENDER,)
    ]
    found += [f"a notice about nothing: {mail.subject!r}" for mail in mails if mail.about not in of]
    keys: dict[str, dict[str, set[str]]] = {}
    for mail in mails:
        keys.setdefault(mail.about, {}).setdefault(kind_of(mail), set()).add(mail.key)
    for each in stored:
        found += _of_one(
            each, keys.get(each.invoice_id, {}), waited=each.number in late, mailed=each.number in mailed
        )
    return [*found, *_again(mails, cut)]


def kind_of(mail: Notice) -> str:
    return _SUBJECTS.get(mail.subject.partition(":")[0], mail.subject)


def _of_one(each: Stored, kinds: Mapping[str, set[str]], *, waited: bool, mailed: bool) -> Iterator[str]:
    wanted = {each.headline} & set(RETURNED)
    if each.number.startswith(WRONG):
        wanted |= _OF_A_RECALL
    for kind in sorted(wanted - kinds.keys()):
        yield f"no notice: {each.number} is {kind}"
    if mailed and not kinds:
        yield f"no receipt: {each.number} came by mail"
    allowed = wanted | (set(RECEIPTS) if mailed else set()) | ({"parked"} if waited else set())
    # Who waited may have been told so: nobody knows whether it went on before that.
    for kind in sorted(kinds.keys() - allowed):
        yield f"a false notice: {each.number} is {each.headline}, its sender reads {kind}"
    for kind, ids in kinds.items():
        # Who asked for a recall and heard nothing asks once more, and that is another one; so is a file mailed again.
        if len(ids) > 1 and kind not in (*_OF_A_RECALL, "repeat"):
            yield f"told twice: {each.number} is {kind}, under {len(ids)} Message-IDs"


def _again(mails: Sequence[Notice], cut: Mapping[str, int]) -> Iterator[str]:
    arrived = {(mail.mail, mail.key): mail.announced for mail in mails}
    times = Counter(key for _, key in arrived)
    said = Counter(key for (_, key), announced in arrived.items() if announced)
    for each in uncut(times, cut):
        yield f"a notice came again, not cut off: {each}"
    for key, count in times.items():
        if count - 1 > said[key]:
            yield f"a notice came {count} times and does not say so: {key}"
