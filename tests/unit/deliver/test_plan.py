"""How a receiver is reached, and when a failed attempt is made again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.sandbox import receiver_id, sandbox_of
from services.deliver import plan
from services.deliver.parcel import Channel, Refused
from services.deliver.plan import Connection, Policy, Way, mail_address, way_to
from tests.unit.deliver.sample import receiver

POLICY = Policy(timedelta(seconds=10), timedelta(hours=6), most=20, give_up=timedelta(hours=72))
YOUNG = timedelta()
LIVE = UUID("0197a3c0-5e00-7000-8000-0000000000a1")


@pytest.mark.proves("R50")
def test_a_connected_package_comes_before_mail() -> None:
    way = way_to(LIVE, receiver(), Connection("folder", {"folder": "dejong"}))
    assert way == Way("folder", "dejong", {"folder": "dejong"})


def test_from_a_sandbox_nothing_leaves_whoever_the_receiver_is() -> None:
    sandbox = sandbox_of(LIVE)
    for connection in (
        None,
        Connection("folder", {"folder": "dejong"}),
        Connection("smtp", {"email": "a@b.nl"}),
    ):
        assert way_to(sandbox, receiver(), connection) == Way("sandbox", "undeliverable", {})
        paid = receiver().model_copy(update={"party_id": receiver_id("00000005")})
        assert way_to(sandbox, paid, connection) == Way("sandbox", "paid", {})
    assert way_to(LIVE, paid.model_copy(update={"email": None}), None) == plan.NO_WAY


@pytest.mark.proves("R39", "R49")
def test_without_a_package_it_goes_by_mail_to_the_agreed_address() -> None:
    said = {"email": "in@dejong.example", "page": "yes"}
    assert way_to(LIVE, receiver(), None) == Way("smtp", "dejong.example", said)


@pytest.mark.proves("R49", "R50")
def test_whoever_chose_no_format_gets_a_page_by_mail_unless_it_wants_none() -> None:
    def page(channel: Channel, **settings: str) -> str | None:
        way = way_to(LIVE, receiver(), Connection(channel, settings))
        assert isinstance(way, Way)
        return way.settings.get("page")

    assert page("smtp") == "yes"
    assert page("smtp", page="no") == "no"
    assert page("smtp", format="nlcius") is None
    assert page("folder", folder="dejong") is None


def test_a_package_may_have_so_long_and_then_it_goes_by_mail() -> None:
    def fallback(email: str | None, **settings: str) -> Way | None:
        way = way_to(LIVE, receiver(email=email), Connection("folder", {"folder": "dejong", **settings}))
        assert isinstance(way, Way)
        assert way.channel == "folder"
        return plan.by_mail(way.settings)

    to = Way("smtp", "dejong.example", {"email": "in@dejong.example", "page": "yes"})
    assert fallback("in@dejong.example", fallback_after="7200") == to
    own = fallback(None, fallback_after="7200", fallback_email="x@other.example", format="cii", language="fr")
    assert own == Way(
        "smtp", "other.example", {"email": "x@other.example", "format": "cii", "language": "fr"}
    )
    # Nobody chose it, or there is nowhere to send it.
    assert fallback("in@dejong.example") is None
    assert fallback(None, fallback_after="7200") is None
    assert fallback("no address", fallback_after="7200") is None


def test_a_receiver_may_name_an_address_of_its_own() -> None:
    chosen = Connection("smtp", {"email": "facturen@other.example"})
    said = {"email": "facturen@other.example", "page": "yes"}
    assert way_to(LIVE, receiver(), chosen) == Way("smtp", "other.example", said)
    assert way_to(LIVE, receiver(), Connection("smtp", {})) == way_to(LIVE, receiver(), None)


@pytest.mark.parametrize(
    ("to", "connection", "code"),
    [
        (receiver(email=None), None, "no-channel"),
        (receiver(email=""), Connection("smtp", {}), "no-channel"),
        (receiver(email="in@dejong"), None, "bad-address"),
        (receiver(), Connection("folder", {"folder": "../else"}), "no-folder"),
        (receiver(), Connection("folder", {}), "no-folder"),
    ],
)
def test_no_way_says_what_to_do_in_both_languages(to: object, connection: object, code: str) -> None:
    refused = way_to(LIVE, to, connection)  # type: ignore[arg-type]
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert any(word in refused.reason.nl for word in ("Vraag", "stuur"))
    assert any(word in refused.reason.en for word in ("Ask", "send"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("in@dejong.example", "in@dejong.example"),
        (" In.Voices+1@De-Jong.example ", "In.Voices+1@De-Jong.example"),
        ("in@bücher.example", "in@xn--bcher-kva.example"),
        ("in", None),
        ("@dejong.example", None),
        ("in@", None),
        ("in@localhost", None),
        ("in@[127.0.0.1]", None),
        ("in@dejong.example\r\nBcc: all@x.example", None),
        ("a@b.example,c@d.example", None),
        ("<in@dejong.example>", None),
        ("in@dejong.example> SIZE=1", None),
        ("é@dejong.example", None),
        ("in..voices@dejong.example", None),
        ("in@-dejong.example", None),
        ("x" * 65 + "@dejong.example", None),
        ("in@" + "x" * 300 + ".example", None),
    ],
)
def test_addresses(text: str, address: str | None) -> None:
    assert mail_address(text) == address


@given(st.text())
def test_no_text_becomes_an_address_that_ends_a_command(text: str) -> None:
    found = mail_address(text)
    assert found is None or (found.isascii() and not set(found) & set('\r\n <>\0,;:"'))


def test_waits_triple_up_to_the_longest() -> None:
    waits = [POLICY.wait(n, YOUNG, chance=lambda: 0.5) for n in range(1, 20)]
    assert waits[:4] == [timedelta(seconds=s) for s in (10, 30, 90, 270)]
    assert waits[-1] == timedelta(hours=6)
    assert all(wait is not None for wait in waits)


@given(failures=st.integers(1, 19), chance=st.floats(0, 1))
def test_no_wait_is_more_than_a_quarter_off(failures: int, chance: float) -> None:
    middle = POLICY.wait(failures, YOUNG, chance=lambda: 0.5)
    wait = POLICY.wait(failures, YOUNG, chance=lambda: chance)
    assert middle is not None
    assert wait is not None
    assert middle * 0.749 <= wait <= middle * 1.251


def test_both_ends_of_the_policy() -> None:
    assert POLICY.wait(20, YOUNG) is None
    assert POLICY.wait(1, timedelta(hours=72)) is None
    assert POLICY.wait(19, timedelta(hours=71)) is not None
    assert POLICY.wait(10_000, YOUNG) is None


def test_folder_names_lead_nowhere_else() -> None:
    for bad in ("", ".", "..", ".postbode", "a/b", "a\\b", "/a", "a\0", "A", "-a", "x" * 65, "a\n"):
        assert not plan.FOLDER_NAME.fullmatch(bad), bad
    for good in ("x", "dejong", "0106-58070036", "a_b"):
        assert plan.FOLDER_NAME.fullmatch(good)
