"""TLS to mail servers that offer it, refuse it, break it, or are somebody else; and servers of single domains."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from libs.testing.certificates import pem
from tests.integration.deliver.stage import Sink, Stage, until
from tests.unit.deliver.sample import receiver


def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


class Refusing(SMTP):
    async def smtp_STARTTLS(self, arg: str) -> None:
        await self.push("454 4.7.0 TLS not available due to temporary reason")


class Breaking(SMTP):
    async def smtp_STARTTLS(self, arg: str) -> None:
        await self.push("220 2.0.0 Ready to start TLS")
        await self.push("this is no handshake")
        assert self.transport is not None
        self.transport.close()


async def speaking(stage: Stage, kind: type[SMTP], certificate: Path | None) -> None:
    """The mail server is of this kind from now on, and offers TLS where it has a certificate."""
    offers: dict[str, Any] = {} if certificate is None else {"tls_context": context(certificate)}
    await stage.sink.stop()
    stage.sink.speaks = functools.partial(kind, ident="sink", **offers)
    await stage.sink.start()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For 127.0.0.1; no system trusts it."""
    return pem(tmp_path, "localhost", also=("127.0.0.1",))


async def failed(stage: Stage) -> str:
    """What the attempt that failed was told; nothing was sent, and it is tried again."""
    assert stage.sink.mails == []
    assert await stage.states() == ["queued"]
    row = await stage.worker.fetchrow("SELECT outcome, code, detail FROM attempt")
    assert row is not None
    assert (row["outcome"], row["code"]) == ("failed", "mail-relay")
    return str(row["detail"])


async def test_what_is_offered_is_used_whoever_it_is(stage: Stage, certificate: Path) -> None:
    await speaking(stage, SMTP, certificate)
    await stage.send(receiver())
    await stage.dispatcher().dispatch()
    assert stage.sink.encrypted == [True]


@pytest.mark.parametrize("kind", [Refusing, Breaking])
async def test_refused_it_goes_unencrypted_where_that_is_allowed(
    stage: Stage, certificate: Path, kind: type[SMTP]
) -> None:
    await speaking(stage, kind, certificate)
    await stage.send(receiver())
    await stage.dispatcher().dispatch()
    assert stage.sink.encrypted == [False]
    assert await stage.attempts() == [(1, "handed_over")]


@pytest.mark.parametrize("offered", [True, False])
async def test_no_password_goes_unencrypted(stage: Stage, certificate: Path, offered: bool) -> None:
    await speaking(stage, Refusing, certificate if offered else None)
    await stage.send(receiver())
    await stage.dispatcher(smtp_username="hub", smtp_password="secret").dispatch()
    said = await failed(stage)
    assert ("454" if offered else "not supported") in said
    assert "secret" not in said


NOT_TRUSTED: dict[str, Callable[[Path], Path | None]] = {
    "not offered": lambda folder: None,
    "signed by nobody": lambda folder: pem(folder, "nobody", also=("127.0.0.1",)),
    "of somebody else": lambda folder: pem(folder, "else", also=("127.0.0.9",)),
}


@pytest.mark.parametrize("what", NOT_TRUSTED)
async def test_where_it_must_hold_nothing_goes_until_it_does(
    stage: Stage, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    other = NOT_TRUSTED[what](tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(other if what == "of somebody else" else certificate))
    await speaking(stage, SMTP, other)
    await stage.send(receiver())
    dispatcher = stage.dispatcher(smtp_tls="verified")
    await dispatcher.dispatch()
    assert await failed(stage)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    await speaking(stage, SMTP, certificate)
    dispatcher = stage.dispatcher(smtp_tls="verified")
    await stage.make_due()
    await dispatcher.dispatch()
    assert stage.sink.encrypted == [True]


async def test_a_domain_may_have_a_server_of_its_own_that_hangs_alone(stage: Stage) -> None:
    """One connection to each: the relay's is free while the other's waits for an answer that does not come."""
    release = asyncio.Event()

    async def hang(_: EmailMessage) -> None:
        await release.wait()

    own = Sink(on_mail=hang)
    await own.start()
    await stage.send(receiver("Eigen", email="in@Eigen.example"))
    await stage.send(receiver())
    servers = {"EIGEN.example": f"127.0.0.1:{own.port}"}
    dispatcher = stage.dispatcher(smtp_servers=servers, mail_connections=1, mail_connections_slow=0)
    dispatching = asyncio.create_task(dispatcher.dispatch())
    await until(lambda: _in(stage, ["attempting", "handed_over"]))
    release.set()
    await dispatching
    await own.stop()
    assert await stage.states() == ["handed_over"] * 2
    assert [mail["To"] for mail in own.mails] == ["in@Eigen.example"]
    assert [mail["To"] for mail in stage.sink.mails] == ["in@dejong.example"]


async def _in(stage: Stage, states: list[str]) -> bool:
    return await stage.states() == states
