"""The mails to the sender: what is told, in which words, and what strangers cannot put into them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args
from uuid import UUID

import pytest

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceFact
from libs.contracts.parts import Words
from services.track import facts, letter, listing
from services.track.letter import Letter
from services.track.listing import List
from services.track.notices import Kind, notice_of, notices_of
from services.track.status import NOTHING, apply_all, show
from tests.unit.track.sample import LINE_12, Journey

ACCOUNT = UUID(int=42)
NOTICE = UUID(int=77)


def make(event: Event, *before: Event, language: Literal["nl", "en"] = "nl", repeat: bool = False) -> Letter:
    assert isinstance(event.data, InvoiceFact)
    notice = notice_of(event.id, event.data)
    assert notice is not None
    read = [fact for fact in map(facts.read, (*before, event)) if fact is not None]
    return Letter(
        notice_id=NOTICE,
        kind=notice.kind,
        data=event.data,
        shown=show(apply_all(NOTHING, read)),
        name="Bakkerij Bos",
        address="info@bos.example",
        language=language,
        link="https://hub.example/invoices/1",
        repeat=repeat,
    )


@pytest.mark.proves("R30", "R56")
@pytest.mark.parametrize("language", ["nl", "en"])
def test_after_a_wrong_delivery_both_sides_are_told(language: Literal["nl", "en"]) -> None:
    j = Journey(ACCOUNT)
    before, event = (j.received(), j.routed(), j.handed_over()), j.recalled("F1", "F2")
    assert isinstance(event.data, InvoiceFact)
    own, theirs = notices_of(event.id, event.data)
    assert (own.kind, own.to, theirs.kind) == ("recalled", None, "not-theirs")
    assert theirs.to is not None
    assert theirs.to.name is not None
    assert theirs.topic != own.topic
    mail = make(event, *before, language=language)
    assert "Aannemer De Jong BV" in letter.text(mail)
    text = letter.text(replace(mail, kind=theirs.kind, name=theirs.to.name))
    assert "F1, F2" in text
    assert "Bakkerij Bos" in text
    assert "hub.example" not in text, "it may not see the invoice"
    assert [each.kind for each in notices_of(event.id, j.recalled().data)] == ["recalled"]  # type: ignore[arg-type]


@pytest.mark.proves("R56")
def test_a_rejection_in_dutch() -> None:
    j = Journey(ACCOUNT)
    text = letter.text(make(j.rejected(LINE_12, fatals=3), j.received()))
    assert (
        text
        == """\
Goedendag Bakkerij Bos,

Uw factuur F1 van 2-11-2026 voor De Jong is afgekeurd. De ontvanger heeft haar niet gekregen.

Wat er aan de hand is
---------------------
1. Regel 12: Het totaal klopt niet.
   Gelezen: 121.01
   Verwacht: 121.00
   Kijk naar de afronding van de btw.
   (BR-CO-15)
Er zijn nog 2 andere fouten; u ziet ze als u de verbeterde factuur opnieuw stuurt.

Wat u nu doet
-------------
Verbeter de factuur in uw eigen programma en stuur haar opnieuw. Dat mag onder hetzelfde nummer: voor ons is \
het een nieuwe factuur.

Alles over deze factuur: https://hub.example/invoices/1

Met vriendelijke groet,
Postbode

Dit bericht is automatisch verstuurd; antwoorden worden niet gelezen.
"""
    )


@pytest.mark.proves("R24")
def test_a_lone_pdf_in_english() -> None:
    made = make(Journey(ACCOUNT).quarantined(), language="en")
    assert letter.subject(made) == "Not accepted: the file “loose.pdf”"
    text = letter.text(made)
    assert "You sent us the file “loose.pdf”. We cannot take that as an invoice" in text
    assert "A PDF on its own is not an e-invoice." in text
    assert "Send the invoice again as an XML file" in text


@pytest.mark.proves("R35")
def test_parked_says_that_the_kvk_number_is_missing_and_where_to_find_it() -> None:
    text = letter.text(make(Journey(ACCOUNT).parked()))
    assert "Het KvK-nummer van de klant ontbreekt: zoek het op bij de Kamer van Koophandel" in text
    assert "U hoeft de factuur niet opnieuw te sturen als er niets aan verandert" in text


@pytest.mark.proves("R48b")
@pytest.mark.parametrize("language", ["nl", "en"])
def test_undeliverable_names_the_receiver_and_the_reason(language: Literal["nl", "en"]) -> None:
    j = Journey(ACCOUNT)
    text = letter.text(make(j.undeliverable(), j.validated(), j.routed(), language=language))
    assert "Aannemer De Jong BV" in text
    assert {"nl": "Dit e-mailadres bestaat niet.", "en": "This e-mail address does not exist."}[
        language
    ] in text


@pytest.mark.parametrize(
    "kind", ["rejected", "quarantined", "parked", "delivery_parked", "returned", "undeliverable"]
)
@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("repeat", [False, True])
def test_every_letter_is_whole(kind: str, language: Literal["nl", "en"], repeat: bool) -> None:
    text = letter.text(make(getattr(Journey(ACCOUNT), kind)(), language=language, repeat=repeat))
    assert "\n\n\n" not in text
    assert text.endswith("read.\n" if language == "en" else "gelezen.\n")
    assert ("twee keer" in text or "twice" in text) is repeat
    assert "https://hub.example/invoices/1" in text


@pytest.mark.proves("R56")
def test_a_question_or_a_rejection_of_the_receiver_is_mailed_and_that_it_accepts_is_not() -> None:
    j = Journey(ACCOUNT)
    asked = make(j.answered("queried", "PRI", "Regel 3: € 12,50\nBcc: x"), j.received(), j.routed())
    assert letter.subject(asked) == "Antwoord van uw klant: factuur F1"
    assert "heeft een vraag over de factuur. Het gaat om: prijzen. „Regel 3: € 12,50 Bcc: x”" in letter.text(
        asked
    )
    rejected = make(j.answered("rejected", None, "not ordered"), j.received(), j.routed(), language="en")
    assert "rejects the invoice and does not pay it so. “not ordered”" in letter.text(rejected)
    assert "send a credit note" in letter.text(rejected)
    for text in (letter.text(asked), letter.text(rejected)):
        assert "\n\n\n" not in text
    accepted = j.answered("accepted")
    assert isinstance(accepted.data, InvoiceFact)
    assert notice_of(accepted.id, accepted.data) is None
    # Each word is told, and only the last while it stands.
    topics = set()
    for event in (j.answered("queried", said="a"), j.answered("queried", said="b")):
        (told,) = notices_of(event.id, event.data)  # type: ignore[arg-type]
        topics.add(told.topic)
    assert len(topics) == 2


def test_good_news_is_not_mailed_and_what_came_by_mail_is_receipted() -> None:
    j = Journey(ACCOUNT)
    for event in (j.received(), j.validated(), j.routed(), j.handed_over(), j.confirmed()):
        assert isinstance(event.data, InvoiceFact)
        assert notice_of(event.id, event.data) is None
    kinds = [
        [each.kind for each in notices_of(event.id, event.data)]  # type: ignore[arg-type]
        for event in (j.received("mail"), j.duplicate(), j.received("mail", reply_to="a@b.example"))
    ]
    assert kinds == [["receipt"], ["repeat"], ["receipt", "receipt"]]
    for event in (j.received("mail", silent=True), j.duplicate(silent=True, reply_to="a@b.example")):
        assert notices_of(event.id, event.data) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["receipt", "repeat"])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_receipt_names_the_file_and_asks_for_nothing(kind: str, language: Literal["nl", "en"]) -> None:
    j = Journey(ACCOUNT)
    first = j.received("mail")
    text = letter.text(make(first if kind == "receipt" else j.duplicate(), first, language=language))
    assert "F1.xml" in text
    assert ("0" * 64 in text) is (kind == "receipt")
    assert {"nl": "U hoeft niets te doen.", "en": "Nothing. The portal"}[language] in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_list_reads_well(language: Literal["nl", "en"]) -> None:
    j = Journey(ACCOUNT, number="F1\r\nBcc: x@y.example")
    shown = make(j.undeliverable(), j.validated(), j.routed()).shown
    told = [
        listing.Told(kind, j.invoice_id, shown, Words(nl="Kan niet.", en="Cannot be done."))
        for kind in listing.TITLES
    ]
    many = List(NOTICE, told, 0, "Bakkerij Bos", "info@bos.example", language, "https://hub.example")
    text = listing.text(many)
    assert "\n\n\n" not in text
    assert "\nBcc" not in text
    expected = {
        "nl": f"""Niet bezorgd (1)
----------------
* factuur F1 Bcc: x@y.example van 2-11-2026
  Kan niet.
  https://hub.example/invoices/{j.invoice_id}

Vraag uw klant of het adres nog klopt en of de ontvangst aanstaat""",
        "en": f"""Not delivered (1)
-----------------
* invoice F1 Bcc: x@y.example of 2026-11-02
  Cannot be done.
  https://hub.example/invoices/{j.invoice_id}

Ask your customer whether the address is still right""",
    }
    assert expected[language] in text
    assert listing.text(replace(many, repeat=True, more=7)).count("\n\n\n") == 0
    # Every kind there is has its place in a list, but what a stranger is told.
    assert {*listing.TITLES, "not-theirs"} == set(get_args(Kind))


def test_one_topic_per_refusal_and_per_reason_to_wait() -> None:
    j = Journey(ACCOUNT)
    events = [j.parked("a"), j.parked("a"), j.parked("b"), j.rejected(), j.rejected()]
    events += [j.undeliverable("smtp", UUID(int=1)), j.undeliverable("smtp", UUID(int=2))]
    events += [j.delivery_parked("smtp"), j.delivery_parked("smtp"), j.delivery_parked("folder")]
    topics = [notice_of(e.id, e.data).topic for e in events]  # type: ignore[arg-type, union-attr]
    assert topics[0] == topics[1]
    assert topics[-3] == topics[-2]
    assert len(set(topics)) == len(topics) - 2


def test_the_mail_has_a_stable_name_and_says_that_a_machine_wrote_it() -> None:
    made = make(Journey(ACCOUNT).rejected())
    one = letter.write(made, "noreply@hub.example")
    again = letter.write(replace(made, repeat=True), "noreply@hub.example")
    assert one["Message-ID"] == again["Message-ID"] == f"<notice.{NOTICE}@hub.example>"
    assert one["Auto-Submitted"] == "auto-generated"
    assert (one["Postbode-Repeat"], again["Postbode-Repeat"]) == (None, "possible")


def test_an_invoice_cannot_write_headers_or_lines() -> None:
    evil = "F1\r\nBcc: victim@example.com\u2028\x1b[31m" + "x" * 5000
    message = letter.write(make(Journey(ACCOUNT, number=evil).rejected()), "noreply@hub.example")
    assert message["Bcc"] is None
    assert len(str(message["Subject"])) < 500
    assert not any(line.startswith("Bcc") for line in message.get_content().splitlines())
    assert "\x1b" not in message.get_content()


@pytest.mark.parametrize("address", ["a@b.example\nBcc: c@d.example", "a@b.example\r\n\r\nhello"])
def test_an_address_that_is_none_is_an_error(address: str) -> None:
    with pytest.raises(ValueError):
        letter.write(replace(make(Journey(ACCOUNT).rejected()), address=address), "noreply@hub.example")


def test_a_file_without_a_name_and_an_invoice_without_a_number_are_still_spoken_of() -> None:
    assert "een bijlage" in letter.text(make(Journey(ACCOUNT).quarantined(filename=None)))
    j = Journey(ACCOUNT)
    j.summary = j.summary.model_copy(update={"number": None})
    assert "Uw factuur „F1.xml” is afgekeurd" in letter.text(make(j.rejected(), j.received()))
