"""What is said to a mail server, and what each of its answers means for one invoice and for the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.deliver.email.return_paths import ReturnPaths
from services.deliver.parcel import (
    Failed,
    HandedOver,
    Job,
    Lease,
    Loaded,
    NotBegun,
    Outcome,
    Refused,
    Unknown,
)
from tests.unit.deliver.sample import MAIL_FROM, job, loaded
from tests.unit.deliver.scripted import Server, channel, outcomes

PATHS = ReturnPaths("terug.hub.example", b"key")


def to(address: str, **more: object) -> Job:
    return job(settings={"email": address}, **more)  # type: ignore[arg-type]


def several(count: int) -> list[Loaded]:
    return [loaded(to(f"in@r{n}.example")) for n in range(count)]


async def test_a_mail_takes_two_round_trips_where_the_server_takes_commands_together() -> None:
    server = Server()
    (outcome,) = await outcomes(channel(server), loaded(job()))
    assert outcome == HandedOver("250 2.0.0 Kept")
    assert [each[:4] for each in server.commands] == ["MAIL", "RCPT", "DATA", "QUIT"]
    # The commands, the text, the goodbye.
    assert server.writes == 3


async def test_and_four_where_it_does_not() -> None:
    server = Server(extensions={})
    assert await outcomes(channel(server), loaded(job())) == [HandedOver("250 2.0.0 Kept")]
    assert server.writes == 5
    assert server.commands[0] == f"MAIL FROM:<{MAIL_FROM}>"


async def test_many_mails_go_over_one_connection() -> None:
    server = Server()
    assert len(await outcomes(channel(server, most=1), *several(12))) == 12
    assert (server.sessions, len(server.texts)) == (1, 12)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("goes_on", ["354 Go on", "503 5.5.1 Nobody to send it to"])
async def test_a_recipient_refused_among_several_hurts_no_other(together: bool, goes_on: str) -> None:
    """Also where the server would take a text for nobody: what comes next must not be taken for one."""
    server = Server(extensions={"pipelining": ""} if together else {})
    refused = False

    def hears(command: str) -> str | None:
        nonlocal refused
        if command.startswith("RCPT"):
            refused = "r1.example" in command
            return "550 5.1.1 No such user" if refused else None
        return goes_on if command == "DATA" and refused else None

    server.hears = hears
    said = await outcomes(channel(server, most=1), *several(3))
    assert [type(each) for each in said] == [HandedOver, Refused, HandedOver]
    assert isinstance(said[1], Refused)
    assert said[1].code == "mail-refused"
    assert len(server.texts) == 2
    assert all(b"MAIL FROM" not in text for text in server.texts)


@pytest.mark.proves("R56")
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("command", "answer", "means"),
    [
        ("MAIL", "451 4.3.0 Try later", Failed("mail-relay", "451 4.3.0 Try later")),
        (
            "MAIL",
            "530 5.7.0 Must issue STARTTLS first",
            Failed("mail-relay", "530 5.7.0 Must issue STARTTLS first"),
        ),
        (
            "RCPT",
            "450 4.2.0 Greylisted, come back",
            Failed("mail-deferred", "450 4.2.0 Greylisted, come back"),
        ),
        ("RCPT", "421 4.3.2 Closing", Failed("mail-deferred", "421 4.3.2 Closing")),
        ("RCPT", "550 5.1.1 No such user", "mail-refused"),
        ("DATA", "451 4.3.0 Disk", Failed("mail-deferred", "451 4.3.0 Disk")),
        (".", "452 4.3.1 Full", Failed("mail-deferred", "452 4.3.1 Full")),
        (".", "554 5.7.1 Spam", "mail-refused"),
        (".", "552 5.3.4 Too big", "mail-too-large"),
        (".", "421 4.3.2 Closing", Failed("mail-deferred", "421 4.3.2 Closing")),
        ("RCPT", None, Failed("mail-relay", "ConnectionResetError: the server hung up")),
        (".", None, Unknown("ConnectionResetError: the server hung up")),
        ("MAIL", "what?", Failed("mail-relay", "Garbled: this is no reply: b'what?\\r'")),
        (".", "what?", Unknown("Garbled: this is no reply: b'what?\\r'")),
    ],
)
async def test_every_answer_has_its_meaning(
    command: str, answer: str | None, means: Outcome | str, together: bool
) -> None:
    server = Server(extensions={"pipelining": ""} if together else {}, answers={command: answer})
    (said,) = await outcomes(channel(server), loaded(job()))
    if isinstance(means, str):
        assert isinstance(said, Refused)
        assert (said.code, said.detail) == (means, answer)
    else:
        assert said == means
    # Surely not taken, or nobody knows: it is never the first when the text was out and unanswered.
    assert isinstance(said, Unknown) == (command == "." and answer in (None, "what?"))


async def test_an_answer_that_never_comes_is_unknown_only_after_the_text() -> None:
    silent = Server(seconds=0.05, answers={".": ""})
    said = await outcomes(channel(silent), loaded(job()))
    assert isinstance(said[0], Unknown)


@pytest.mark.proves("R65")
async def test_what_is_larger_than_the_server_takes_is_known_before_it_is_sent() -> None:
    server = Server(extensions={"size": "1000", "pipelining": ""})
    large, small = await outcomes(channel(server), loaded(job(), pdf=b"%PDF" * 400), loaded(job(), pdf=None))
    assert isinstance(large, Refused)
    assert large.code == "mail-too-large"
    assert "0.0 MB" in large.reason.nl
    assert not [each for each in server.commands if each.startswith("MAIL")]
    assert isinstance(small, Refused)
    server.extensions["size"] = "100000"
    assert await outcomes(channel(server), loaded(job())) == [HandedOver("250 2.0.0 Kept")]
    server.extensions["size"] = "0"  # no limit that it knows of (RFC 1870)
    assert await outcomes(channel(server), loaded(job())) == [HandedOver("250 2.0.0 Kept")]


async def test_the_return_path_is_the_deliverys_own_and_its_fate_is_asked_for() -> None:
    server = Server()
    of = to("in+facturen=nl@dejong.example")
    await outcomes(channel(server, paths=PATHS), loaded(of))
    sender = PATHS.of(of.delivery_id, of.number)
    assert server.commands[0].startswith(f"MAIL FROM:<{sender}> SIZE=")
    assert server.commands[0].endswith(f" RET=HDRS ENVID={of.delivery_id}")
    assert server.commands[1] == (
        "RCPT TO:<in+facturen=nl@dejong.example> NOTIFY=SUCCESS,FAILURE,DELAY"
        " ORCPT=rfc822;in+2Bfacturen+3Dnl@dejong.example"
    )
    server.extensions = {}
    await outcomes(channel(server, paths=PATHS), loaded(of))
    assert server.commands[-3] == "RCPT TO:<in+facturen=nl@dejong.example>"


@pytest.mark.parametrize(
    "evil", ["in@x.example>\r\nRCPT TO:<all@x.example", "in@x.example\nBcc: all@x.example", "x"]
)
async def test_an_address_that_was_changed_since_it_was_looked_at_reaches_no_server(evil: str) -> None:
    server = Server()
    (said,) = await outcomes(channel(server), loaded(replace(to("in@x.example"), parcel=to(evil).parcel)))
    assert isinstance(said, Refused)
    assert said.code == "bad-address"
    assert server.commands == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("meanwhile", ["MAIL", "RCPT", "DATA"])
async def test_a_lease_that_ends_before_the_text_sends_nothing(meanwhile: str, together: bool) -> None:
    """Whatever the server thought about, the look is right before the text; and what waits for one gets no other mail."""
    now = 0.0
    lease = Lease(1.0, time=lambda: now)
    server = Server(extensions={"pipelining": ""} if together else {})

    def hears(command: str) -> None:
        nonlocal now
        now = 2.0 if command.startswith(meanwhile) else now

    server.hears = hears
    late, another = loaded(job(lease=lease)), loaded(job())
    said = await outcomes(channel(server, most=1), late, another)
    assert said == [NotBegun("the lease ran out"), HandedOver("250 2.0.0 Kept")]
    assert len(server.texts) == 1
    assert another.job.delivery_id.hex.encode() in server.texts[0]


async def test_dots_at_the_beginning_of_a_line_stay_and_what_was_sent_came() -> None:
    server = Server()
    wire = server.connect()
    wire.connection_made(None)  # type: ignore[arg-type]
    await wire.ask(b"DATA")
    await wire.text(b"one\r\n.\r\n..two\r\n")
    assert server.texts == [b"one\r\n.\r\n..two\r\n"]


async def test_a_goodbye_nobody_asked_for_is_no_answer_to_the_next_mail() -> None:
    server = Server()
    wire = server.connect()
    assert wire.idle
    wire.data_received(b"421 4.4.2 You took too long\r\n")
    assert not wire.idle


async def test_no_command_is_two() -> None:
    wire = Server().connect()
    with pytest.raises(ValueError, match="control character"):
        await wire.ask(b"RSET\r\nQUIT")


async def test_endless_replies_end() -> None:
    server = Server()
    wire = server.connect()
    wire.data_received(b"250-more\r\n" * 5000)
    with pytest.raises(ConnectionError):
        await wire.ask(b"RSET")
