"""Whoever reads why an invoice waits reads who can do what about it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from libs.contracts.envelope import new_event
from libs.contracts.invoice import ACCOUNT_DIFFERS, GACCOUNT_UNNAMED, InvoiceValidated
from libs.contracts.parts import DocumentRef, Finding, InvoiceSummary, Words
from services.route.companies.directory import Named, Stop, as_text
from services.route.deciding.decision import Decision, Parked, Routed, decide
from services.route.facts import ACCOUNT, DIFFERS, STOPPED, Known
from services.route.waits.steps import steps
from tests.unit.route.sample import BRANCH, KVK, VAT, X_NORTH, X, Y, directory, summary

INVOICE = UUID(int=9)
FIRST = f"company:{X.party_id}"


@pytest.mark.proves("R35")
@pytest.mark.parametrize(
    "invoice",
    [
        summary((KVK, "90004760")),
        summary((KVK, "58070036"), name="Bloemenzaak Smit"),
        summary((KVK, "58070036"), (KVK, "69599084")),
        summary((KVK, "90004760"), (VAT, "NL001234567B01")),
        summary((BRANCH, "000027449173")),
        summary(("text", "2e verdieping")),
        summary(("unread", "1234567")),
        summary(),
    ],
)
def test_every_reason_has_steps_for_the_sender_and_for_the_operator(invoice: InvoiceSummary) -> None:
    decision = decide(invoice, directory(X, Y))
    assert isinstance(decision, Parked)
    found = steps(INVOICE, decision.code, [as_text(key) for key in decision.waits_for])
    assert {"sender", "operator"} <= {who for step in found for who in step.who}
    for step in found:
        assert step.words.nl != step.words.en
        assert step.request is not None
        assert step.command is None or step.command.startswith("postbode ")


@pytest.mark.proves("R30")
def test_what_is_stopped_waits_for_a_word_on_the_party_and_for_another_owner_of_its_numbers() -> None:
    sender = UUID(int=8)
    said = InvoiceValidated(
        invoice_id=INVOICE,
        account_id=sender,
        sequence=1,
        rule_pack="nlcius-2.0",
        original=DocumentRef(document_id=INVOICE, sha256="a" * 64, size=1, media_type="application/xml"),
        summary=summary((KVK, "58070036"), (BRANCH, "000027449173"), ("text", "2e verdieping")),
    )

    def decided(company: Stop, place: Stop) -> Decision:
        stops = {(sender, X.party_id): company, (sender, X_NORTH.party_id): place}
        known = Known(Named(directory(X, X_NORTH), {sender: {X.party_id}}, stops), {}, {}, {}, {})
        return known.decide(new_event(said, source="/test", account=sender)).decision

    stopped = decided(Stop(2, lifted=True), Stop(4, lifted=False))
    assert isinstance(stopped, Parked)
    assert (stopped.code, [as_text(key) for key in stopped.waits_for]) == (
        STOPPED,
        [f"company:{X_NORTH.party_id}", FIRST, f"{KVK}:58070036", f"{BRANCH}:000027449173"],
    )
    goes = decided(Stop(9, lifted=False), Stop(4, lifted=True))
    assert isinstance(goes, Routed)
    assert (goes.receiver.party_id, goes.lifted) == (X_NORTH.party_id, 4)


@pytest.mark.proves("R34")
def test_what_names_a_place_of_business_is_confirmed_for_that_place() -> None:
    invoice = summary((KVK, "58070036"), (BRANCH, "000027449173"), name="Bloemenzaak Smit")
    decision = decide(invoice, directory(X, X_NORTH))
    assert isinstance(decision, Parked)
    keys = [as_text(key) for key in decision.waits_for]
    # A word on either lets it go on, and the first is what a person is asked about.
    assert keys == [f"company:{X_NORTH.party_id}", FIRST, f"{KVK}:58070036", f"{BRANCH}:000027449173"]
    confirm = steps(INVOICE, decision.code, keys)[0]
    assert confirm.command == f"postbode parked release {INVOICE} --to {X_NORTH.party_id}"
    assert confirm.request is not None
    assert str(X_NORTH.party_id) in confirm.request


@pytest.mark.parametrize(
    ("asked", "doubted"),
    [
        (["nl91 abna 0417.1643.00", "NL20 ingb 0001 2345 67"], ["NL20 ingb 0001 2345 67"]),
        (["IBAN: NL91ABNA0417164300", "NL02ABNA0123456789"], ["NL02ABNA0123456789"]),
        (["41 71 643", "NL91ABNA0417164300"], ["41 71 643"]),
    ],
)
def test_an_account_is_doubted_by_what_it_is_and_told_as_it_is_written(
    asked: list[str], doubted: list[str]
) -> None:
    decision = doubted_by(asked)
    for text in (decision.reason.nl, decision.reason.en):
        assert all(each in text for each in doubted)
        assert not any(each in text for each in asked if each not in (*doubted, "NL91ABNA0417164300"))


def doubted_by(asked: Sequence[str], rules: Sequence[str] = (ACCOUNT_DIFFERS,), warnings: int = 1) -> Parked:
    """What is decided of an invoice to be paid into these accounts, of which the PDF names another."""
    said = InvoiceValidated(
        invoice_id=INVOICE,
        account_id=UUID(int=8),
        sequence=1,
        rule_pack="nlcius-2.0",
        original=DocumentRef(document_id=INVOICE, sha256="a" * 64, size=1, media_type="application/xml"),
        summary=summary((KVK, "58070036"), pay_to=tuple(asked)),
        warnings=warnings,
        findings=tuple(
            Finding(rule=rule, severity="warning", message=Words(nl="Let op.", en="Note.")) for rule in rules
        ),
        pdf_accounts=("NL91ABNA0417164300",),
    )
    known = Known(Named(directory(X), {}, {}), {}, {}, {}, {})
    decision = known.decide(new_event(said, source="/test", account=UUID(int=8))).decision
    assert isinstance(decision, Parked)
    assert decision.code == ACCOUNT
    return decision


@pytest.mark.parametrize(
    ("rules", "warnings", "fraud"),
    [
        ((GACCOUNT_UNNAMED,), 1, False),
        ((GACCOUNT_UNNAMED, "BR-NL-29"), 2, False),
        ((GACCOUNT_UNNAMED, ACCOUNT_DIFFERS), 2, True),
        ((GACCOUNT_UNNAMED,), 2, True),
        ((), 1, True),
    ],
    ids=["alone", "beside another warning", "beside another account", "not all are told", "an older fact"],
)
def test_a_g_account_that_the_pdf_leaves_out_is_not_called_fraud(
    rules: tuple[str, ...], warnings: int, fraud: bool
) -> None:
    asked = ["NL91ABNA0417164300", "NL61INGB0417164300"]
    reason = doubted_by(asked, rules, warnings).reason
    for text in (reason.nl, reason.en):
        assert "NL61INGB0417164300" in text
        assert ("fraud" in text) is fraud


def test_a_step_names_the_invoice_and_what_it_waits_for() -> None:
    def commands(code: str, *waits_for: str) -> list[str | None]:
        return [step.command for step in steps(INVOICE, code, waits_for)]

    release, back = f"postbode parked release {INVOICE}", f"postbode parked return {INVOICE}"
    assert commands("unknown-receiver", "0190:1", "0106:90004760") == [
        "postbode parties add --id 0190:1 --name …",
        f"{release} --to …",
        back,
    ]
    assert commands(STOPPED, FIRST, "0106:58070036") == [
        f"{release} --to {X.party_id}",
        f"{release} --to …",
        f"postbode parked retry {INVOICE}",
        back,
    ]
    assert commands("not-corroborated", FIRST, "0106:58070036") == [
        f"{release} --to {X.party_id}",
        None,
        back,
    ]
    assert commands(DIFFERS, f"invoice:{X.party_id}") == [release, back]
    # Its receiver is not in question, so it is let go without choosing one.
    assert commands(ACCOUNT) == [release, back]
    # Whose number is registered already, or beside another company's, is not mended by registering it.
    assert commands("contradiction", "0106:58070036", "0106:69599084") == [f"{release} --to …", back]
    assert commands("no-identifier") == [f"{release} --to …", back]
