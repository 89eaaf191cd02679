"""Bad input is findings or a refusal, never a traceback.

``POSTBODE_MUTANTS`` sets how many documents (2,000; the soak takes 20,000).
"""

from __future__ import annotations

import os

import pytest

from libs.einvoice import convert, documents
from libs.errors import Refusal, Unprocessable
from libs.testing import builders
from libs.testing.broken import mutant
from libs.testing.eexact import GlobeInvoice, file
from libs.testing.finvoice import finvoice

MANY = int(os.environ.get("POSTBODE_MUTANTS", "2000"))
UBL = builders.invoice(lines=2, adres2="58070036", buyer_vat="NL002455799B11")
SOURCES = (
    UBL,
    builders.invoice(credit_note=True, order="PO-1"),
    convert.convert(UBL, "siubl-1.2")[0].data,
    convert.convert(UBL, "cii")[0].data,
    convert.convert(UBL, "json")[0].data,
    file([GlobeInvoice(lines=2), GlobeInvoice(number="2")]),
    finvoice(),
)
TARGETS = [name for name in convert.TARGETS if name != "pdf"]


def test_every_mutant_is_read_and_written_or_refused() -> None:
    read = 0
    for seed in range(MANY):
        data = mutant(SOURCES[seed % len(SOURCES)], seed)
        try:
            found = documents.read(data)
        except Refusal:
            continue
        read += 1
        # A page costs a hundred times what the others do.
        into = convert.TARGETS["pdf" if seed % 200 == 0 else TARGETS[seed % len(TARGETS)]]
        for document in found:
            if into.name == "eexact" and document.read.invoice.currency_code not in (None, "", "EUR"):
                # The one thing a writer refuses.
                with pytest.raises(Unprocessable, match="a purchase entry books in EUR"):
                    convert.written(document, into, convert.Options())
                continue
            done = convert.written(document, into, convert.Options())
            assert done.data
            for finding in done.findings:
                assert finding.message.nl
                assert finding.message.en
                assert finding.line is None or 1 <= finding.line <= data.count(b"\n") + 1
    assert read > MANY / 4


@pytest.mark.parametrize(
    "source", SOURCES, ids=["ubl", "credit", "si-ubl", "cii", "json", "eexact", "finvoice"]
)
def test_what_is_cut_off_is_refused_or_told(source: bytes) -> None:
    for share in (0.2, 0.5, 0.9):
        data = source[: int(len(source) * share)]
        try:
            documents_of = documents.read(data)
        except Refusal:
            continue
        assert all(each.read.findings for each in documents_of)


def test_a_page_of_anything_is_a_page() -> None:
    text = "\u202e1.00\x00\u200b日本\U0001f600 «€» #{sys} $x$ \\ *a* <b> @c"
    data = (
        builders.invoice(seller_name="<&>")
        .decode()
        .replace("&lt;&amp;&gt;", text.replace("<", "&lt;").replace("\x00", ""))
    )
    (done,) = convert.convert(data.encode(), "pdf")
    assert done.data.startswith(b"%PDF-")
