"""How long everything is kept that does not stay for ever: one table, from which the code reads. Pure.

``python -m libs.lifetimes`` prints docs/lifetimes.md; ``make contracts`` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Lifetime:
    """``since``: what it is counted from. ``ends``: who makes an end of it. ``setting``: what an operator changes it by;
    ``kept`` is the default then."""

    what: str
    kept: timedelta
    since: str
    ends: str
    setting: str | None = None


def _days(days: float) -> timedelta:
    return timedelta(days=days)


YEARS, YEARS_REAL_ESTATE = 7, 10
"""Of originals: article 52 AWR, and for real estate article 34a of the Dutch VAT act. Counted from the end of the year."""

SANDBOX = Lifetime("what was sent to the sandbox", _days(30), "it came", "`ingest.retention`")
SESSION = Lifetime("a session's row", _days(1), "it ended", "`ingest.retention`, and the next sign-in")
LINK = Lifetime("a one-time link's row", _days(30), "it was used or expired", "`ingest.retention`")
USER = Lifetime("a removed user", _days(30), "it was removed", "`ingest.retention`")
GUESS = Lifetime(
    "how often a password was tried, a mail asked for or something handed over, by hash of the address or account",
    _days(1),
    "the last time",
    "`ingest.retention`",
)
LINK_MAIL = Lifetime("that a link was mailed, and to whom", _days(30), "the link expired", "`track.links`")
SIGN_UP = Lifetime("a link to open an account", _days(1), "it was asked for", "itself")
INVITATION = Lifetime("a link for a colleague", _days(7), "the invitation", "itself")
RESET = Lifetime("a link for a new password", timedelta(hours=1), "it was asked for", "itself")
LINKS: Mapping[str, timedelta] = {
    "sign-up": SIGN_UP.kept,
    "known": RESET.kept,
    "invitation": INVITATION.kept,
    "reset": RESET.kept,
}
"""How long a one-time link of a kind works."""
PRINCIPAL = Lifetime("who a caller is, in a process", timedelta(seconds=30), "ingest was asked", "the cache")
PASSWORD = Lifetime(
    "that a password was right, in ingest", timedelta(minutes=15), "it was compared", "the cache"
)
INBOX = Lifetime("that an event was handled", _days(14), "it was handled", "each consumer")
OUTBOX_SENT = Lifetime("a published event", _days(7), "it was published", "each relay, by day")
SYNC_RECORDS = Lifetime(
    "the records of a plan of sync, before and after, but what became of a record last",
    _days(90), "the plan was made", "`sync.keeping`", "POSTBODE_SYNC_RECORD_DAYS",
)  # fmt: skip
SYNC_PLANS = Lifetime(
    "that there was a plan of sync",
    _days(400),
    "its records went",
    "`sync.keeping`",
    "POSTBODE_SYNC_PLAN_DAYS",
)
SYNC_HISTORY = Lifetime(
    "what became of a record in sync, but the last",
    _days(400),
    "it happened",
    "`sync.keeping`",
    "POSTBODE_SYNC_HISTORY_DAYS",
)

LIFETIMES: tuple[Lifetime, ...] = (
    SANDBOX, SESSION, LINK, USER, GUESS, LINK_MAIL, SIGN_UP, INVITATION, RESET, PRINCIPAL, PASSWORD, INBOX, OUTBOX_SENT,
    SYNC_RECORDS, SYNC_PLANS, SYNC_HISTORY,
)  # fmt: skip

_EVERYWHERE = ("ingest", "validate", "route", "deliver", "track", "sync")
TABLES: Mapping[str, tuple[str, ...]] = {
    "as long as the submission": ("documents.document", "ingest.idempotency"),
    "as long as the submission; that there was an invoice, with hash and day, stays": (
        "ingest.submission", "ingest.invoice", "ingest.repeat",
    ),
    "as long as the invoice: deleted on `invoice.erased`": (
        "validate.verdict",
        "route.decision", "route.parked", "route.numbered",
        "deliver.delivery", "deliver.parcel", "deliver.attempt", "deliver.answer", "deliver.response",
        "deliver.payment", "deliver.payment_term",
        "deliver.exact_booking", "deliver.exact_sale", "deliver.exact_sale_attempt",
        "track.fact", "track.status", "track.notice", "track.notice_attempt",
    ),
    "a period of the table above": (
        "ingest.session", "ingest.link", "ingest.account_user", "ingest.guess", "track.link_mail",
        "sync.plan", "sync.item", "sync.history",
        *(f"{schema}.{name}" for schema in _EVERYWHERE for name in ("inbox", "outbox_sent")),
    ),
    "until it is published": tuple(f"{schema}.outbox" for schema in _EVERYWHERE),
    "until a person replays or drops it, and as the record of that; what is about an invoice no longer than that": tuple(
        f"{schema}.dead" for schema in _EVERYWHERE
    ),
    "as long as what it tells of": (
        "ingest.scrub", "ingest.damage",
        "route.arrival", "route.register_answer", "route.register_day", "route.register_breaker",
        "deliver.breaker", "deliver.pause", "deliver.exact_allowance", "deliver.exact_endpoint", "deliver.exact_consent",
        "deliver.payment_fetch",
        "deliver.exact_party", "deliver.exact_chart",
        "sync.lease", "sync.load", "sync.standstill",
    ),
    "no end: who takes part, what they agreed, and who changed it": (
        "ingest.account", "ingest.api_key", "ingest.mailbox", "ingest.retention", "ingest.hold", "track.account",
        "route.party", "route.identifier", "route.party_change", "route.pair", "route.pay_to", "route.known_as",
        "route.claim", "route.letter", "route.stop", "route.recall",
        "deliver.connection", "deliver.credential", "deliver.folder", "deliver.permit", "deliver.stop",
        "deliver.payment_source",
        "deliver.exact_grant", "deliver.exact_link", "deliver.exact_shared",
        "deliver.exact_selling",
    ),
    "as long as the administration is kept alike": (
        "sync.client", "sync.administration", "sync.solution", "sync.member", "sync.identity",
        "sync.mirror", "sync.mirror_cursor",
    ),
}  # fmt: skip
"""Every table of every schema by how long its rows are kept; a test holds that none is missing."""

_HEAD = f"""# How long things are kept

Made from the code (`libs/lifetimes.py`, `make contracts`): the code reads its periods there.

Originals (as they came, with their hash), the answer under an `Idempotency-Key`, the names of files, and the address and
header of a mail live as long as the submission they came in: until the end of the {YEARS}th calendar year after its own,
or the {YEARS_REAL_ESTATE}th for an account that deals in real estate (`PUT /v1/accounts/me/retention`; a longer class
holds for everything kept, a shorter one for what comes after). A legal hold (`POST /v1/accounts/me/holds`) keeps one
submission, or all, until it is lifted. Then `ingest.retention` deletes them, as the owner of the documents, whose
statement deletes nothing younger than {YEARS} years, or {SANDBOX.kept.days} days of the sandbox, whatever it is asked.
What remains is that there was an invoice, with its hash and the day. The other services hear `invoice.erased` and delete
what they hold of it: verdict, decision, deliveries with their receipts, timeline, status, mails, dead letters. The ledger
counts it no more, and names whoever still holds something of it. What its receiver has is the receiver's; the hub shows
it to nobody any more. Backups are older than that, and end by their own rules.
Where a setting is named, the period is its default ([configuration.md](configuration.md)).

| what | kept | counted from when | ended by |
| --- | --- | --- | --- |
"""


_EVERY_TABLE = """
## Every table

| rows are kept | of |
| --- | --- |
"""


def page() -> str:
    periods = "".join(
        f"| {each.what} | {_said(each.kept)}{_by(each)} | {each.since} | {each.ends} |\n"
        for each in LIFETIMES
    )
    tables = "".join(
        f"| {kept} | {' '.join(f'`{name}`' for name in names)} |\n" for kept, names in TABLES.items()
    )
    return _HEAD + periods + _EVERY_TABLE + tables


def _by(each: Lifetime) -> str:
    return f" (`{each.setting}`)" if each.setting else ""


def _said(kept: timedelta) -> str:
    seconds = int(kept.total_seconds())
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    raise ValueError(kept)


if __name__ == "__main__":
    print(page(), end="")
