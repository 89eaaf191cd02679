"""Who the hub is to the database."""

from __future__ import annotations

import pytest

from libs.db.settings import DatabaseSettings

SETTINGS = DatabaseSettings("postgresql://boss:word@db/postbode", "s3cret")


def test_a_role_logs_in_with_a_password_derived_from_the_secret() -> None:
    found = SETTINGS.role_url("ingest_worker")
    assert found["dsn"] == SETTINGS.url
    assert found["user"] == "ingest_worker"
    assert len(found["password"]) == 64
    assert found["password"] != SETTINGS.role_url("ingest_api")["password"]
    assert found["password"] != DatabaseSettings(SETTINGS.url, "other").password("ingest_worker")


def test_a_url_of_its_own_replaces_the_derived_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBODE_INGEST_WORKER_DATABASE_URL", "postgresql://elsewhere/x")
    assert SETTINGS.role_url("ingest_worker") == {"dsn": "postgresql://elsewhere/x"}
    assert "user" in SETTINGS.role_url("ingest_api")


def test_the_verifier_is_stable_and_does_not_hold_the_password() -> None:
    verifier = SETTINGS.verifier("ingest_worker")
    assert verifier == SETTINGS.verifier("ingest_worker")
    assert verifier.startswith("SCRAM-SHA-256$4096:")
    assert SETTINGS.password("ingest_worker") not in verifier


def test_neither_url_nor_secret_is_ever_printed() -> None:
    assert "s3cret" not in repr(SETTINGS)
    assert "word" not in repr(SETTINGS)
