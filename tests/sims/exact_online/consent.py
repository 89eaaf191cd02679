"""The page on which a person signs in at Exact and lets an app in."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import parse_qsl, urlencode

from tests.sims.exact_online.errors import Refused, wrong
from tests.sims.exact_online.oauth import Links
from tests.sims.exact_online.settings import Settings
from tests.sims.exact_online.users import User
from tests.sims.exact_online.wire import Answer, Call

_PAGE = """<!DOCTYPE html><html lang="nl"><title>Exact Online (simulator)</title><h1>Aanmelden</h1>{said}
<form method="post" action="?{query}"><label>Gebruikersnaam <input name="username"></label>
<label>Wachtwoord <input name="password" type="password"></label>
<button name="decision" value="allow">Toestaan</button> <button name="decision" value="deny">Weigeren</button></form>"""


def answer(call: Call, links: Links, users: Iterable[User], settings: Settings) -> Answer:
    """GET: the form; POST: back to the app, with a code, or ``access_denied`` (RFC 6749 §4.1.2.1)."""
    try:
        return _answer(call, links, users, settings)
    except Refused as refused:
        return _page(refused.status, "", refused.message)


def _answer(call: Call, links: Links, users: Iterable[User], settings: Settings) -> Answer:
    query = dict(parse_qsl(call.query, keep_blank_values=True))
    if (
        not settings.encoded_slashes
        and "%2f" in call.query.partition("redirect_uri=")[2].partition("&")[0].lower()
    ):
        raise wrong("redirect_uri has encoded slashes.")
    app = links.asked(query)
    if call.method == "GET":
        return _page(200, call.query, "")
    if call.method != "POST":
        raise Refused(405, "GET or POST.")
    form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    if form.get("decision") == "deny":
        return _back(query, {"error": "access_denied"})
    given = form.get("password", "").encode()
    user = next((each for each in users if each.username == form.get("username") and each.active), None)
    if user is None or not hmac.compare_digest(user.password.encode(), given):
        return _page(200, call.query, "Gebruikersnaam of wachtwoord klopt niet.")
    return _back(query, {"code": links.consented(app, user, query["redirect_uri"])})


def _back(query: Mapping[str, str], result: dict[str, str]) -> Answer:
    if "state" in query:
        result["state"] = query["state"]
    target = query["redirect_uri"]
    joined = f"{target}{'&' if '?' in target else '?'}{urlencode(result)}"
    return Answer(302, headers={"Location": joined})


def _page(status: int, query: str, said: str) -> Answer:
    note = f"<p>{escape(said)}</p>" if said else ""
    html = _PAGE.format(query=escape(query), said=note)
    return Answer(status, html.encode(), "text/html; charset=utf-8")
