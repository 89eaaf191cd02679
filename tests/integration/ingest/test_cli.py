"""``postbode account``, with the database at hand."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from services import cli

NOBODY = "01a1fc1b-8bf5-7cec-8c81-e1767357795a"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(("account", *arguments))
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out.strip(), said.err


async def address_of(database: DatabaseSettings, account_id: str) -> object:
    """As it is given to whoever signs an eExact file."""
    pools = Pools(database)
    try:
        async with tenant(await pools.get("ingest", "api"), UUID(account_id)) as conn:
            return await conn.fetchval("SELECT address FROM account")
    finally:
        await pools.close()


def test_from_account_to_key_and_mailbox(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    code, account, _ = run(capsys, "open", "--name", "Bakker", "--email", "a@bakker.example")
    assert code == 0
    code, whole, _ = run(
        capsys, "open", "--name", "Globe BV", "--email", "a@globe.example", "--iban", "NL91ABNA0417164300",
        "--street", "Kade 1", "--post-code", "2611 AA", "--city", "Delft",
    )  # fmt: skip
    assert code == 0
    assert asyncio.run(address_of(database, whole)) == {
        "street": "Kade 1", "post_code": "2611 AA", "city": "Delft", "country": "NL",
    }  # fmt: skip
    code, _, words = run(
        capsys, "open", "--name", "B", "--email", "b@b.example", "--city", "Delft", "--country", "nl"
    )
    assert code == 2
    for option in ("--street", "--post-code", "--country"):
        assert option in words
    code, key, _ = run(capsys, "key", account, "--scope", "operator", "--scope", "invoice:read")
    assert (code, key[:8]) == (0, "pb_live_")
    code, address, _ = run(capsys, "mailbox", account)
    assert (code, "@uploads" in address) == (0, True)
    assert run(capsys, "pdf", account, "--loose")[:2] == (0, "true")
    for command in ("key", "mailbox", "pdf"):
        code, _, words = run(capsys, command, NOBODY)
        assert code == 1
        assert words == f"postbode account: there is no account {NOBODY}: `postbode account open` makes one\n"
