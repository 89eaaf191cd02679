"""What people do with an invoice that waits: let it go on, give it back, look again; over HTTP and by command alike.

Each works in the caller's transaction, as the worker, and puts what it tells into the outbox.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.parts import Words
from libs.contracts.sandbox import is_sandbox
from libs.db.types import Connection
from libs.errors import Conflict, NotFound
from libs.messaging import outbox
from services.route import facts, store, words
from services.route.companies import directory
from services.route.deciding import sandbox
from services.route.page import validated_of

Who: TypeAlias = Literal["sender", "operator"]


class Move(Protocol):
    """One of these three; ``release`` knows already to whom."""

    async def __call__(self, conn: Connection, invoice_id: UUID, *, who: Who) -> None: ...


NOT_WAITING = Words(
    nl="Deze factuur wacht niet (meer): zij is doorgegaan of teruggegeven. Hoe het met haar staat: GET /v1/invoices/{id}, "
    "of `postbode invoice show`.",
    en="This invoice does not wait (any more): it went on or was given back. How it is doing: GET /v1/invoices/{id}, or "
    "`postbode invoice show`.",
)
WHO = Words(
    nl="Deze factuur wacht op een ontvanger: kies er een (`party_id`; --to).",
    en="This invoice waits for a receiver: choose one (`party_id`; --to).",
)
NOBODY = Words(
    nl="Deze ontvanger is er niet, of is nog niet bevestigd. Zoek hem op met GET /v1/parties?scheme=0106&value=…, of "
    "`postbode parties list`; bevestigen: `postbode parties confirm`.",
    en="There is no such receiver, or it is not confirmed yet. Look it up with GET /v1/parties?scheme=0106&value=…, or "
    "`postbode parties list`; to confirm it: `postbode parties confirm`.",
)


async def release(conn: Connection, invoice_id: UUID, *, to: UUID | None, who: Who) -> None:
    """``to``: who receives it; that company's number is believed on this sender's invoices from then on. Without it, one
    that waits because another has its number, or because its PDF names another account, goes to whom it names.

    Raises ``NotFound`` or ``Conflict``.
    """
    if to is not None:
        await directory.change_alone(conn)
        event = await _locked(conn, invoice_id)
        own = is_sandbox(validated_of(event).account_id)
        party = sandbox.by_id(to) if own else await directory.by_id(conn, to)
        if party is None:
            raise Conflict(NOBODY.en, nl=NOBODY.nl, code="no-such-receiver")
        await outbox.append(conn, await facts.choose(conn, event, party))
        return
    await directory.hold(conn)
    event = await _locked(conn, invoice_id)
    row = await store.parked(conn, invoice_id)
    if row is None or row["code"] not in facts.CONFIRMED:
        raise Conflict(WHO.en, nl=WHO.nl, code="no-receiver-chosen")
    await outbox.append(conn, await facts.let_through(conn, event, who))


async def give_back(conn: Connection, invoice_id: UUID, *, who: Who) -> None:
    """It is not delivered, and may be sent again. Raises ``NotFound`` or ``Conflict``."""
    waiting = [await _locked(conn, invoice_id)]
    if who == "sender":
        events = await facts.give_back(conn, waiting)
    else:
        events = await facts.give_back(conn, waiting, "given-back", words.given_back())
    await outbox.append(conn, events)


async def look_again(conn: Connection, invoice_id: UUID, *, who: Who) -> None:
    """By what the directory says, and the rules are, today. Raises ``NotFound`` or ``Conflict``."""
    # It may go on waiting, and who becomes known meanwhile would not find it.
    await directory.hold(conn)
    waiting = [await _locked(conn, invoice_id)]
    await outbox.append(conn, await facts.release(conn, waiting, who, words.asked_again(), again=True))


async def _locked(conn: Connection, invoice_id: UUID) -> Event:
    """The validated event of an invoice that waits. Raises ``NotFound`` or ``Conflict``."""
    waiting = await store.lock_open(conn, [invoice_id])
    if waiting:
        return waiting[0]
    if await store.parked(conn, invoice_id) is None:
        raise NotFound
    raise Conflict(NOT_WAITING.en, nl=NOT_WAITING.nl, code="not-parked")
