"""The account in the XML beside the one on the PDF: no other difference is told, and no PDF stops the hub."""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceReceived, InvoiceValidated
from libs.contracts.parts import DocumentRef
from libs.einvoice.formats import ubl_dialects
from libs.einvoice.printed import LETTERS, NOTHING, Printed, printed
from libs.errors import HubError, Retry
from libs.testing import builders
from libs.testing.examples.edits import edited
from services.validate import pdf_reader
from services.validate import pictures as reading
from services.validate.handlers import Received
from services.validate.judgement import fact, judge
from services.validate.pictures import Pictures

OURS, OTHER = "NL91ABNA0417164300", "NL20INGB0001234567"
RULE = "POSTBODE-IBAN-PDF"
ANNA = UUID(int=0xA)


def differing(text: str, data: bytes | None = None) -> list[tuple[str | None, str | None]]:
    judgement = judge(data or builders.invoice(iban=OURS), printed=printed(text))
    return [(each.seen, each.expected) for each in judgement.findings if each.rule == RULE]


def test_another_account_on_the_pdf_is_told_with_both_values_in_both_languages() -> None:
    judgement = judge(builders.invoice(iban=OURS), printed=printed(f"Betaal op {OTHER}"))
    (finding,) = judgement.findings
    assert (finding.rule, finding.severity, finding.terms) == (RULE, "warning", ("BT-84",))
    assert (finding.seen, finding.expected) == ("NL91 ABNA 0417 1643 00", "NL20 INGB 0001 2345 67")
    for text in (finding.message.nl, finding.message.en):
        assert "NL91 ABNA 0417 1643 00" in text
        assert "NL20 INGB 0001 2345 67" in text
    assert finding.line is not None
    assert OURS.encode() in builders.invoice(iban=OURS).splitlines()[finding.line - 1]
    assert judgement.pdf_accounts == (OTHER,)


@pytest.mark.parametrize("times", [1, 4])
def test_of_markup_seen_before_too(times: int) -> None:
    found = [differing(OTHER, builders.invoice(number=f"F{n}", iban=OURS)) for n in range(times)]
    assert [len(each) for each in found] == [1] * times


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Factuur F1, te betalen EUR 25,10",
        f"{OTHER} of {OURS}",
        f"Wij incasseren van {OTHER}. Onze rekening: NL91 ABNA 0417 1643 00",
    ],
    ids=["a scan", "no account", "several", "spaced"],
)
def test_a_pdf_that_names_it_or_none_is_no_alarm(text: str) -> None:
    assert differing(text) == []


MANDATE = (
    b"<cac:PaymentMandate><cbc:ID>M1</cbc:ID><cac:PayerFinancialAccount><cbc:ID>NL20 INGB 0001 2345 67</cbc:ID>"
    b"</cac:PayerFinancialAccount></cac:PaymentMandate></cac:PaymentMeans>"
)


def test_the_buyers_own_account_is_none_to_pay_to() -> None:
    debit = builders.invoice(iban=OURS, payment_means="59")
    assert differing(f"Wij incasseren van {OTHER}", debit) == []


@pytest.mark.parametrize("page", [OTHER, f"Van {OTHER} naar BE71096123456769"])
def test_an_account_of_the_buyer_in_the_xml_is_no_excuse(page: str) -> None:
    changed = builders.invoice(iban=OURS).replace(b"</cac:PaymentMeans>", MANDATE)
    assert len(differing(page, changed)) == 1
    debit = re.search(rb"<cac:PaymentMeans>.*?</cac:PaymentMeans>", changed, re.DOTALL)
    assert debit is not None
    second = re.sub(rb"(<cbc:PaymentMeansCode[^>]*>)[^<]*", rb"\g<1>59", debit[0])
    hidden = builders.invoice(iban=OURS).replace(b"<cac:PaymentMeans>", second + b"<cac:PaymentMeans>")
    assert len(differing(page, hidden)) == 1


GREK = "NL61INGB0417164300"


def with_gaccount(claim: str = "#conformant#urn:fdc:nen.nl:gaccount:v1.0") -> bytes:
    """An invoice to be paid in two parts: into the ordinary account (OURS) and into the blocked one (GREK)."""
    first = "PaymentMeans[1]"
    return edited(
        builders.invoice(iban=OURS),
        f"CustomizationID={ubl_dialects.NLCIUS}{claim};+PaymentMeans/ID=GACCOUNT;*PaymentMeans;PaymentMeans[2]/ID=REST;"
        f"{first}/PayeeFinancialAccount/ID={GREK};-PaymentTerms;+PaymentTerms/PaymentMeansID=GACCOUNT;"
        "+PaymentTerms/Amount=10.00;*PaymentTerms;PaymentTerms[2]/PaymentMeansID=REST",
    )


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (f"{OURS} en g-rekening {GREK}", []),
        (OURS, ["POSTBODE-GACCOUNT-PDF"]),
        (OTHER, [RULE, RULE]),
        (GREK, [RULE]),
    ],
    ids=["both", "ordinary", "neither", "blocked"],
)
def test_the_g_account_of_a_seller_is_not_called_fraud(page: str, told: list[str]) -> None:
    """But looked at, where the page names the ordinary account alone: the mark is easily written."""
    judgement = judge(with_gaccount(), printed=printed(page))
    found = [each for each in judgement.findings if each.rule.endswith("-PDF")]
    assert [each.rule for each in found] == told
    assert bool(judgement.pdf_accounts) is bool(told)
    for each in found:
        said = f"{each.message.nl} {each.message.en}"
        assert ("fraud" in said) is (each.rule == RULE)


def test_a_mark_without_the_claim_is_no_g_account() -> None:
    judgement = judge(with_gaccount(claim=""), printed=printed(OURS))
    assert [each.rule for each in judgement.findings if each.rule.endswith("-PDF")] == [RULE]


def test_a_credit_note_and_an_invoice_without_an_account_are_not_compared() -> None:
    assert differing(OTHER, builders.invoice(iban=OURS, credit_note=True)) == []
    assert differing(OTHER, builders.invoice(iban="zie onder")) == []
    assert differing(OTHER, builders.invoice(payment_means=None)) == []


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("IBAN NL91ABNA0417164300", "NL91 ABNA 0417 1643 00"),
        ("IBAN:NL91ABNA0417164300", "NL91 ABNA 0417 1643 00"),
        ("NL91\u200dABNA0417164300", "NL91 ABNA 0417 1643 00"),
        ("NL91ABNA0417164300 ABNANL2A", "NL91 ABNA 0417 1643 00"),
        ("417164300", "417164300"),
        ("NL92ABNA0417164300", "NL92ABNA0417164300"),
    ],
)
def test_however_it_is_written_in_the_xml_it_is_compared(asked: str, seen: str) -> None:
    told = differing(OTHER, builders.invoice(iban=asked))
    assert [each for each, _ in told] == [seen]
    if seen == "NL91 ABNA 0417 1643 00":
        assert differing(f"IBAN {OURS}", builders.invoice(iban=asked)) == []


def test_digits_that_stand_on_the_page_are_no_account_of_it() -> None:
    """Of another bank, and of a telephone."""
    other_bank = "NL61INGB0417164300"
    assert len(differing(OURS, builders.invoice(iban=other_bank))) == 1
    assert len(differing(f"{OURS} tel. 06-12345678", builders.invoice(iban=OTHER))) == 1
    assert len(differing(f"{OURS} tel. 1234567", builders.invoice(iban="1234567"))) == 1


def test_an_old_number_for_the_account_of_the_page_is_no_alarm() -> None:
    assert differing(OTHER, builders.invoice(iban="1234567")) == []
    assert differing(OTHER, builders.invoice(iban="123.45.67")) == []


def test_the_text_that_is_kept_is_bounded() -> None:
    kept = printed(OTHER + " x" * 100_000 + OURS)
    assert len(kept.text) <= LETTERS + 1
    assert kept.names(OURS)


# --- the process that reads, and who waits for it ---


class Documents:
    """PDFs by the hash in their claim checks."""

    def __init__(self) -> None:
        self.kept: dict[UUID, bytes] = {}

    def add(self, data: bytes) -> DocumentRef:
        document_id = clock.uuid7()
        self.kept[document_id] = data
        digest = hashlib.sha256(data).hexdigest()
        return DocumentRef(document_id=document_id, sha256=digest, size=len(data), media_type="x/y")

    async def get(
        self, refs: Sequence[DocumentRef], accounts: Sequence[UUID], **_: object
    ) -> Mapping[UUID, bytes | HubError]:
        return {ref.document_id: self.kept[ref.document_id] for ref in refs if ref.document_id in self.kept}


def received(original: DocumentRef, pdf: DocumentRef | None) -> Event:
    return new_event(
        InvoiceReceived(
            invoice_id=clock.uuid7(), account_id=ANNA, sequence=1, submission_id=UUID(int=1), channel="api",
            syntax="ubl-invoice", original=original, pdf=pdf,
        ),
        source="/test", account=ANNA,
    )  # fmt: skip


async def test_an_invoice_waits_for_its_own_pdf_and_nobody_elses() -> None:
    documents = Documents()
    xml = documents.add(builders.invoice(iban=OURS))
    pictured = received(xml, documents.add(builders.pdf(f"Betaal op {OTHER}")))
    plain = received(xml, None)
    async with Pictures(documents) as pictures:  # type: ignore[arg-type]
        handler = Received(documents, pictures)  # type: ignore[arg-type]
        known = await handler.gather([plain, pictured])
        assert handler.decide(plain, known).verdict == "valid"
        with pytest.raises(Retry) as first:
            handler.decide(pictured, known)
        with pytest.raises(Retry) as fourth:
            handler.decide(pictured.again().again().again(), known)
        assert fourth.value.after > first.value.after
        async with asyncio.timeout(60):
            while pictures.seen(pictured.data.pdf) is None:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
        again = pictured.again()
        judgement = handler.decide(again, await handler.gather([again]))
        told = fact(judgement, again.data, 1)  # type: ignore[arg-type]
        assert isinstance(told, InvoiceValidated)
        assert (told.pdf_accounts, told.findings[0].rule) == ((OTHER,), RULE)


async def test_what_is_no_pdf_or_kills_its_reader_has_no_text_and_the_next_is_read() -> None:
    documents = Documents()
    broken = [documents.add(b"%PDF-1.4 nothing"), documents.add(b"")]
    good = documents.add(builders.pdf(OTHER))
    async with Pictures(documents) as pictures:  # type: ignore[arg-type]
        await pictures.look([(each, ANNA) for each in broken], 60)
        assert [pictures.seen(each) for each in broken] == [NOTHING, NOTHING]
        assert pictures._process is not None
        first = pictures._process.pid
        # As the system ends it: too long, too large, or a fault in the library.
        pictures._process.kill()
        lost = documents.add(builders.pdf("x"))
        await pictures.look([(lost, ANNA), (good, ANNA)], 60)
        assert pictures.seen(good) == Printed((OTHER,), OTHER)
        assert pictures._process is not None
        assert pictures._process.pid != first


def test_the_reader_is_ended_when_it_takes_too_long() -> None:
    """By the system, on its own processor time: in the middle of anything, on a machine of any speed."""
    code = (
        "import sys, io; sys.path[:0] = [sys.argv[1]]; import pdf_reader as r; r.PROCESSOR_SECONDS = 0.05\n"
        "r.text_of = lambda data: [None for _ in iter(int, 1)]\n"
        "r.serve(io.BytesIO(b'\\0\\0\\0\\1x'), sys.stdout.buffer)\n"
    )
    folder = pdf_reader.__file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-I", "-c", code, folder], capture_output=True, check=False)
    assert done.returncode < 0, done.stderr
    assert done.stdout == b""


def test_the_reader_gets_no_more_memory_than_it_may() -> None:
    """Asked for more than that by a PDF, the system refuses: the process ends, or the PDF has no text."""
    code = (
        "import runpy, sys, io, resource\n"
        "sys.stdin = io.TextIOWrapper(io.BytesIO(b''))\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')\n"
        "bytearray(resource.getrlimit(resource.RLIMIT_AS)[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, pdf_reader.__file__], capture_output=True, check=False
    )
    assert b"MemoryError" in done.stderr


async def test_the_row_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WAITING", 3)
    documents = Documents()
    async with Pictures(documents) as pictures:  # type: ignore[arg-type]
        await pictures.look([(documents.add(b"%d" % n), ANNA) for n in range(10)])
        assert len(pictures._waiting) == 3
