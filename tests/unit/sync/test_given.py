"""What is typed to set a sync up: refused with the field's name, never kept half."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from libs.errors import BadInput
from services.sync.given import GivenAdministration, GivenClient, GivenSettings, given

CLIENT = {
    "account_id": UUID(int=1),
    "name": "P2P",
    "base_address": "https://p2p.example",
    "username": "api",
    "password": "geheim",
    "api_key": "key",
}
ADMINISTRATION = {
    "account_id": UUID(int=1),
    "code": "001",
    "source": "mssql+mssqlpython://reader@globe/001",
    "product_update": "508",
}


@pytest.mark.parametrize(
    ("model", "usual", "field", "value"),
    [
        (GivenClient, CLIENT, "base_address", "p2p.example"),
        (GivenClient, CLIENT, "base_address", "file:///etc/passwd"),
        (GivenClient, CLIENT, "base_address", "http://p2p.example:808x"),
        (GivenClient, CLIENT, "base_address", "http://[::1"),
        (GivenClient, CLIENT, "base_address", "https://api:geheim@p2p.example"),
        (GivenClient, CLIENT, "base_address", "https://p2p.example/?x=1"),
        (GivenClient, CLIENT, "name", ""),
        (GivenClient, CLIENT, "password", "a\nb"),
        (GivenAdministration, ADMINISTRATION, "code", "0015"),
        (GivenAdministration, ADMINISTRATION, "code", "0-1"),
        (GivenAdministration, ADMINISTRATION, "product_update", "nieuw"),
        (GivenSettings, {}, "languages", "en"),
        (GivenSettings, {}, "salutations", {"DR": "Doctor"}),
        (GivenSettings, {}, "nonsense", 1),
    ],
)
def test_what_cannot_be_is_named(model: Any, usual: dict[str, Any], field: str, value: object) -> None:
    given(model, **usual)
    with pytest.raises(BadInput) as refused:
        given(model, **usual | {field: value})
    assert field in refused.value.message
    assert "geheim" not in refused.value.message
    if field in ("base_address", "code", "product_update"):  # how it is written, and not by which pattern
        assert "pattern" not in refused.value.message
        assert refused.value.words["nl"] != refused.value.words["en"]
