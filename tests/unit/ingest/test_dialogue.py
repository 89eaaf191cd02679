"""What is said to a mail server, word for word: who is let in, what is too much, and where a mail ends."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from libs import clock
from libs.errors import TooMany, Unavailable
from libs.testing import builders
from services.ingest.mailbox import dialogue
from services.ingest.mailbox.certificate import Certificate
from services.ingest.mailbox.dialogue import Room, Text
from tests.unit.ingest.postbox import DOMAIN, ONE, TWO, Boxes, line, office

XML = b"Content-Type: application/xml\r\n\r\n" + builders.invoice(number="F1").replace(b"\n", b"\r\n")


@pytest.mark.proves("SA4", "R18")
async def test_an_unknown_mailbox_is_refused_in_the_dialogue_and_a_guesser_shown_out() -> None:
    boxes = Boxes()
    async with office(boxes) as at, line(at.smtp) as sender:
        said = await sender.mail(XML, "nobody")
        assert said.startswith("550 5.1.1 ")
        assert (await sender.say("DATA")).startswith("503 ")
        assert (await sender.say(f"RCPT TO:<x@other.{DOMAIN}>")).startswith("550 5.1.2 ")
    assert boxes.kept == []


async def test_who_names_many_strangers_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.mailbox.smtp.STRANGERS", 2)
    async with office(Boxes()) as at, line(at.smtp) as sender:
        await sender.say("MAIL FROM:<a@b.example>")
        assert [(await sender.say(f"RCPT TO:<{n}@{DOMAIN}>"))[:3] for n in range(3)] == ["550", "421", ""]


@pytest.mark.proves("R13")
async def test_several_domains_work_at_once_in_any_case() -> None:
    boxes = Boxes()
    async with office(boxes, upload_domains=("a.example", "b.example")) as at, line(at.smtp) as sender:
        await sender.say("MAIL FROM:<a@b.example>")
        for address in ("one@a.example", "ONE@B.Example"):
            assert (await sender.say(f"RCPT TO:<{address}>")).startswith("250 ")
        await sender.say("DATA")
        assert (await sender.say(XML + b"\r\n.")).startswith("250 ")
    assert [each.account_id for each in boxes.kept] == [ONE], "one account, one submission"


async def test_over_size_is_552_announced_or_not_and_the_connection_goes_on() -> None:
    boxes = Boxes()
    async with office(boxes, max_submission_bytes=5000) as at, line(at.smtp) as sender:
        assert (await sender.say("MAIL FROM:<a@b.example> SIZE=5001")).startswith("552 ")
        exactly = b"Subject: x\r\n\r\n" + b"y" * (5000 - 16)
        assert (await sender.mail(exactly)).startswith("250 ")
        assert (await sender.mail(exactly + b"y")).startswith("552 ")
        assert (await sender.mail(b"a" * 11_000)).startswith("552 ")
        assert (await sender.mail(XML[:4000])).startswith("250 ")
        # Who does not stop is not read for ever.
        await sender.say("MAIL FROM:<a@b.example>", f"RCPT TO:<one@{DOMAIN}>", "DATA")
        assert (await sender.say(b"a" * 30_000)).startswith("421 ")
        assert await sender.say("NOOP") == ""
    assert len(boxes.kept) == 2


@pytest.mark.parametrize(
    "text",
    [b"a: b\r\n\r\nx\ny", b"a: b\r\n\r\nx\ry", b"a: b\r\n\r\nx\x00y", b"a: b\r\n\r\nx\n.\r\ny", b"x\r\n.\ny"],
)
async def test_bare_line_ends_and_nul_are_refused(text: bytes) -> None:
    boxes = Boxes()
    async with office(boxes) as at, line(at.smtp) as sender:
        assert (await sender.mail(text)).startswith("550 5.6.0 ")
    assert boxes.kept == []


FALSE_ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\n\n.\r\n\n",
    b"\r\n\x00.\r\n",
]


@pytest.mark.parametrize("end", FALSE_ENDS)
async def test_no_false_end_makes_two_mails_of_one(end: bytes) -> None:
    second = f"MAIL FROM:<x@y.example>\r\nRCPT TO:<two@{DOMAIN}>\r\nDATA\r\n".encode()
    boxes = Boxes()
    async with office(boxes) as at, line(at.smtp) as sender:
        said = await sender.mail(XML + end + second + XML)
        assert said.startswith("550 5.6.0 "), said
        assert (await sender.say("NOOP")).startswith("250 ")
    assert boxes.kept == []


async def test_what_follows_a_mail_before_its_answer_is_not_believed() -> None:
    boxes = Boxes()
    async with office(boxes) as at, line(at.smtp) as sender:
        said = await sender.mail(XML + b"\r\n.\r\nMAIL FROM:<x@y.example>")
        assert said.startswith("503 5.5.1 ")
        assert (await sender.say("NOOP")).startswith("250 ")
    assert boxes.kept == []


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 1000])
def test_an_end_is_found_however_it_is_cut(size: int) -> None:
    whole = b"a: b\r\n\r\n..dots\r\n.one\r\n.\r\r\n\r\n.\r\n"
    text = Text(1000, Room(connections=1, each=1, most_bytes=1000))
    for at in range(0, len(whole), size):
        assert not text.whole
        assert text.add(whole[at : at + size])
    assert text.whole
    assert text.content() == b"a: b\r\n\r\n.dots\r\none\r\n\r\r\n\r\n"


def test_an_empty_mail_ends_too() -> None:
    text = Text(1000, Room(connections=1, each=1, most_bytes=1000))
    assert text.add(b".\r\n")
    assert (text.whole, text.content(), text.refusal) == (True, b"", None)


async def test_a_line_of_any_length_is_taken() -> None:
    head, _, body = XML.partition(b"\r\n\r\n")
    boxes = Boxes()
    async with office(boxes) as at, line(at.smtp) as sender:
        assert (await sender.mail(head + b"\r\n\r\n" + body.replace(b"\r\n", b" "))).startswith("250 ")
    assert boxes.kept[0].items[0].upload is not None


async def test_connections_have_an_end_and_come_free_again() -> None:
    async with office(Boxes(), smtp_connections=2, smtp_connections_each=2) as at:
        async with line(at.smtp), line(at.smtp):
            reader, writer = await asyncio.open_connection("127.0.0.1", at.smtp)
            assert (await reader.readline()).startswith(b"421 4.3.2 ")
            assert await reader.read() == b""
            writer.close()
            async with line(at.lmtp, "LHLO mta.example") as other:
                assert (await other.say("NOOP")).startswith("250 ")
        async with asyncio.timeout(10):
            while True:
                async with line(at.smtp) as again:
                    if (await again.say("NOOP")).startswith("250 "):
                        break


async def test_mails_under_way_have_an_end_together() -> None:
    room = Room(connections=1, each=1, most_bytes=1000)
    one, other = Text(5000, room), Text(5000, room)
    assert one.add(b"x" * 600)
    assert not other.add(b"x" * 600)
    one.let_go()
    assert other.add(b"x" * 600)
    boxes = Boxes()
    async with office(boxes, smtp_held_bytes=100_000) as at:
        async with line(at.smtp) as sender:
            assert (await sender.mail(b"y" * 1_000_000))[:3] in ("421", "")
        async with line(at.smtp) as sender:
            assert (await sender.mail(XML)).startswith("250 ")
    assert len(boxes.kept) == 1


async def test_an_account_over_its_limit_is_put_off_and_others_are_not() -> None:
    boxes = Boxes(not_now={ONE: TooMany()})
    async with office(boxes) as at, line(at.smtp) as sender:
        assert (await sender.mail(XML, "one")).startswith("451 4.7.1 ")
        await sender.say("RSET")
        assert (await sender.mail(XML, "two")).startswith("250 ")
        boxes.not_now = {ONE: Unavailable()}
        assert (await sender.mail(XML, "two", "one")).startswith("451 ")
    assert [each.account_id for each in boxes.kept] == [TWO]


async def test_behind_a_mail_server_each_recipient_has_its_own_answer() -> None:
    boxes = Boxes()
    async with office(boxes) as at, line(at.lmtp, "LHLO mta.example") as mta:
        assert (await mta.say("EHLO mta.example")).startswith("500 ")
        await mta.say("MAIL FROM:<a@b.example>")
        for to, code in (("one", "250"), ("nobody", "550"), ("two", "250")):
            assert (await mta.say(f"RCPT TO:<{to}@{DOMAIN}>")).startswith(code)
        boxes.refuse = [Unavailable()]
        await mta.say("DATA")
        first = await mta.say(XML + b"\r\n.")
        assert (first[:3], (await mta.hear())[:3]) == ("451", "250")
        assert len(boxes.kept) == 1
        # What is refused before anybody is asked is refused for each as well.
        await mta.say("MAIL FROM:<a@b.example>", f"RCPT TO:<one@{DOMAIN}>", f"RCPT TO:<two@{DOMAIN}>", "DATA")
        assert (await mta.say(b"a\nb\r\n."))[:3] == (await mta.hear())[:3] == "550"
        assert (await mta.say("NOOP"))[:3] == "250"


async def test_over_smtp_one_that_is_not_stored_puts_off_all() -> None:
    boxes = Boxes()
    async with office(boxes) as at, line(at.smtp) as sender:
        boxes.refuse = [Unavailable()]
        assert (await sender.mail(XML, "one", "two")).startswith("451 ")
        assert (await sender.mail(XML, "one", "two")).startswith("250 ")
    assert sorted(each.account_id.int for each in boxes.kept) == [1, 2, 2]


async def test_a_fault_of_ours_puts_the_mail_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: Text) -> bytes:
        raise KeyError("a fault")

    async with office(Boxes()) as at, line(at.smtp) as sender:
        monkeypatch.setattr(dialogue.Text, "content", never)
        assert (await sender.mail(XML)).startswith("451 ")


def pem(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


async def shown(port: int) -> str:
    """Whose certificate is shown; the mail goes through it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with line(port) as sender:
        await sender.say("STARTTLS")
        await sender.writer.start_tls(context)
        assert "AUTH" not in await sender.say("EHLO client.example")
        assert (await sender.mail(XML)).startswith("250 ")
        der = sender.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(der).subject.rfc4514_string()


async def over_tls(folder: Path) -> None:
    boxes = Boxes()
    path = pem(folder, "first")
    async with office(boxes, smtp_certificate=str(path), smtp_require_tls=True) as at:
        async with line(at.smtp) as plain:
            assert (await plain.say("MAIL FROM:<a@b.example>")).startswith("530 ")
        assert await shown(at.smtp) == "CN=first"
        path.write_bytes(b"half a certif")
        assert await shown(at.smtp) == "CN=first"
        pem(folder, "second").replace(path)
        assert await shown(at.smtp) == "CN=second"
    assert len(boxes.kept) == 3


def test_starttls_on_the_loop_of_production_with_a_certificate_that_is_renewed(tmp_path: Path) -> None:
    uvloop.run(over_tls(tmp_path))


def test_a_certificate_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Certificate(str(tmp_path / "nowhere.pem"), "")
