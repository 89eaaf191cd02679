"""Settings: which variable counts, secrets in files, and errors somebody can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.settings import BadSettings, Settings, load, variable


class OwnSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="POSTBODE_OWN_")

    smtp_port: int = 25
    domains: tuple[str, ...] = ("a.example",)
    needed: str = Field(default="", description="x")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    import os

    for name in [name for name in os.environ if name.upper().startswith("POSTBODE_")]:
        monkeypatch.delenv(name)
    return monkeypatch  # type: ignore[return-value]


def test_own_variables_have_the_own_prefix_and_shared_ones_either(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("POSTBODE_OWN_SMTP_PORT", "2525")
    environment.setenv("POSTBODE_SMTP_PORT", "99")
    environment.setenv("POSTBODE_LOG_LEVEL", "warning")
    environment.setenv("POSTBODE_PORT", "1")
    environment.setenv("POSTBODE_OWN_PORT", "2")
    settings = load(OwnSettings)
    assert settings.smtp_port == 2525
    assert settings.log_level == "WARNING"
    assert settings.port == 2
    assert load(Settings).port == 1


def test_what_the_program_says_counts_most(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("POSTBODE_PORT", "1")
    assert OwnSettings(port=3).port == 3
    assert OwnSettings(**Settings(port=4).model_dump()).port == 4


def test_a_secret_comes_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("0123456789abcdef\n")
    environment.setenv("POSTBODE_SECRET_FILE", str(file))
    assert load(OwnSettings).secret == "0123456789abcdef"
    environment.setenv("POSTBODE_OWN_NEEDED_FILE", str(file))
    assert load(OwnSettings).needed == "0123456789abcdef"


def test_both_at_once_and_a_missing_file_are_told(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("POSTBODE_SECRET_FILE", str(tmp_path / "gone"))
    with pytest.raises(BadSettings, match=r"POSTBODE_SECRET_FILE: .*gone cannot be read"):
        load(OwnSettings)
    environment.setenv("POSTBODE_SECRET", "0123456789abcdef")
    with pytest.raises(BadSettings, match="POSTBODE_SECRET or POSTBODE_SECRET_FILE, not both"):
        load(OwnSettings)


def test_a_made_name_comes_from_a_file_too(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = "POSTBODE_INGEST_WORKER_DATABASE_URL"
    assert variable(name) is None
    environment.setenv(f"{name}_FILE", str(tmp_path / "url"))
    with pytest.raises(BadSettings, match=r"URL_FILE: .*url cannot be read"):
        variable(name)
    (tmp_path / "url").write_text("postgresql://elsewhere/x\n")
    assert variable(name) == "postgresql://elsewhere/x"
    environment.setenv(name, "postgresql://here/x")
    with pytest.raises(BadSettings, match="not both"):
        variable(name)


@pytest.mark.parametrize("text", ["a.nl, b.nl", '["a.nl", "b.nl"]'])
def test_lists_have_commas_or_are_json(environment: pytest.MonkeyPatch, text: str) -> None:
    environment.setenv("POSTBODE_OWN_DOMAINS", text)
    assert load(OwnSettings).domains == ("a.nl", "b.nl")


def test_every_mistake_is_named_by_its_variable_and_none_shows_a_value(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("POSTBODE_OWN_SMTP_PORT", "geheim-1")
    environment.setenv("POSTBODE_SAMPLING_RATIO", "geheim-2")
    environment.setenv("POSTBODE_BASE_URL", "geheim-3")
    environment.setenv("POSTBODE_SECRET", "geheim-4")
    with pytest.raises(BadSettings) as wrong:
        load(OwnSettings)
    text = str(wrong.value)
    for name in ("POSTBODE_OWN_SMTP_PORT", "POSTBODE_SAMPLING_RATIO", "POSTBODE_BASE_URL", "POSTBODE_SECRET"):
        assert f"{name}: " in text
    assert "geheim" not in text


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("DATABASE_URL", "geheim"),
        ("DATABASE_URL", "mysql://u:geheim@database/postbode"),
        ("AMQP_URL", "geheim"),
        ("AMQP_URL", "http://u:geheim@broker/"),
        ("AMQP_URL", "amqp:///geheim"),
        ("INGEST_WORKER_DATABASE_URL", "geheim"),
        ("DOCUMENTS_OWNER_DATABASE_URL", "postgresql://u:geheim@database:99999/x"),
        ("TRACK_LEDGER_DATABASE_URL", ""),
    ],
)
def test_an_address_of_a_server_that_is_none_is_named_and_not_shown(
    environment: pytest.MonkeyPatch, name: str, wrong: str
) -> None:
    environment.setenv(f"POSTBODE_{name}", wrong)
    with pytest.raises(BadSettings, match=f"POSTBODE_{name}: .*such as") as told:
        load(Settings)
    assert "geheim" not in str(told.value)


def test_the_secret_everybody_knows_is_for_this_machine_alone(environment: pytest.MonkeyPatch) -> None:
    assert load(Settings).base_url == "http://127.0.0.1:8080"
    environment.setenv("POSTBODE_BASE_URL", "https://postbode.example/")
    with pytest.raises(BadSettings, match="POSTBODE_SECRET is not set"):
        load(Settings)
    environment.setenv("POSTBODE_SECRET", "0123456789abcdef")
    settings = load(Settings)
    assert settings.base_url == "https://postbode.example"
    assert settings.introspection_url == "https://postbode.example/v1/tokens/introspect"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "postbode.example"])
def test_the_public_secret_is_refused_where_others_can_reach_it(
    environment: pytest.MonkeyPatch, host: str
) -> None:
    """Also when only the address to listen on says so."""
    environment.setenv("POSTBODE_HOST", host)
    with pytest.raises(BadSettings, match=f"POSTBODE_SECRET is not set, and {host} is not this machine"):
        load(Settings)
    environment.setenv("POSTBODE_SECRET", "0123456789abcdef")
    assert load(Settings).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_alone_needs_no_secret(environment: pytest.MonkeyPatch, host: str) -> None:
    environment.setenv("POSTBODE_HOST", host)
    assert load(Settings).host == host


def test_secrets_are_not_printed() -> None:
    text = repr(
        Settings(
            secret="0123456789abcdef", database_url="postgres://a:hunter2@b", amqp_url="amqp://a:hunter2@b"
        )
    )
    assert "0123456789abcdef" not in text
    assert "hunter2" not in text


def test_every_purpose_has_its_own_key() -> None:
    settings, other = Settings(secret="0123456789abcdef"), Settings(secret="0123456789abcdeg")
    keys = {settings.derive("a"), settings.derive("b"), other.derive("a")}
    assert len(keys) == 3
    assert all(len(key) == 32 for key in keys)
    assert settings.derive("a") == Settings(secret="0123456789abcdef").derive("a")


def test_a_service_may_have_its_own_keys_in_the_place_of_the_secret(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    master = Settings(secret="0123456789abcdef")
    (tmp_path / "keys").write_text(json.dumps({"a": master.derive("a").hex()}))
    environment.setenv("POSTBODE_OWN_KEYS_FILE", str(tmp_path / "keys"))
    environment.setenv("POSTBODE_BASE_URL", "https://postbode.example")
    settings = load(OwnSettings)
    assert settings.derive("a") == master.derive("a")
    with pytest.raises(BadSettings, match="POSTBODE_OWN_KEYS: there is no key for “b”"):
        settings.derive("b")
    assert master.derive("a").hex() not in repr(settings)
    environment.setenv("POSTBODE_SECRET", "0123456789abcdef")
    with pytest.raises(BadSettings, match="POSTBODE_SECRET or POSTBODE_OWN_KEYS, not both"):
        load(OwnSettings)


@pytest.mark.parametrize("wrong", ['{"a": "geheim"}', '{"a": ""}', "geheim", '["geheim"]'])
def test_what_are_no_keys_is_said_and_not_shown(environment: pytest.MonkeyPatch, wrong: str) -> None:
    environment.setenv("POSTBODE_OWN_KEYS", wrong)
    with pytest.raises(BadSettings, match="POSTBODE_OWN_KEYS") as said:
        load(Settings)
    assert "geheim" not in str(said.value)


def test_nothing_goes_round_what_is_derived() -> None:
    """Or a service with keys of its own would fall back to the secret everybody knows."""
    root = Path(__file__).parents[2]
    uses = re.compile(r"\b(?:settings|common)\.secret\b")
    found = [
        path.relative_to(root).as_posix()
        for folder in ("libs", "services")
        for path in (root / folder).rglob("*.py")
        if uses.search(path.read_text("utf-8"))
    ]
    assert found == ["libs/db/settings.py"]
