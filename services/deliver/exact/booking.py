"""One invoice as an entry in somebody's books, step by step (exact.md §3.4).

::

    party ─▶ document ─▶ attachments ─▶ entry ─▶ read back
             └──────── each: *doing* committed ─▶ call ─▶ result committed ────────┘

Nothing is in the books before the entry can be made: rules, chart and party come first, and what cannot be coded waits
without a trace there. A step that was begun and of which nobody knows the end is looked up before it is repeated: the
document by its subject, which holds the delivery's id; attachments by their names; the entry by ``YourRef`` and supplier,
and of those the one with our document. What was booked is read back and compared, field by field.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.einvoice import documents
from libs.einvoice.model import Invoice
from libs.errors import HubError
from services.deliver.exact import compare, entry, fields, made, masterdata, outcomes, parties, records, wire
from services.deliver.exact.budget import CALLS, Wait
from services.deliver.exact.client import Books
from services.deliver.exact.kinds import SALES, Kind
from services.deliver.exact.links import Link
from services.deliver.exact.made import Made
from services.deliver.exact.records import Record
from services.deliver.exact.rules import Rules
from services.deliver.exact.trouble import Denied, NotNow, Trouble
from services.deliver.parcel import Failed, HandedOver, Loaded, NotBegun, Outcome, Parked
from services.deliver.results import line

READ_BACKS = 3
"""Failures after which it is told to be booked, though it could not be read back."""
OFF_LOOP = 64 * 1024

_DOCUMENTS, _ATTACHMENTS = "documents/Documents", "documents/DocumentAttachments"
_UNREADABLE = Words(
    nl="Van dit document kan geen boeking worden gemaakt: het is geen enkele e-factuur die de hub leest.",
    en="No entry can be made of this document: it is not one e-invoice that the hub reads.",
)
_TRACKING = Words(
    nl="Niet geboekt. Trackingnummer {number} bestaat niet in uw administratie: maak het daar, of haal het uit de Opties.",
    en="Not booked. Tracking number {number} does not exist in your books: make it there, or take it out of the Options.",
)
_THERE_ALREADY = Words(
    nl="Niet geboekt. In de administratie staat al een boeking van deze relatie met deze factuur ({number}), die niet van "
    "de hub is. Laat de factuur terugnemen door wie haar stuurde, of verwijder die boeking en geef de factuur hier vrij.",
    en="Not booked. The books have an entry of this account with this invoice already ({number}), which is not the hub's. "
    "Have the invoice taken back by whoever sent it, or remove that entry and release the invoice here.",
)


class _Stop(Exception):
    """It does not go on from here; with what it ends."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


@dataclass
class Booking:
    """One attempt at one booking."""

    pool: Pool
    books: Books
    base: str
    kind: Kind
    link: Link
    each: Loaded
    record: Record
    settle: timedelta
    """So long after a step of unknown end it is not looked up: it may be under way still."""
    short: Wait | None = None
    """Set by ``book``: there are no calls left for it now."""

    async def book(self) -> Outcome:
        """Never raises ``Trouble``."""
        try:
            return await self._book()
        except _Stop as stop:
            return stop.outcome
        except records.Overtaken:
            return NotBegun("another worker went on with it")
        except parties.BeingFound:
            return NotBegun("another worker looks for this supplier", wait=parties.WAIT)
        except Trouble as trouble:
            self._short_of(trouble)
            # What the step was, the row knows; nothing that only reads leaves a mark there.
            writing = self.record.doing is not None
            resolved = not writing
            return outcomes.of(trouble, clock.now(), writing=writing, resolved=resolved)

    def _short_of(self, trouble: Trouble) -> None:
        if isinstance(trouble, NotNow) and trouble.wait.why in CALLS:
            self.short = trouble.wait

    async def _book(self) -> Outcome:
        record = self.record
        if record.doing is not None:
            await self._resolve()
        if record.entry is None:
            invoice = await self._invoice()
            if record.document is None:
                # Document, files, entry, read-back: what is begun with the last call of a day would lie half done.
                self.books.room = 3 + len(self._files())
            found = await self._made(invoice)
            document = record.document or await self._document(invoice, found.body[self.kind.party])
            self.books.room = 1
            for name, content in self._files():
                if name not in record.attached:
                    await self._attach(document, name, content)
            await self._enter(found.body | {"Document": document}, found)
        return await self._read_back()

    async def _resolve(self) -> None:
        """What became of an entry that may have been made; before anything else, for rules may have changed since."""
        left = self.settle - self.record.doing_for if self.record.doing_for is not None else timedelta()
        if left > timedelta():
            raise _Stop(NotBegun("Exact Online may be at work on it still", wait=left))
        body = self.record.body if self.record.doing == "entry" else None
        if body is not None and not await self._there(body):
            await records.doing(self.pool, self.record, None)

    # ------------------------------------------------------------------ before anything is in the books

    async def _invoice(self) -> Invoice:
        data = self.each.xml or b""
        try:
            found = (
                await asyncio.to_thread(documents.read, data)
                if len(data) > OFF_LOOP
                else documents.read(data)
            )
        except HubError as no:
            raise _Stop(Parked("exact-unreadable", _UNREADABLE, line(no.message))) from no
        if len(found) != 1:
            raise _Stop(Parked("exact-unreadable", _UNREADABLE, f"{len(found)} invoices"))
        return found[0].read.invoice

    async def _made(self, invoice: Invoice) -> Made:
        rules = Rules.model_validate(self.link.settings.get(self.kind.name, {}))
        matching: fields.Matching = {
            name: tuple(sources) for name, sources in self.link.settings.get("options", {}).items()
        }
        division = self.record.division
        chart = await masterdata.chart_of(self.pool, self.base, division, self.books, rules)
        # Once without a party: what cannot be coded leaves nothing behind, no new supplier either.
        given = self.each.job.parcel.fields
        if self.kind is SALES:
            matching = fields.own(matching, given)
        tried = made.make(self.kind, invoice, rules, matching, chart, given=given, party="")
        if isinstance(tried, Parked):
            raise _Stop(tried)
        party = await parties.party_of(self.pool, self.base, division, self.books, self.kind, invoice)
        body = tried.body | {self.kind.party: party}
        return Made(await self._tracked(body), tried.total)

    async def _tracked(self, body: dict[str, Any]) -> dict[str, Any]:
        ids: dict[str, str] = {}
        for number in sorted(entry.tracked(self.kind, body)):
            # No document names this endpoint (docs/exact-online.md).
            rows = await self.books.rows(
                "inventory/TrackingNumbers", select="ID,Code", filter=f"Code eq {wire.text(number)}"
            )
            if not rows:
                words = Words(nl=_TRACKING.nl.format(number=number), en=_TRACKING.en.format(number=number))
                raise _Stop(Parked("exact-no-tracking-number", words))
            ids[number] = str(rows[0]["ID"])
        return entry.with_tracking(self.kind, body, ids) if ids else body

    def _files(self) -> Sequence[tuple[str, bytes]]:
        """The e-invoice and its page, under one name."""
        base = self.each.job.base_name
        found = [(f"{base}.{self.each.extension}", self.each.xml), (f"{base}.pdf", self.each.pdf)]
        return [(name, content) for name, content in found if content]

    # ------------------------------------------------------------------ the steps

    async def _document(self, invoice: Invoice, party: str) -> str:
        subject = f"{line(invoice.number or 'factuur', 40)} [{self.each.job.delivery_id}]"
        if self.record.doing == "document":
            rows = await self.books.rows(_DOCUMENTS, select="ID", filter=f"Subject eq {wire.text(subject)}")
            if rows:
                await records.documented(self.pool, self.record, str(rows[0]["ID"]))
                return str(rows[0]["ID"])
        values: dict[str, Any] = {"Subject": subject, "Type": self.kind.document_type, "Account": party}
        if invoice.issue_date is not None:
            values["DocumentDate"] = wire.day(invoice.issue_date)
        made_one = await self._step("document", _DOCUMENTS, values)
        await records.documented(self.pool, self.record, str(made_one["ID"]))
        return str(made_one["ID"])

    async def _attach(self, document: str, name: str, content: bytes) -> None:
        step = f"attach {name}"
        if self.record.doing == step:
            rows = await self.books.rows(
                _ATTACHMENTS, select="ID,FileName", filter=f"Document eq {wire.guid(document)}"
            )
            if any(row.get("FileName") == name for row in rows):
                await records.attached(self.pool, self.record, name)
                return
        encoded = (await asyncio.to_thread(base64.b64encode, content)).decode()
        values = {"Document": document, "FileName": name, "Attachment": encoded}
        try:
            await self._step(step, _ATTACHMENTS, values)
        except Denied as no:
            if not outcomes.too_large(no):
                raise
            # The entry is the invoice; a page that is too large must not keep it out of the books.
            await records.attached(self.pool, self.record, name, left_out=True)
            return
        await records.attached(self.pool, self.record, name)

    async def _enter(self, body: dict[str, Any], found: Made) -> None:
        try:
            row = await self._step("entry", self.kind.entries, body, found=found)
        except Denied as no:
            if outcomes.party_gone(no):
                await records.forget(self.pool, self.base, self.record.division, party=body[self.kind.party])
                raise _Stop(Failed("exact-party-gone", str(no), resolved=True)) from no
            raise
        await self._booked(row)

    async def _there(self, body: dict[str, Any]) -> bool:
        """Whether the entry that may have been made is there. One of the same number without our document is somebody
        else's: booking beside it would pay the invoice twice. One with our document is ours, whatever a person has made of
        its number or supplier since."""
        select, document = "EntryID,EntryNumber,Document,Created", str(body["Document"])
        rows = await self.books.rows(self.kind.entries, select=select, filter=entry.sought(self.kind, body))
        ours = [row for row in rows if str(row.get("Document") or "").lower() == document.lower()]
        if not ours:
            by_document = f"Document eq {wire.guid(document)}"
            ours = await self.books.rows(self.kind.entries, select=select, filter=by_document)
        if ours:
            await self._booked(ours[0])
        elif rows:
            number = str(rows[0].get("EntryNumber"))
            await records.doing(self.pool, self.record, None)
            words = Words(
                nl=_THERE_ALREADY.nl.format(number=number), en=_THERE_ALREADY.en.format(number=number)
            )
            raise _Stop(Parked("exact-there-already", words))
        return bool(ours)

    async def _booked(self, row: dict[str, Any]) -> None:
        at = wire.moment(row.get("Created"))
        await records.booked(
            self.pool, self.record, str(row["EntryID"]), str(row.get("EntryNumber") or "?"), at
        )

    async def _step(
        self, step: str, endpoint: str, values: dict[str, Any], *, found: Made | None = None
    ) -> dict[str, Any]:
        """A call that changes the books: written down, made, and crossed out where it surely came to nothing."""
        before = self.record.doing
        body, total = (values, found.total) if found is not None else (None, None)
        await records.doing(self.pool, self.record, step, body, total)
        try:
            return await self.books.post(endpoint, values)
        except Trouble as trouble:
            # What was asked never, or answered with no, leaves nothing to look up.
            if outcomes.surely_nothing(trouble):
                await records.doing(self.pool, self.record, before if before != step else None)
            raise

    # ------------------------------------------------------------------ the proof

    async def _read_back(self) -> Outcome:
        record = self.record
        body = record.body or {}
        try:
            asked = compare.asked(self.kind, body)
            booked = await self.books.one(
                self.kind.entries, str(record.entry), select=asked["$select"], expand=asked["$expand"]
            )
        except NotNow as no:
            self._short_of(no)
            return outcomes.of(no, clock.now(), writing=False, resolved=True)
        except Trouble as trouble:
            if self.each.job.failures < READ_BACKS:
                return Failed("exact-read-back", str(trouble), resolved=True)
            return self._handed_over(f"it could not be read back: {line(str(trouble), 120)}")
        found = compare.differences(self.kind, body, booked, record.total)
        told = [{"field": d.field, "line": d.line, "sent": d.sent, "booked": d.booked} for d in found]
        await records.read_back(self.pool, record, told)
        seen = f"differs: {compare.told(found).en}" if found else "read back: the same"
        return self._handed_over(seen)

    def _handed_over(self, seen: str) -> HandedOver:
        out = f"; not taken: {', '.join(self.record.left_out)}" if self.record.left_out else ""
        name = line(self.link.division_name or str(self.record.division), 60)
        entry = f"Exact Online: entry {self.record.entry_number}"
        return HandedOver(line(f"{entry} in {name}{out}; {seen}"), outward=entry + out)
