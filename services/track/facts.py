"""From an event to what it says: on which axis, which value, in which words. Pure.

A fact that has no place on an axis (``invoice.duplicate``, ``invoice.linked``; whatever a newer release adds) is timeline
only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from libs.contracts import invoice
from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceFact
from libs.contracts.parts import Finding, InvoiceSummary, Words
from services.track import answered, settled
from services.track.status import Fact

VALUES: Mapping[str, str] = {
    invoice.InvoiceReceived.type: "received",
    invoice.InvoiceQuarantined.type: "quarantined",
    invoice.InvoiceValidated.type: "valid",
    invoice.InvoiceRejected.type: "invalid",
    invoice.InvoiceRouted.type: "routed",
    invoice.InvoiceParked.type: "parked",
    invoice.InvoiceReleased.type: "pending",
    invoice.InvoiceReturned.type: "returned",
    invoice.InvoiceRecalled.type: "recalled",
    invoice.InvoiceHandedOver.type: "handed_over",
    invoice.InvoiceConfirmed.type: "confirmed",
    invoice.InvoiceBounced.type: "bounced",
    invoice.InvoiceDeliveryParked.type: "parked",
    invoice.InvoiceDeliveryReleased.type: "queued",
    invoice.InvoiceDeliverySwitched.type: "queued",
    invoice.InvoiceUndeliverable.type: "undeliverable",
    # Reported, never assumed.
    invoice.InvoiceImported.type: "imported",
    invoice.InvoicePaid.type: "paid",
    invoice.InvoiceReversed.type: "reversed",
    # In the sender's own books: no word on the receiver.
    invoice.InvoiceSaleBooked.type: "booked",
    invoice.InvoiceSaleParked.type: "not_booked",
    # What it answered stands in the fact.
    invoice.InvoiceAnswered.type: "answered",
}
"""The value each fact gives its axis."""

_CHANNELS: Mapping[str, Words] = {
    "smtp": Words(nl="per e-mail", en="by e-mail"),
    "folder": Words(nl="in de map van de ontvanger", en="into the receiver's folder"),
    "sftp": Words(nl="in de map van de ontvanger", en="into the receiver's folder"),
    "https": Words(nl="via een beveiligde verbinding", en="over a secure connection"),
    "pull": Words(nl="door de ontvanger zelf opgehaald", en="fetched by the receiver itself"),
    "exact_online": Words(nl="in Exact Online", en="into Exact Online"),
    "sandbox": Words(nl="in de sandbox", en="in the sandbox"),
}
_ARRIVALS: Mapping[str, Words] = {
    "smtp": Words(
        nl="De mailserver van {to} heeft bevestigd dat de factuur er is.",
        en="The mail server of {to} confirmed that the invoice is there.",
    ),
    "folder": Words(
        nl="{to} heeft de factuur uit de map gehaald.", en="{to} took the invoice from its folder."
    ),
    "sftp": Words(
        nl="{to} heeft de factuur uit de map gehaald.", en="{to} took the invoice from its folder."
    ),
    "https": Words(nl="{to} heeft de ontvangst bevestigd.", en="{to} confirmed that it has the invoice."),
    "pull": Words(nl="{to} heeft de ontvangst bevestigd.", en="{to} confirmed that it has the invoice."),
    "exact_online": Words(
        nl="De factuur staat in Exact Online van {to}.", en="The invoice is in the Exact Online of {to}."
    ),
    "sandbox": Words(nl="{to} heeft de factuur (sandbox).", en="{to} has the invoice (sandbox)."),
}
_DOORS: Mapping[str, Words] = {
    "api": Words(nl="via de API", en="through the API"),
    "mail": Words(nl="per e-mail", en="by e-mail"),
    "portal": Words(nl="via het portaal", en="through the portal"),
}

_RELEASED = Words(
    nl="De factuur wacht niet langer; de ontvanger wordt opnieuw bepaald.",
    en="The invoice no longer waits; its receiver is looked up again.",
)


def read(event: Event) -> Fact | None:
    """The fact for the status; None when the event changes none. ``event.data`` is an ``InvoiceFact``."""
    data = event.data
    if not isinstance(data, InvoiceFact):
        return None
    value = value_of(data)
    if value is None:
        return None
    said = words(data)
    fact = Fact(
        axis=data.axis,
        sequence=data.sequence,
        event_id=str(event.id),
        value=value,
        at=event.time.astimezone(UTC).isoformat(),
        source=event.source,
        nl=said.nl,
        en=said.en,
    )
    _add_terms(fact, data)
    return fact


def value_of(data: InvoiceFact) -> str | None:
    """The value a fact gives its axis; None when it has no place there."""
    if isinstance(data, invoice.InvoiceUndeliverable) and data.returned:
        return "returned"
    if isinstance(data, invoice.InvoiceReturned) and data.first is not None:
        return "duplicate"
    if isinstance(data, invoice.InvoiceAnswered):
        return data.answer
    if isinstance(data, invoice.InvoicePaid) and data.in_part:
        return "partly_paid"
    return VALUES.get(data.type)


def _add_terms(fact: Fact, data: InvoiceFact) -> None:
    """What the fact tells about the invoice itself, as far as it does."""
    # The fields of the model: asking a model for one that it does not have costs more than all the rest here.
    said = vars(data)
    summary = said.get("summary")
    if isinstance(summary, InvoiceSummary):
        if summary.number:
            fact["number"] = summary.number
        if summary.issue_date:
            fact["issue_date"] = summary.issue_date.isoformat()
        if summary.seller.name:
            fact["sender"] = summary.seller.name
        if summary.buyer.name:
            fact["receiver"] = summary.buyer.name
    receiver = said["receiver"].name if "receiver" in said else said.get("receiver_name")
    if receiver:
        fact["receiver"] = receiver
    filename = said["original"].filename if type(data) is invoice.InvoiceReceived else said.get("filename")
    if filename:
        fact["filename"] = filename
    code = said.get("code")
    if isinstance(code, str):
        fact["code"] = code


def words(data: InvoiceFact) -> Words:
    """One sentence on what happened, for the timeline and as the reason of a status."""
    say = _SAY.get(type(data))
    if say is not None:
        return say(data)
    reason = vars(data).get("reason")
    return reason if isinstance(reason, Words) else Words(nl="", en="")


def _received(data: invoice.InvoiceReceived) -> Words:
    door = _DOORS[data.channel]
    nl, en = f"Binnengekomen {door.nl}", f"Came in {door.en}"
    if data.original.filename:
        nl, en = f"{nl}: {data.original.filename}", f"{en}: {data.original.filename}"
    if data.pdf is not None:
        nl, en = f"{nl}, met PDF", f"{en}, with its PDF"
    return Words(nl=f"{nl}.", en=f"{en}.")


def _duplicate(data: invoice.InvoiceDuplicate) -> Words:
    door = _DOORS[data.channel]
    nl = f"Dezelfde factuur kwam nog eens binnen {door.nl}. Zij wordt één keer verwerkt."
    en = f"The same invoice came in again {door.en}. It is handled once."
    if data.pdf is not None:
        nl += " De PDF die er toen bij zat is bewaard, maar wordt niet meer meegestuurd."
        en += " The PDF that came with it then is kept, but no longer sent along."
    return Words(nl=nl, en=en)


def _validated(data: invoice.InvoiceValidated) -> Words:
    if not data.warnings:
        return Words(nl="De factuur voldoet aan de regels.", en="The invoice keeps the rules.")
    nl = "1 waarschuwing" if data.warnings == 1 else f"{data.warnings} waarschuwingen"
    en = "1 warning" if data.warnings == 1 else f"{data.warnings} warnings"
    return Words(
        nl=f"De factuur voldoet aan de regels, met {nl}.", en=f"The invoice keeps the rules, with {en}."
    )


def _rejected(data: invoice.InvoiceRejected) -> Words:
    nl = "1 fout" if data.fatals == 1 else f"{data.fatals} fouten"
    en = "1 error" if data.fatals == 1 else f"{data.fatals} errors"
    first = next((f for f in data.findings if f.severity == "fatal"), None)
    if first is None:
        return Words(nl=f"De factuur heeft {nl}.", en=f"The invoice has {en}.")
    line = located(first)
    return Words(nl=f"{nl}. {line.nl}", en=f"{en}. {line.en}")


def located(finding: Finding) -> Words:
    """A finding's message with its line in the file."""
    if finding.line is None:
        return finding.message
    return Words(
        nl=f"Regel {finding.line}: {finding.message.nl}", en=f"Line {finding.line}: {finding.message.en}"
    )


def _handed_over(data: invoice.InvoiceHandedOver) -> Words:
    said = _way(data)
    return Words(
        nl=" ".join([said.nl, *(each.nl for each in data.warnings)]),
        en=" ".join([said.en, *(each.en for each in data.warnings)]),
    )


def _way(data: invoice.InvoiceHandedOver) -> Words:
    by, to, agreed = _CHANNELS[data.channel], data.receiver_name, data.agreed
    if agreed is None or agreed.package is None:
        return Words(nl=f"Afgeleverd bij {to}, {by.nl}.", en=f"Handed over to {to}, {by.en}.")
    how = Words(nl="zoals zij kwam", en="as it came") if agreed.format == "original" else agreed.format
    form = how if isinstance(how, Words) else Words(nl=f"als {how}", en=f"as {how}")
    return Words(
        nl=f"Afgeleverd bij {to}, {by.nl}, {form.nl}, voor {agreed.package}.",
        en=f"Handed over to {to}, {by.en}, {form.en}, for {agreed.package}.",
    )


def _confirmed(data: invoice.InvoiceConfirmed) -> Words:
    said = _ARRIVALS[data.channel]
    return Words(nl=said.nl.format(to=data.receiver_name), en=said.en.format(to=data.receiver_name))


def _imported(data: invoice.InvoiceImported) -> Words:
    nl = f", boekstuk {data.entry_number}" if data.entry_number else ""
    en = f", entry {data.entry_number}" if data.entry_number else ""
    return Words(
        nl=f"De factuur staat in de boeken van {data.receiver_name}{nl}.",
        en=f"The invoice is in the books of {data.receiver_name}{en}.",
    )


def _delivery_parked(data: invoice.InvoiceDeliveryParked) -> Words:
    if not data.findings:
        return data.reason
    first = data.findings[0].message
    return Words(nl=f"{data.reason.nl} {first.nl}", en=f"{data.reason.en} {first.en}")


_SAY: Mapping[type[InvoiceFact], Callable[[Any], Words]] = {
    invoice.InvoiceReceived: _received,
    invoice.InvoiceDuplicate: _duplicate,
    invoice.InvoiceValidated: _validated,
    invoice.InvoiceRejected: _rejected,
    invoice.InvoiceRouted: lambda data: data.explanation,
    invoice.InvoiceReleased: lambda data: data.reason or _RELEASED,
    invoice.InvoiceHandedOver: _handed_over,
    invoice.InvoiceConfirmed: _confirmed,
    invoice.InvoiceDeliveryParked: _delivery_parked,
    invoice.InvoiceImported: _imported,
    invoice.InvoicePaid: settled.paid,
    invoice.InvoiceReversed: settled.undone,
    invoice.InvoiceSaleBooked: lambda data: Words(
        nl=f"De factuur staat als verkoopboeking in uw eigen Exact Online: {data.evidence}.",
        en=f"The invoice stands in your own Exact Online as a sales entry: {data.evidence}.",
    ),
    invoice.InvoiceAnswered: answered.words,
}
