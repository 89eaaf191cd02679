"""``postbode invoice`` against an API that is played here."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from services.track import cli

ITEM: dict[str, Any] = {
    "invoice_id": "01a1fc1b-8bf5-7cec-8c81-e1767357795a",
    "number": "F1",
    "filename": "F1.xml",
    "receiver": "De Jong [BV]",
    "status": "parked",
    "label": {"nl": "geparkeerd", "en": "parked"},
    "reason": {"nl": "Het KvK-nummer ontbreekt.", "en": "The KvK number is missing."},
}
MOMENT: dict[str, Any] = {
    "at": "2026-11-03T09:01:00Z",
    "source": "/postbode/route",
    "label": {"nl": "Geparkeerd", "en": "Parked"},
    "words": {"nl": "Wacht.", "en": "Waits."},
}


def answer(request: httpx.Request) -> httpx.Response:
    if request.headers.get("authorization") != "Bearer good":
        words = {"nl": "Er kwam geen geldige sleutel mee.", "en": "No valid credentials were sent."}
        return httpx.Response(401, json={"detail": words["en"], "words": words})
    if request.url.path == "/v1/invoices":
        assert dict(request.url.params) == {"limit": "2", "status": "parked"}
        return httpx.Response(200, json={"invoices": [ITEM], "next": None})
    return httpx.Response(200, json={**ITEM, "timeline": [MOMENT]})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    def played(*, base_url: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=base_url, transport=httpx.MockTransport(answer))

    monkeypatch.setattr(cli, "client", played)
    return CliRunner(env={"COLUMNS": "200"})


def test_list(run: CliRunner) -> None:
    asked = ["list", "--key", "good", "--status", "parked", "--limit", "2"]
    shown = run.invoke(cli.app, asked)
    assert shown.exit_code == 0
    assert ITEM["invoice_id"] in shown.output
    assert "De Jong [BV]" in shown.output
    assert "geparkeerd" in shown.output
    assert json.loads(run.invoke(cli.app, [*asked, "--json"]).output) == [ITEM]


def test_show(run: CliRunner) -> None:
    shown = run.invoke(cli.app, ["show", "x", "--lang", "en"], env={"POSTBODE_API_KEY": "good"})
    assert shown.exit_code == 0
    assert "F1: parked" in shown.output
    assert "2026-11-03 09:01:00" in shown.output
    assert "Waits." in shown.output


def test_a_wrong_key_is_explained(run: CliRunner) -> None:
    for lang, words in (("nl", "geen geldige sleutel"), ("en", "No valid credentials")):
        shown = run.invoke(cli.app, ["show", "x", "--key", "bad", "--lang", lang])
        assert shown.exit_code == 1
        assert words in shown.output


EVIL = "\x1b[2J\x9b31m\x07\u202e"


@pytest.mark.parametrize("command", [["list", "--limit", "2", "--status", "parked"], ["show", "x"]])
def test_the_words_of_strangers_do_nothing_to_a_terminal(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setitem(ITEM, "number", f"F{EVIL}1")
    monkeypatch.setitem(ITEM, "receiver", f"De{EVIL} Jong")
    monkeypatch.setitem(ITEM, "reason", {"nl": f"Zie{EVIL}", "en": "See"})
    monkeypatch.setitem(MOMENT, "words", {"nl": f"Zie{EVIL}", "en": "See"})
    for form in ([], ["--json"]):
        shown = run.invoke(cli.app, [*command, "--key", "good", *form])
        assert shown.exit_code == 0
        assert "\\u001b[2J" in shown.output
        assert not set(EVIL[0:1] + "\x9b\x07\u202e") & set(shown.output)
