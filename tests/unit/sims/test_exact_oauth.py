"""Consent, codes and tokens."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sims.exact_online import App, Settings, User
from tests.unit.sims.office import CALLBACK, Office


async def test_somebody_signs_in_and_the_app_gets_a_code_and_its_state(office: Office) -> None:
    page = await office.http.get(office.address())
    assert page.status_code == 200
    assert "<form" in page.text
    back = await office.http.post(
        office.address(), data={"username": "kantoor", "password": "wachtwoord", "decision": "allow"}
    )
    assert back.status_code == 302
    target = urlsplit(back.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == CALLBACK
    query = parse_qs(target.query)
    assert query["state"] == ["s 1"]
    reply = await office.exchange(
        grant_type="authorization_code", code=query["code"][0], redirect_uri=CALLBACK
    )
    assert reply.status_code == 200


async def test_a_wrong_password_gives_no_code(office: Office) -> None:
    page = await office.http.post(
        office.address(), data={"username": "kantoor", "password": "fout", "decision": "allow"}
    )
    assert (page.status_code, "klopt niet" in page.text) == (200, True)


async def test_who_declines_is_sent_back_with_that(office: Office) -> None:
    back = await office.http.post(office.address(), data={"decision": "deny"})
    assert parse_qs(urlsplit(back.headers["location"]).query)["error"] == ["access_denied"]


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "unknown"},
        {"redirect_uri": f"{CALLBACK}/"},
        {"response_type": "token"},
        {"force_login": "yes"},
    ],
    ids=str,
)
async def test_the_page_is_for_a_registered_app_and_address_alone(
    office: Office, changed: dict[str, str]
) -> None:
    page = await office.http.get(office.address(**changed))
    assert (page.status_code, "location" in page.headers) == (400, False)


def test_a_redirect_uri_is_https(office: Office) -> None:
    with pytest.raises(ValueError, match="https"):
        office.exact.links.register(App(("http://hub.example/",)))


async def test_a_switch_dislikes_encoded_slashes(office: Office) -> None:
    office.exact.settings.encoded_slashes = False
    assert (await office.http.get(office.address())).status_code == 400
    plain = office.address().replace("%2F", "/")
    assert (await office.http.get(plain)).status_code == 200


async def test_a_token_answer_has_its_seconds_as_text(office: Office) -> None:
    reply = await office.connect()
    assert reply.json()["expires_in"] == "600"
    assert reply.json()["token_type"] == "bearer"
    assert set(reply.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}


async def test_a_code_is_good_once_and_for_its_address(office: Office) -> None:
    code = office.code()
    form = {"grant_type": "authorization_code", "code": code}
    assert (await office.exchange(**form, redirect_uri="https://hub.example/")).status_code == 400
    code = office.code()
    form["code"] = code
    assert (await office.exchange(**form, redirect_uri=CALLBACK)).status_code == 200
    again = await office.exchange(**form, redirect_uri=CALLBACK)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_code_gets_old(office: Office) -> None:
    code = office.code()
    office.exact.clock.advance(180)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert (await office.exchange(**form)).status_code == 400


async def test_a_wrong_secret_gives_no_token(office: Office) -> None:
    reply = await office.exchange(
        grant_type="refresh_token", refresh_token=office.refresh, client_secret="wrong"
    )
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


async def test_tokens_are_asked_for_with_a_form(office: Office) -> None:
    assert (await office.http.post("/api/oauth2/token", json={})).status_code == 415
    assert (await office.http.get("/api/oauth2/token")).status_code == 405


async def test_an_access_token_holds_600_seconds(office: Office) -> None:
    me = {"division": None, "select": "UserID"}
    office.exact.clock.advance(599)
    assert (await office.get("current/Me", **me)).status_code == 200
    office.exact.clock.advance(1)
    assert (await office.get("current/Me", **me)).status_code == 401


async def test_a_token_is_not_renewed_before_570_seconds(office: Office) -> None:
    office.exact.clock.advance(569)
    early = await office.renew()
    assert early.status_code == 401
    assert early.json()["error_description"] == "Access Token not expired"
    office.exact.clock.advance(1)
    assert (await office.renew()).status_code == 200  # the early attempt cost nothing


async def test_a_refresh_token_is_spent_by_its_use_and_twice_ends_the_link(office: Office) -> None:
    first = office.refresh
    office.exact.clock.advance(570)
    assert (await office.renew()).status_code == 200
    assert office.refresh != first
    office.exact.clock.advance(570)
    again = await office.renew(first)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await office.renew()).status_code == 400  # lost: two refreshed at once


async def test_by_a_switch_only_the_second_attempt_fails(office: Office) -> None:
    office.exact.settings.reuse_ends_link = False
    first = office.refresh
    office.exact.clock.advance(570)
    await office.renew()
    office.exact.clock.advance(570)
    assert (await office.renew(first)).status_code == 400
    assert (await office.renew()).status_code == 200


async def test_a_refresh_token_lapses_after_thirty_days(office: Office) -> None:
    office.exact.clock.advance(30 * 86_400 - 1)
    assert (await office.renew()).status_code == 200
    office.exact.clock.advance(30 * 86_400)
    assert (await office.renew()).status_code == 401


async def test_a_new_consent_of_the_same_person_ends_the_earlier_link(office: Office) -> None:
    first, refresh = office.token, office.refresh
    await office.connect()
    assert (await office.get("current/Me", division=None, select="UserID")).status_code == 200
    office.token = first
    assert (await office.get("current/Me", division=None, select="UserID")).status_code == 401
    office.exact.clock.advance(570)
    assert (await office.renew(refresh)).status_code == 400


async def test_by_a_switch_both_links_hold_and_another_person_ends_nothing() -> None:
    async with Office(Settings(consent_replaces=False)) as office:
        first = office.token
        await office.connect()
        office.token = first
        assert (await office.get("current/Me", division=None, select="UserID")).status_code == 200
    async with Office() as office:
        first = office.token
        await office.connect(office.exact.add_user(User("ander", divisions=[100])))
        office.token = first
        assert (await office.get("current/Me", division=None, select="UserID")).status_code == 200


async def test_a_link_ends_with_its_consent_or_its_person(office: Office) -> None:
    office.screens.end_link(office.user, office.app)
    assert (await office.get("current/Me", division=None, select="UserID")).status_code == 401
    await office.connect()
    office.screens.leave(office.user)
    office.exact.clock.advance(570)
    assert (await office.renew()).status_code == 400
