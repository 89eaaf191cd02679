"""Events about one invoice, as the services would make them, for the tests of track."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from libs import clock
from libs.contracts import invoice
from libs.contracts.envelope import Event, Payload
from libs.contracts.parts import (
    DocumentRef,
    Finding,
    Identifier,
    InvoiceSummary,
    PartyFacts,
    Receiver,
    Words,
)
from libs.contracts.party import AccountRegistered

START = datetime(2026, 11, 3, 9, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

DOCUMENT = DocumentRef(
    document_id=UUID(int=7), sha256="0" * 64, size=1, media_type="application/xml", filename="F1.xml"
)
LINE_12 = Finding(
    rule="BR-CO-15",
    severity="fatal",
    line=12,
    seen="121.01",
    expected="121.00",
    message=Words(nl="Het totaal klopt niet.", en="The total is not right."),
    hint=Words(nl="Kijk naar de afronding van de btw.", en="Look at the rounding of the VAT."),
)
NO_KVK = Words(
    nl="Het KvK-nummer van de klant ontbreekt: zoek het op bij de Kamer van Koophandel en vul het in.",
    en="The customer's KvK number is missing: look it up at the Chamber of Commerce and fill it in.",
)

NOT_NLCIUS = Words(nl="De ontvanger wil NLCIUS.", en="The receiver takes NLCIUS.")
OTHER_PACKAGE = Words(nl="De ontvanger heeft een ander pakket.", en="The receiver has another package.")


class Journey:
    """One invoice of one account; each method makes the next fact, a minute after the one before."""

    def __init__(self, account: UUID, number: str = "F1", invoice_id: UUID | None = None) -> None:
        self.account = account
        self.invoice_id = invoice_id or clock.uuid7()
        self.receiver = Receiver(
            party_id=clock.uuid7(),
            name="Aannemer De Jong BV",
            identifier=Identifier(scheme="0106", value="58070036"),
        )
        self.summary = InvoiceSummary(
            number=number,
            issue_date=date(2026, 11, 2),
            currency="EUR",
            payable=Decimal("121.00"),
            seller=PartyFacts(name="Bakkerij Bos"),
            buyer=PartyFacts(name="De Jong"),
        )
        self._minutes = 0
        self._numbers: dict[str, int] = {}

    def event(self, kind: type[invoice.InvoiceFact], source: str, axis: str, /, **data: Any) -> Event:
        self._minutes += 1
        self._numbers[axis] = self._numbers.get(axis, 0) + 1
        payload = kind(
            invoice_id=self.invoice_id, account_id=self.account, sequence=self._numbers[axis], **data
        )
        return envelope(payload, source, self.account, START + timedelta(minutes=self._minutes))

    def received(self, channel: Literal["api", "mail"] = "api", **more: Any) -> Event:
        return self.event(
            invoice.InvoiceReceived, "ingest", "ingest", submission_id=UUID(int=1), channel=channel,
            syntax="ubl-invoice", original=DOCUMENT, **more,
        )  # fmt: skip

    def quarantined(self, filename: str | None = "loose.pdf", silent: bool = False) -> Event:
        reason = Words(nl="Een PDF alleen is geen e-factuur.", en="A PDF on its own is not an e-invoice.")
        return self.event(
            invoice.InvoiceQuarantined, "ingest", "ingest", submission_id=UUID(int=1), channel="mail",
            code="lone-pdf", reason=reason, filename=filename, silent=silent,
        )  # fmt: skip

    def duplicate(self, pdf: DocumentRef | None = None, **more: Any) -> Event:
        return self.event(
            invoice.InvoiceDuplicate,
            "ingest",
            "repeat",
            submission_id=UUID(int=2),
            channel="mail",
            pdf=pdf,
            **more,
        )

    def validated(self, warnings: int = 0) -> Event:
        return self.event(
            invoice.InvoiceValidated, "validate", "validation", rule_pack="nlcius-1", original=DOCUMENT,
            summary=self.summary, warnings=warnings,
        )  # fmt: skip

    def rejected(self, *findings: Finding, fatals: int = 1) -> Event:
        return self.event(
            invoice.InvoiceRejected, "validate", "validation", rule_pack="nlcius-1", summary=self.summary,
            fatals=fatals, findings=findings or (LINE_12,),
        )  # fmt: skip

    def routed(self) -> Event:
        return self.event(
            invoice.InvoiceRouted, "route", "routing", receiver=self.receiver, original=DOCUMENT,
            summary=self.summary,
            explanation=Words(nl="KvK 58070036 is De Jong.", en="KvK 58070036 is De Jong."),
        )  # fmt: skip

    def parked(self, code: str = "no-identifier") -> Event:
        return self.event(
            invoice.InvoiceParked, "route", "routing", code=code, reason=NO_KVK, summary=self.summary
        )

    def released(self) -> Event:
        return self.event(invoice.InvoiceReleased, "route", "routing", by="operator")

    def returned(self) -> Event:
        return self.event(invoice.InvoiceReturned, "route", "routing", code="no-identifier", reason=NO_KVK)

    def repeated(self) -> Event:
        """Another invoice of its number says the same."""
        return self.event(
            invoice.InvoiceReturned, "route", "routing", code="duplicate", reason=NO_KVK, first=UUID(int=9)
        )

    def recalled(self, *not_theirs: str) -> Event:
        return self.event(
            invoice.InvoiceRecalled, "route", "recall",
            receiver=self.receiver.model_copy(update={"email": "in@dejong.example"}), places=(self.receiver.party_id,),
            number=1, not_theirs=not_theirs, reason=NO_KVK,
        )  # fmt: skip

    def linked(self) -> Event:
        return self.event(
            invoice.InvoiceLinked, "route", "link", relation="replaced_by", other=UUID(int=9), reason=NO_KVK
        )

    def _delivery(self, kind: type[invoice.DeliveryFact], by: str, to: UUID | None, **data: Any) -> Event:
        receiver = to or self.receiver.party_id
        return self.event(
            kind, "deliver", f"delivery:{by}:{receiver}", delivery_id=UUID(int=3), channel=by,
            receiver_id=receiver, receiver_name=self.receiver.name, attempt=1, **data,
        )  # fmt: skip

    def handed_over(self, by: str = "folder", to: UUID | None = None) -> Event:
        return self._delivery(invoice.InvoiceHandedOver, by, to, receipt="F1.xml")

    def confirmed(self, by: str = "folder", to: UUID | None = None) -> Event:
        return self._delivery(invoice.InvoiceConfirmed, by, to, evidence="F1.xml is weggehaald")

    def booked(self, kind: type[invoice.AccountingFact], **data: Any) -> Event:
        return self.event(
            kind, "deliver", kind.axis_name, delivery_id=UUID(int=3), channel="exact_online",
            receiver_id=self.receiver.party_id, receiver_name=self.receiver.name, evidence="boekstuk 42", **data,
        )  # fmt: skip

    def sale_booked(self) -> Event:
        return self._sale(invoice.InvoiceSaleBooked, evidence="boekstuk 25700001")

    def sale_parked(self) -> Event:
        reason = Words(
            nl="Niet geboekt. Geen regel geeft een dagboek.", en="Not booked. No rule gives a journal."
        )
        return self._sale(invoice.InvoiceSaleParked, code="exact-no-journal", reason=reason)

    def _sale(self, kind: type[invoice.SaleFact], **data: Any) -> Event:
        return self.event(
            kind, "deliver", kind.axis_name, sale_id=UUID(int=9), channel="exact_online", **data
        )

    def answered(self, answer: str, code: str | None = None, said: str | None = None) -> Event:
        return self.event(
            invoice.InvoiceAnswered, "deliver", "business", delivery_id=UUID(int=3), receiver_id=self.receiver.party_id,
            receiver_name=self.receiver.name, answer=answer, code=code, said=said,
        )  # fmt: skip

    def switched(self, by: str = "smtp", to: UUID | None = None) -> Event:
        said = Words(nl="Niet aangenomen.", en="Not taken.")
        return self._delivery(invoice.InvoiceDeliverySwitched, by, to, before="folder", reason=said)

    def bounced(self, by: str = "smtp", to: UUID | None = None) -> Event:
        return self._delivery(invoice.InvoiceBounced, by, to, reason=Words(nl="Vol.", en="Full."))

    def undeliverable(self, by: str = "smtp", to: UUID | None = None, *, returned: bool = False) -> Event:
        reason = Words(nl="Dit e-mailadres bestaat niet.", en="This e-mail address does not exist.")
        return self._delivery(
            invoice.InvoiceUndeliverable, by, to, code="no-mailbox", reason=reason, returned=returned
        )

    def delivery_parked(self, by: str = "folder", to: UUID | None = None) -> Event:
        return self._delivery(
            invoice.InvoiceDeliveryParked, by, to, code="not-lawful-in-format", reason=NOT_NLCIUS,
            findings=(LINE_12.model_copy(update={"line": None}),),
        )  # fmt: skip

    def delivery_released(self, by: str = "folder", to: UUID | None = None) -> Event:
        return self._delivery(invoice.InvoiceDeliveryReleased, by, to, reason=OTHER_PACKAGE)


def registered(
    account: UUID, email: str, *, sequence: int = 1, language: Literal["nl", "en"] = "nl"
) -> Event:
    payload = AccountRegistered(
        account_id=account, sequence=sequence, name="Bakkerij Bos", email=email, language=language
    )
    return envelope(payload, "ingest", account, START)


def envelope(payload: Payload, source: str, account: UUID, at: datetime) -> Event:
    return Event(
        id=clock.uuid7(), source=f"/postbode/{source}", time=at, account=account, data=payload,
        traceparent=TRACE,
    )  # fmt: skip
