"""The key mailbox while the database is away: a sender that is told 5xx gives up, so it must be 451."""

from __future__ import annotations

from typing import Any, cast

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.db.types import Pool
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings
from services.ingest.smtp import KeyMailbox
from services.ingest.store import Kept
from services.ingest.submissions import Submission


class Away:
    """A pool none of whose queries works."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def fetchrow(self, *_: Any) -> None:
        raise self._error


async def not_kept(submission: Submission) -> tuple[Kept, ...]:
    raise AssertionError("there is nothing to keep")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.InterfaceError("closed"),
        asyncpg.InternalClientError("cannot switch to state 15"),
    ],
)
async def test_a_database_that_is_away_puts_the_mail_off(error: Exception) -> None:
    settings = IngestSettings(secret="s" * 32)
    mailbox = KeyMailbox(settings, cast("Pool", Away(error)), vault_of(settings), not_kept)
    answer = await mailbox.handle_RCPT(
        cast("SMTP", None), cast("Session", None), Envelope(), f"abc@{settings.upload_domains[0]}", []
    )
    assert answer.startswith("451 ")
