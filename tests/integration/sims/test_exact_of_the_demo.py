"""The Exact Online of ``make demo`` is there again after a kill: at its address, with its apps, tokens and books."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from services.demo.books import Office
from tests.walks import demo


def linked(office: Office) -> dict[str, str]:
    """Somebody signs in and consents; the tokens."""
    asked = {
        "client_id": office.client_id, "redirect_uri": office.redirect_uri, "response_type": "code", "state": "s",
    }  # fmt: skip
    with httpx.Client(base_url=office.base_url, trust_env=False) as http:
        reply = http.post(f"/api/oauth2/auth?{urlencode(asked)}", data={**office.person, "decision": "allow"})
        (code,) = parse_qs(urlsplit(reply.headers["location"]).query)["code"]
        return token(office, grant_type="authorization_code", code=code, redirect_uri=office.redirect_uri)


def token(office: Office, **form: str) -> dict[str, str]:
    own = {"client_id": office.client_id, "client_secret": office.client_secret}
    with httpx.Client(base_url=office.base_url, trust_env=False) as http:
        found: dict[str, str] = http.post("/api/oauth2/token", data=own | form).json()
        return found


def test_it_is_there_again_as_it_was_when_it_answered(tmp_path: Path) -> None:
    with demo.office(tmp_path) as office:
        pair = linked(office)
        # What a kill leaves; nothing is written at the end.
        (left,) = [file.read_bytes() for file in tmp_path.iterdir()]
    (tmp_path / "exact.pickle").write_bytes(left)
    with demo.office(tmp_path) as again:
        assert (again.base_url, again.client_id) == (office.base_url, office.client_id)
        refused = token(again, grant_type="refresh_token", refresh_token=pair["refresh_token"])
        assert refused["error_description"] == "Access Token not expired", "it is known"
        assert again.entries() == {}
