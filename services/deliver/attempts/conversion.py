"""What is delivered instead of the original: the receiver's format, made when it is sent. Pure; slow, so for a thread.

The original is stored and never touched; what is made here is made again, byte for byte, by every attempt. It leaves
only when the rules of its format find nothing fatal in it; otherwise the delivery is parked with the findings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson
import structlog

from libs.contracts.parts import Finding, Receiver, Words
from libs.einvoice import convert, detect, documents
from libs.einvoice.convert import Conversion, Options
from libs.einvoice.documents import Document
from libs.einvoice.formats import adres_2
from libs.einvoice.formats.glentries import Books
from libs.einvoice.formats.reading import Filled
from libs.einvoice.model import Identifier
from libs.einvoice.packages import ORIGINAL
from libs.errors import BadInput, HubError
from libs.identifiers import kvk, oin
from libs.rules import engine
from services.deliver.parcel import Failed, Loaded, Parked

DEFAULT = "ubl-2.1"
"""What is made of an original that only its sender's software reads, for a receiver who chose nothing: the one
that asks no more of it than it was judged by."""

_UBL = b"urn:oasis:names:specification:ubl:schema:xsd:"
_HEAD = 4096
_FOREIGN = re.compile(rb"<(?:[\w.-]+:)?(?:CrossIndustryInvoice|eExact|Finvoice)[\s/>]")
_CUSTOMIZATION = re.compile(rb"CustomizationID[^>]*>([^<]{1,300})<")
_PROFILES: Mapping[str, frozenset[str]] = {
    "nlcius": frozenset({"nlcius-2.0", "nlcius-gaccount"}),
    "peppol": frozenset({"peppol-bis-3"}),
    "siubl-1.2": frozenset({"si-ubl-1.2"}),
}
_MOST = 50
"""Findings that are kept and told."""

_log = structlog.get_logger(__name__)


def wanted(each: Loaded) -> str | None:
    """The format that has to be made for this delivery; None: it goes as it came."""
    asked = each.job.parcel.settings.get("format", ORIGINAL)
    head = (each.xml or b"")[:_HEAD]
    if asked == ORIGINAL:
        return DEFAULT if _FOREIGN.search(head) else None
    return None if _is(head, asked) and not _page(each) else asked


def _is(head: bytes, asked: str) -> bool:
    """Whether the document is in that format already: then its own bytes are the best there can be."""
    found = _CUSTOMIZATION.search(head) if _UBL in head else None
    return found is not None and detect.profile(found[1].decode("utf-8", "replace")) in _PROFILES.get(
        asked, ()
    )


def needed(each: Loaded) -> bool:
    """Whether anything has to be made for it."""
    return wanted(each) is not None or _page(each)


def fit(each: Loaded) -> Loaded | Parked | Failed:
    """A delivery as its receiver takes it, or why it waits. Never raises."""
    try:
        return _fit(each)
    except Exception as strange:  # noqa: BLE001 - others go on
        # Whatever a stranger's file or setting leads to: those beside it are none of its business.
        _log.exception("cannot convert", delivery_id=str(each.job.delivery_id))
        return Failed("not-made", f"{type(strange).__name__}: {strange}")


def _page(each: Loaded) -> bool:
    """Whether a page is to be made: the package pairs one with the e-invoice, and the sender gave none."""
    return each.pdf is None and each.job.parcel.settings.get("page") == "yes"


def _fit(each: Loaded) -> Loaded | Parked:
    name = wanted(each)
    if name is None:
        return _with_page(each) if _page(each) else each
    try:
        found = documents.read(each.xml or b"")
    except HubError as no:
        return Parked("cannot-convert", _joined(_words(no), _NEXT), no.code)
    if len(found) != 1:
        return Parked("cannot-convert", _SEVERAL, f"{len(found)} invoices in one document")
    try:
        target = convert.target(name)
    except BadInput:
        return Parked("unknown-format", _joined(_unknown(name), _NEXT), name)
    options, document = _options(each), _addressed(found[0], each.job.parcel.receiver)
    try:
        done = convert.written(document, target, options)
    except HubError as no:
        return Parked("cannot-convert", _joined(_words(no), _NEXT), no.code)
    trouble = _trouble(done)
    if trouble:
        return _unlawful(done, trouble)
    page = each.pdf
    if _page(each) and name != "pdf":
        page = convert.written(document, convert.target("pdf"), options).data
    _tell(each, document, done)
    if done.target.extension == "pdf":
        return replace(each, xml=None, pdf=done.data)
    data = each.xml if _is((each.xml or b"")[:_HEAD], name) else done.data
    return replace(each, xml=data, pdf=page, extension=done.target.extension)


def _with_page(each: Loaded) -> Loaded:
    """The original as it came, and a page of it. Without one it goes all the same: the XML is the invoice."""
    try:
        (document,) = documents.read(each.xml or b"")
        done = convert.written(document, convert.target("pdf"), _options(each))
    except Exception as no:  # noqa: BLE001 - whatever a page stumbles over
        _log.warning("no page", delivery_id=str(each.job.delivery_id), error=repr(no)[:300])
        return each
    if any(finding.severity == "fatal" for finding in done.findings):
        return each  # what cannot be read whole would be half an invoice on paper
    _tell(each, document, done)
    return replace(each, pdf=done.data)


_LEGAL = (kvk.SCHEME, oin.SCHEME)
_RULE = Words(
    nl="Het nummer waaronder de hub de ontvanger kent; de factuur noemt er geen.",
    en="The number under which the hub knows the receiver; the invoice names none.",
)


def _addressed(document: Document, receiver: Receiver) -> Document:
    """With the receiver's own number as the buyer's, where the invoice has none: it was found some other way."""
    invoice = document.read.invoice
    buyer, number = invoice.buyer, receiver.identifier
    settled = adres_2.settle(invoice)[0].buyer
    if (
        buyer is None
        or number.scheme not in _LEGAL
        or settled is None
        or settled.legal_registration_identifier
    ):
        return document
    named = replace(buyer, legal_registration_identifier=Identifier(number.value, number.scheme))
    filled = (*document.read.filled, Filled("BT-47", number.value, _RULE))
    return replace(
        document, read=replace(document.read, invoice=replace(invoice, buyer=named), filled=filled)
    )


def _options(each: Loaded) -> Options:
    settings = each.job.parcel.settings
    language = settings.get("language", each.job.parcel.receiver.language)
    books = orjson.loads(settings.get("books", "{}"))
    return Options(
        language="fr" if language == "fr" else "en" if language == "en" else "nl", books=Books(**books)
    )


def _trouble(done: Conversion) -> list[Finding]:
    """What keeps the result from leaving."""
    findings = [finding for finding in done.findings if finding.severity == "fatal"]
    if not findings and done.judged is not None:
        verdict = engine.validate(*done.judged)
        findings = [finding for finding in verdict.findings if finding.severity == "fatal"]
    return findings


_NEXT = Words(
    nl="Zij wacht. Vraag de ontvanger een ander pakket of formaat te kiezen: dan gaat zij vanzelf door. Of neem haar "
    "terug, verbeter haar in uw pakket en stuur haar opnieuw.",
    en="It waits. Ask the receiver to choose another package or format: it then goes on by itself. Or take it back, "
    "mend it in your software and send it again.",
)


def _unlawful(done: Conversion, findings: Sequence[Finding]) -> Parked:
    rules = ", ".join(dict.fromkeys(finding.rule for finding in findings))
    said = done.target.kind
    what = Words(
        nl=f"De ontvanger wil {said.nl}, en zo opgeschreven klopt deze factuur niet ({rules[:200]}).",
        en=f"The receiver takes {said.en}, and written so this invoice is not right ({rules[:200]}).",
    )
    # Lines of a file that only the hub has seen would be looked for in the sender's own.
    told = tuple(finding.model_copy(update={"line": None}) for finding in findings[:_MOST])
    return Parked("not-lawful-in-format", _joined(what, _NEXT), rules[:200], told)


def _joined(*parts: Words) -> Words:
    return Words(nl=" ".join(part.nl for part in parts), en=" ".join(part.en for part in parts))


_SEVERAL = Words(
    nl="Dit bestand bevat meer dan een factuur en kan niet als een geheel worden omgezet. Stuur de facturen apart.",
    en="This file holds more than one invoice and cannot be converted as a whole. Send the invoices apart.",
)


def _unknown(name: str) -> Words:
    return Words(
        nl=f"Het pakket van de ontvanger vraagt een formaat dat deze hub niet maakt ({name[:40]}).",
        en=f"The receiver's package asks for a format that this hub does not make ({name[:40]}).",
    )


def _words(no: HubError) -> Words:
    """What it says, as a sentence: others follow."""
    found = Words.model_validate(no.extra.get("words", no.words))
    return Words(nl=_sentence(found.nl), en=_sentence(found.en))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _tell(each: Loaded, document: Document, done: Conversion) -> None:
    """Which bytes went out, made by what: enough to make them again and compare."""
    _log.info(
        "converted",
        delivery_id=str(each.job.delivery_id),
        source=document.syntax,
        format=done.target.name,
        converter=convert.VERSION,
        sha256=hashlib.sha256(done.data).hexdigest(),
        lost=len(done.lost),
        filled=len(done.filled),
    )
