"""``postbode account``, with the database at hand."""

from __future__ import annotations

import pytest

from libs.db.settings import DatabaseSettings
from services import cli

NOBODY = "01a1fc1b-8bf5-7cec-8c81-e1767357795a"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(("account", *arguments))
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out.strip(), said.err


def test_from_account_to_key_and_mailbox(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    code, account, _ = run(capsys, "open", "--name", "Bakker", "--email", "a@bakker.example")
    assert code == 0
    code, key, _ = run(capsys, "key", account, "--scope", "operator", "--scope", "invoice:read")
    assert (code, key[:8]) == (0, "pb_live_")
    code, address, _ = run(capsys, "mailbox", account)
    assert (code, "@uploads" in address) == (0, True)
    for command in ("key", "mailbox"):
        code, _, words = run(capsys, command, NOBODY)
        assert code == 1
        assert words == f"postbode account: there is no account {NOBODY}: `postbode account open` makes one\n"
