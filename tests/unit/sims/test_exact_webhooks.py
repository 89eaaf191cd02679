"""Who is told of what, and how it is signed."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from tests.sims.exact_online import Api, application
from tests.unit.sims.office import Office, said

HOOKS = "webhooks/WebhookSubscriptions"
HERE = "https://hub.example/exact/webhook"


async def _told(office: Office) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []

    async def post(url: str, body: bytes) -> None:
        found.append((url, body))

    await office.exact.webhooks.send(post)
    return found


async def test_a_booked_entry_is_told_signed_over_the_raw_content(office: Office) -> None:
    await office.made(HOOKS, {"CallbackURL": HERE, "Topic": "FinancialTransactions"})
    entry = await office.book()
    ((url, body),) = await _told(office)
    raw = body[len(b'{"Content":') : body.rindex(b',"HashCode"')]
    expected = hmac.new(office.app.webhook_secret.encode(), raw, hashlib.sha256).hexdigest().upper()
    assert (url, json.loads(body)["HashCode"]) == (HERE, expected)
    content = json.loads(raw)
    assert content["ClientId"] == office.app.client_id
    assert (content["Topic"], content["Action"], content["Division"], content["Key"]) == (
        "FinancialTransactions",
        "Create",
        100,
        entry["EntryID"],
    )
    assert await _told(office) == []


async def test_only_what_was_asked_for_is_told(office: Office) -> None:
    await office.made(HOOKS, {"CallbackURL": HERE, "Topic": "Accounts"})
    await office.book()
    assert await _told(office) == []
    one = f"crm/Accounts(guid'{office.supplier}')"
    await office.call("PUT", one, {"Email": "a@example.org"})
    await office.call("DELETE", one)
    actions = [json.loads(body)["Content"]["Action"] for _, body in await _told(office)]
    assert actions == ["Update", "Delete"]


async def test_a_subscription_ends_when_it_is_deleted(office: Office) -> None:
    made = await office.made(HOOKS, {"CallbackURL": HERE, "Topic": "FinancialTransactions"})
    assert (await office.call("DELETE", f"{HOOKS}(guid'{made['ID']}')")).status_code == 204
    await office.book()
    assert await _told(office) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"CallbackURL": "http://hub.example/", "Topic": "Accounts"}, "CallbackURL is https."),
        ({"CallbackURL": HERE, "Topic": "Weather"}, "Topic: there is no Weather."),
        ({"CallbackURL": HERE}, "Mandatory: Topic."),
        ({"CallbackURL": HERE, "Topic": "Documents"}, "This address is told of this topic already."),
    ],
)
async def test_a_subscription_that_is_not_right_is_refused(
    office: Office, body: dict[str, str], why: str
) -> None:
    await office.made(HOOKS, {"CallbackURL": HERE, "Topic": "Documents"})
    reply = await office.post(HOOKS, body)
    assert (reply.status_code, said(reply)) == (400, why)


async def test_the_app_sends_what_waits_after_its_answer(office: Office) -> None:
    await office.made(HOOKS, {"CallbackURL": HERE, "Topic": "Documents"})
    sent: list[str] = []

    async def post(url: str, body: bytes) -> None:
        sent.append(url)

    office.http._transport.app = application(Api(office.exact), post)  # type: ignore[attr-defined]
    await office.made("documents/Documents", {"Subject": "x", "Type": 20})
    assert sent == [HERE]
