"""Everything that is pinned is asked about; what is known is named; nobody to ask is no *yes*.

OSV itself could not be reached where this was written: its answers here are as its documentation has them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import httpx
import pytest

from libs.testing import audit


def osv(answer: Callable[[list[dict[str, object]]], httpx.Response]) -> httpx.Client:
    def handle(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == audit.OSV
        return answer(json.loads(request.content)["queries"])

    return httpx.Client(transport=httpx.MockTransport(handle))


def weak(*names: str) -> Callable[[list[dict[str, object]]], httpx.Response]:
    """These have an advisory."""

    def answer(queries: list[dict[str, object]]) -> httpx.Response:
        found = [query["package"]["name"] in names for query in queries]  # type: ignore[index]
        return httpx.Response(
            200, json={"results": [{"vulns": [{"id": "PYSEC-1"}]} if bad else {} for bad in found]}
        )

    return answer


def test_everything_that_is_pinned_is_asked_about_once() -> None:
    asked: list[dict[str, object]] = []

    def answer(queries: list[dict[str, object]]) -> httpx.Response:
        asked.extend(queries)
        return weak()(queries)

    assert audit.main(osv(answer)) == 0
    assert {"package": {"name": "lxml", "ecosystem": "PyPI"}} | {
        "version": dict(audit.pins())["lxml"]
    } in asked
    assert len(asked) == len(audit.pins()) > 80


def test_what_is_known_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit.main(osv(weak("lxml"))) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"lxml {dict(audit.pins())['lxml']}: PYSEC-1")
    monkeypatch.setattr(audit, "ACCEPTED", {"PYSEC-1": "reads no such file"})
    assert audit.main(osv(weak("lxml"))) == 0


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(200, text="<p>sign in to the hotel's network"),
        httpx.Response(200, json={"results": []}),
        httpx.Response(200, json=[]),
    ],
    ids=["away", "portal", "too few", "another shape"],
)
def test_nobody_to_ask_is_no_yes(answer: httpx.Response, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(osv(lambda _: answer)) == os.EX_TEMPFAIL
    assert "nobody could be asked" in capsys.readouterr().out


def test_no_network_is_no_yes() -> None:
    def away(_: object) -> httpx.Response:
        raise httpx.ConnectError("no route")

    assert audit.main(osv(away)) == os.EX_TEMPFAIL
