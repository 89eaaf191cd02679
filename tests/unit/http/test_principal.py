"""Principals are kept 30 seconds, through an absence of ingest, and never longer than a revocation allows."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from libs.errors import Forbidden, Unauthenticated, Unavailable
from libs.http.principal import LONGEST, CachedAuthenticator, Principal, RemoteAuthenticator
from tests.unit.http.sample import ACCOUNT

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Ingest:
    """Knows some credentials; can be away; counts."""

    def __init__(self) -> None:
        self.valid: dict[str, Principal] = {"Bearer a": principal()}
        self.away = False
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None

    async def authenticate(self, authorization: str | None) -> Principal:
        assert authorization is not None
        self.asked.append(authorization)
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise Unavailable
        if authorization not in self.valid:
            raise Unauthenticated
        return self.valid[authorization]


class Time:
    """A clock held still."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000)


def principal(expires_at: datetime | None = None) -> Principal:
    return Principal(ACCOUNT, None, frozenset({"invoice:read"}), frozenset(), expires_at)


def cache(ingest: Ingest, time: Time, most: int = 100) -> CachedAuthenticator:
    return CachedAuthenticator(ingest, most=most, time=time.monotonic, now=time.now)


async def test_asked_once_in_thirty_seconds() -> None:
    ingest, time = Ingest(), Time()
    cached = cache(ingest, time)
    for seconds in (0, 10, 19.9):
        time.seconds += seconds
        assert (await cached.authenticate("Bearer a")).account_id == ACCOUNT
    assert len(ingest.asked) == 1
    time.seconds += 0.1
    await cached.authenticate("Bearer a")
    assert len(ingest.asked) == 2


async def test_revoked_within_thirty_seconds() -> None:
    ingest, time = Ingest(), Time()
    cached = cache(ingest, time)
    await cached.authenticate("Bearer a")
    del ingest.valid["Bearer a"]
    time.seconds += 30
    with pytest.raises(Unauthenticated):
        await cached.authenticate("Bearer a")
    # And an absence of ingest does not bring it back.
    ingest.away = True
    time.seconds += 3
    with pytest.raises(Unavailable):
        await cached.authenticate("Bearer a")


async def test_revoked_while_the_question_was_under_way() -> None:
    """The 30 seconds count from the question: an answer that took long is old when it comes."""
    ingest, time = Ingest(), Time()
    ingest.gate = asyncio.Event()
    cached = cache(ingest, time)
    asking = asyncio.create_task(cached.authenticate("Bearer a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    time.seconds += 29
    ingest.gate.set()
    await asking
    time.seconds += 1
    await cached.authenticate("Bearer a")
    assert len(ingest.asked) == 2


async def test_ingest_away_known_callers_go_on_and_unknown_ones_wait() -> None:
    ingest, time = Ingest(), Time()
    cached = cache(ingest, time)
    await cached.authenticate("Bearer a")
    ingest.away = True
    time.seconds += 600
    assert (await cached.authenticate("Bearer a")).account_id == ACCOUNT
    with pytest.raises(Unavailable):
        await cached.authenticate("Bearer b")
    time.seconds += 300
    with pytest.raises(Unavailable):
        await cached.authenticate("Bearer a")


async def test_many_at_once_are_one_question() -> None:
    ingest, time = Ingest(), Time()
    ingest.gate = asyncio.Event()
    cached = cache(ingest, time)
    waiting = [asyncio.create_task(cached.authenticate("Bearer a")) for _ in range(50)]
    await asyncio.sleep(0)
    # One who hangs up takes nobody along.
    waiting[0].cancel()
    ingest.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Principal) for answer in answers[1:])
    assert len(ingest.asked) == 1


async def test_everybody_hung_up_and_it_failed_nobody_complains() -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    ingest, time = Ingest(), Time()
    ingest.gate, ingest.away = asyncio.Event(), True
    cached = cache(ingest, time)
    waiting = asyncio.create_task(cached.authenticate("Bearer a"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    del waiting
    ingest.gate.set()
    await asyncio.sleep(0.01)
    gc.collect()
    assert cached._asking == {}
    assert complaints == []


async def test_a_wrong_key_is_not_asked_about_again_at_once() -> None:
    ingest, time = Ingest(), Time()
    cached = cache(ingest, time)
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await cached.authenticate("Bearer wrong")
    assert len(ingest.asked) == 1
    time.seconds += 2
    ingest.valid["Bearer wrong"] = principal()
    assert await cached.authenticate("Bearer wrong")


async def test_the_cache_is_bounded_and_guessing_pushes_nobody_out() -> None:
    ingest, time = Ingest(), Time()
    cached = cache(ingest, time, most=10)
    await cached.authenticate("Bearer a")
    for number in range(1000):
        with pytest.raises(Unauthenticated):
            await cached.authenticate(f"Bearer {number}")
    assert len(cached._known) == 1
    assert len(cached._refused) == 10
    asked = len(ingest.asked)
    await cached.authenticate("Bearer a")
    assert len(ingest.asked) == asked


async def test_least_recently_used_leaves_first() -> None:
    ingest, time = Ingest(), Time()
    ingest.valid = {f"Bearer {n}": principal() for n in range(4)}
    cached = cache(ingest, time, most=3)
    for n in (0, 1, 2, 0, 3):
        await cached.authenticate(f"Bearer {n}")
    asked = len(ingest.asked)
    await cached.authenticate("Bearer 0")
    assert len(ingest.asked) == asked
    await cached.authenticate("Bearer 1")
    assert len(ingest.asked) == asked + 1


async def test_credentials_that_end_are_not_kept_longer() -> None:
    ingest, time = Ingest(), Time()
    ingest.valid["Bearer a"] = principal(START + timedelta(seconds=5))
    cached = cache(ingest, time)
    await cached.authenticate("Bearer a")
    ingest.away = True
    time.seconds += 5
    with pytest.raises(Unavailable):
        await cached.authenticate("Bearer a")


@pytest.mark.parametrize("authorization", [None, "", "x" * (LONGEST + 1)])
async def test_what_is_no_credential_is_asked_of_nobody(authorization: str | None) -> None:
    ingest = Ingest()
    with pytest.raises(Unauthenticated):
        await cache(ingest, Time()).authenticate(authorization)
    assert ingest.asked == []


async def test_the_header_itself_is_not_kept() -> None:
    cached = cache(Ingest(), Time())
    await cached.authenticate("Bearer a")
    assert "Bearer a" not in repr(vars(cached))


def test_the_missing_right_is_named() -> None:
    with pytest.raises(Forbidden) as refused:
        principal().require("operator")
    assert refused.value.extra == {"scope": "operator"}


# ---------------------------------------------------------------- RFC 7662


def remote(
    answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None
) -> RemoteAuthenticator:
    def reply(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return RemoteAuthenticator(
        "http://ingest/v1/tokens/introspect", secret="s", transport=httpx.MockTransport(reply)
    )


async def test_introspection_speaks_rfc_7662() -> None:
    seen: list[httpx.Request] = []
    user = UUID(int=7)
    authenticator = remote(
        httpx.Response(
            200,
            json={
                "active": True, "account_id": str(ACCOUNT), "user_id": str(user), "scope": "invoice:read party:read",
                "roles": ["admin"], "exp": int(START.timestamp()) + 10**9,
            },
        ),
        seen,
    )  # fmt: skip
    found = await authenticator.authenticate("Bearer pb_live_x")
    assert (found.account_id, found.user_id) == (ACCOUNT, user)
    assert found.scopes == {"invoice:read", "party:read"}
    assert found.roles == {"admin"}
    assert found.expires_at == START + timedelta(seconds=10**9)
    (request,) = seen
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"] == "Bearer s"
    assert request.content == b"token=Bearer+pb_live_x"
    await authenticator.close()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(401),
        httpx.Response(302, headers={"Location": "http://evil"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"active": True}),
        httpx.Response(200, json={"active": True, "account_id": "x"}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_an_absence_not_a_refusal(
    answer: httpx.Response | Exception,
) -> None:
    authenticator = remote(answer)
    with pytest.raises(Unavailable) as away:
        await authenticator.authenticate("Bearer a")
    assert away.value.code == "identity-away"
    await authenticator.close()


@pytest.mark.parametrize("active", [False, None, "true", 1])
async def test_only_true_is_active(active: object) -> None:
    authenticator = remote(httpx.Response(200, json={"active": active, "account_id": str(ACCOUNT)}))
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate("Bearer a")
    await authenticator.close()
