"""sync reads its settings under its own prefix and the shared one."""

from __future__ import annotations

import pytest

from services.sync.settings import SyncSettings


def test_shared_settings_reach_sync_and_its_own_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBODE_SECRET", "s" * 40)
    monkeypatch.setenv("POSTBODE_BASE_URL", "https://hub.example")
    assert SyncSettings().base_url == "https://hub.example"
    monkeypatch.setenv("POSTBODE_SYNC_BASE_URL", "https://sync.example")
    assert SyncSettings().base_url == "https://sync.example"
