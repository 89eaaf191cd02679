"""The configuration page is what the settings classes read, and what is deployed names nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from libs import lifetimes
from libs.settings import BadSettings, Settings, load
from services import configuration
from services.configuration import variables
from services.doctor import settings_of
from services.solo import SERVICES

ROOT = Path(__file__).parents[3]
CLASSES: tuple[type[Settings], ...] = (Settings, *map(settings_of, SERVICES))


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert page == configuration.page(), "make contracts writes it"


def test_the_page_of_lifetimes_is_current() -> None:
    page = (ROOT / "docs" / "lifetimes.md").read_text("utf-8")
    assert page == lifetimes.page(), "make contracts writes it"


def test_a_lifetime_that_an_operator_sets_is_the_default_of_its_setting() -> None:
    known = {each.name: each.default for kind in CLASSES for each in variables(kind)}
    told = {each.setting: str(each.kept.days) for each in lifetimes.LIFETIMES if each.setting}
    assert len(told) == 3
    assert {name: known[name].strip("`") for name in told} == told


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_setting_says_what_it_means(kind: type[Settings]) -> None:
    for each in variables(kind):
        assert len(each.means) > 5, each.name


def test_what_is_a_secret_is_called_one() -> None:
    found = {each.name for kind in CLASSES for each in variables(kind) if each.secret}
    assert found == {
        "POSTBODE_AMQP_URL",
        "POSTBODE_DATABASE_URL",
        "POSTBODE_DELIVER_SECRET_KEYS",
        "POSTBODE_DELIVER_DKIM_KEY",
        "POSTBODE_DELIVER_EXACT_CLIENT_SECRET",
        "POSTBODE_DELIVER_SMTP_PASSWORD",
        "POSTBODE_OWN_KEYS",
        "POSTBODE_ROUTE_KVK_API_KEY",
        "POSTBODE_SECRET",
    }


def test_manifests_name_no_setting_that_nobody_reads() -> None:
    """The rendered ones are looked at with kubectl, in tests/contract/deploy; this needs none."""
    known = {each.name for kind in CLASSES for each in variables(kind)} | {"POSTBODE_OPERATOR"}
    named = {
        name
        for path in (ROOT / "deploy" / "k8s").rglob("*.yaml")
        for name in re.findall(r"\bPOSTBODE_\w+", path.read_text("utf-8"))
    }
    assert len(named) > 10
    assert {name.removesuffix("_FILE") for name in named} - known == set()


WRONG = (
    (r"(?:^|_)port$", "99999"),
    (r"_url$|_endpoint$", "nonsense"),
    (r"_url$|_endpoint$", "https://any.example:99999"),
    (r"(?:^|_)host$", "smtp://mail.example"),
    (r"_domains?$", "no domain"),
    (r"^(?:upload_domains|mail_from)$", ""),
    (r"^mail_from$|_addresses$", "nobody"),
    (r"_certificate(?:s|_key)?$|_trusted$|^batch_folder$", "/nope/cert.pem"),
    (r"^dkim_key$", "no key"),
)
"""What a field with such a name must refuse."""


def _wrong(kind: type[Settings]) -> Iterator[tuple[str, str]]:
    for name, field in kind.model_fields.items():
        if kind is Settings or name not in Settings.model_fields:
            yield from ((name, text) for pattern, text in WRONG if re.search(pattern, name))
            if {int, float} & {field.annotation, *get_args(field.annotation)}:
                yield name, "-1"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_what_cannot_work_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, kind: type[Settings]
) -> None:
    """Every field there is, also one that is added: a port, an address, a file, a number below nothing."""
    for name, wrong in _wrong(kind):
        variable = f"{kind.model_config.get('env_prefix')}{name.upper()}"
        with monkeypatch.context() as environment:
            environment.setenv(variable, wrong)
            with pytest.raises(BadSettings) as told:
                load(kind)
        assert re.search(rf"(?m)^(?:{variable}: |.*\b{variable} is: ).{{20}}", str(told.value)), variable
        assert "nonsense" not in str(told.value)


def test_of_every_kind_of_field_there_are_some() -> None:
    """Or the test above would hold of none."""
    found = [each for kind in CLASSES for each in _wrong(kind)]
    for pattern, wrong in WRONG:
        assert any(text == wrong and re.search(pattern, name) for name, text in found), pattern
    assert sum(wrong == "-1" for _, wrong in found) > 60
