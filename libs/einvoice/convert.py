"""From any document the hub takes to any format a receiver's software takes, with a report of what did not survive.

::

    bytes ─documents─▶ Document(s) ─writer of the target─▶ Conversion (bytes · lost · filled · unread · findings)

Pure, and the same input gives the same bytes. Whether the result is lawful in its target is for the rules: ``pack``
names the one that judges it, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from libs.contracts.parts import Finding, Words
from libs.einvoice import documents, xml
from libs.einvoice.documents import Document
from libs.einvoice.formats import adres_2, cii, glentries, json_form, lines_csv, pdf, ubl_dialects
from libs.einvoice.formats.eexact import Sender
from libs.einvoice.formats.glentries import Books
from libs.einvoice.formats.modern import modern
from libs.einvoice.formats.pdf_words import Language
from libs.einvoice.formats.reading import Filled
from libs.einvoice.formats.written import Written
from libs.einvoice.model import Invoice
from libs.einvoice.terms import Term
from libs.errors import BadInput

VERSION = "4"
"""Changes when the same invoice gives other bytes: whoever keeps converted documents keeps it beside them."""

XML = "application/xml"


@dataclass(frozen=True, slots=True)
class Options:
    """What a receiver may set: the language of the page, the codes of its administration."""

    language: Language = "nl"
    books: Books = field(default_factory=Books)


@dataclass(frozen=True, slots=True)
class Target:
    """A format the hub writes. ``pack`` is the rule pack that judges what is written, where there is one; ``kind`` says
    what the file is for people."""

    name: str
    media_type: str
    extension: str
    kind: Words
    write: Callable[[Invoice, Options], Written]
    pack: str | None = None


def _ubl(name: str) -> Callable[[Invoice, Options], Written]:
    writer = ubl_dialects.WRITERS[name]
    return lambda invoice, _: writer(invoice)


def _cii(invoice: Invoice, _: Options) -> Written:
    invoice, renamed = modern(invoice)
    made = cii.write(invoice)
    # The rules of EN 16931 are about terms, whatever the syntax; ours read UBL. What the CII says is read back, so that
    # they judge what leaves and not what was meant.
    said = ubl_dialects.ubl_21(cii.read(xml.parse(made.data)).invoice)
    return replace(made, filled=(*made.filled, *renamed), inside=(said.data, "en16931"))


def _target(
    name: str,
    media_type: str,
    extension: str,
    nl: str,
    en: str,
    write: Callable[[Invoice, Options], Written],
    pack: str | None = None,
) -> Target:
    return Target(name, media_type, extension, Words(nl=nl, en=en), write, pack)


TARGETS: Mapping[str, Target] = {
    each.name: each
    for each in (
        _target("nlcius", XML, "xml", "NLCIUS (SI-UBL 2.0)", "NLCIUS (SI-UBL 2.0)", _ubl("nlcius"), "nlcius"),
        _target("siubl-1.2", XML, "xml", "SI-UBL 1.2", "SI-UBL 1.2", _ubl("siubl-1.2"), "ubl-2.1"),
        _target("ubl-2.1", XML, "xml", "UBL 2.1", "UBL 2.1", _ubl("ubl-2.1"), "en16931"),
        _target("ubl-2.0", XML, "xml", "UBL 2.0 (e-FFF)", "UBL 2.0 (e-FFF)", _ubl("ubl-2.0"), "ubl-2.1"),
        _target("peppol", XML, "xml", "Peppol BIS 3", "Peppol BIS 3", _ubl("peppol"), "peppol"),
        _target("cii", XML, "xml", "UN/CEFACT CII (D16B)", "UN/CEFACT CII (D16B)", _cii),
        _target(
            "eexact",
            XML,
            "xml",
            "inkoopboeking voor Exact Globe (eExact GLEntries)",
            "purchase entry for Exact Globe (eExact GLEntries)",
            lambda of, options: glentries.write(of, options.books),
        ),
        _target("json", "application/json", "json", "JSON", "JSON", lambda of, _: json_form.write(of)),
        _target(
            "csv", "text/csv", "csv", "regels als CSV", "lines as CSV", lambda of, _: lines_csv.write(of)
        ),
        _target(
            "pdf",
            "application/pdf",
            "pdf",
            "PDF met de e-factuur erin",
            "PDF with the e-invoice inside",
            lambda of, options: pdf.write(of, options.language),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Conversion:
    """One invoice in the target's format.

    ``lost``: terms that had a value and have no place in the target. ``filled``: terms a stated rule supplied, at
    reading or at writing. ``unread``: places of the source that no term stands for. ``findings``: what could not be
    read; with a fatal one among them the result is not the whole invoice. ``judged``: the XML by which the rules say
    whether it is lawful (of a page what is inside, of CII the same terms as UBL), and the name of their pack; None
    where nobody has any.
    """

    target: Target
    source: str
    invoice: Invoice
    data: bytes
    lost: tuple[Term, ...]
    filled: tuple[Filled, ...]
    unread: tuple[str, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[Words, ...] = ()
    judged: tuple[bytes, str] | None = None


def target(name: str) -> Target:
    """Raises ``BadInput`` (code ``unknown-format``) for a name the hub does not know."""
    found = TARGETS.get(name)
    if found is None:
        names = ", ".join(TARGETS)
        raise BadInput(
            f"there is no format {name!r}: choose one of {names}",
            nl=f"er is geen formaat {name!r}: kies een van {names}",
            code="unknown-format",
        )
    return found


def convert(
    data: bytes, to: str, *, sender: Sender | None = None, options: Options | None = None
) -> tuple[Conversion, ...]:
    """Every invoice of ``data`` in the format ``to``.

    Raises ``BadInput`` for an unknown format, and what ``documents.read`` raises.
    """
    into = target(to)
    return tuple(written(each, into, options or Options()) for each in documents.read(data, sender))


def written(document: Document, into: Target, options: Options) -> Conversion:
    """One document that is read already."""
    read = document.read
    invoice, settled = adres_2.settle(read.invoice)
    made = into.write(invoice, options)
    return Conversion(
        target=into,
        source=document.syntax,
        invoice=invoice,
        data=made.data,
        lost=made.lost,
        filled=(*read.filled, *settled, *made.filled),
        unread=read.unread,
        findings=read.findings,
        remarks=(*document.remarks, *made.remarks),
        judged=(made.data, into.pack) if into.pack is not None else made.inside,
    )
