"""The page at ``/docs`` tells all of the document and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from libs.http import reference

EVIL = "<script>alert(1)</script>"


class Seen(HTMLParser):
    """Ids, links and everything a browser would fetch or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.ids += [known["id"]] if known.get("id") else []  # type: ignore[list-item]
        if tag == "a":
            self.links.append(known.get("href") or "")
        elif tag in {"script", "link", "img", "iframe", "object", "form"}:
            self.loaded.append(tag)
        self.loaded += [name for name in known if name in {"src", "srcset", "style"} or name.startswith("on")]


@pytest.fixture
async def docs(http: httpx.AsyncClient) -> httpx.Response:
    return await http.get("/docs")


async def test_every_operation_and_schema_is_told(http: httpx.AsyncClient, docs: httpx.Response) -> None:
    document: dict[str, Any] = (await http.get("/openapi.json")).json()
    assert docs.headers["content-type"].startswith("text/html")
    for path, item in document["paths"].items():
        for method in item:
            assert f'<span class="method">{method.upper()}</span>{path}</code></h3>' in docs.text
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in docs.text
    assert "Needs the right <code>invoice:write</code> or <code>operator</code>." in docs.text
    assert "at most 200" in docs.text  # the limit of a page
    assert '<a href="#schema-Item">Item</a>' in docs.text


async def test_every_link_leads_somewhere(docs: httpx.Response) -> None:
    seen = Seen(docs.text)
    assert len(seen.ids) == len(set(seen.ids))
    assert {link for link in seen.links if link != "/openapi.json"} <= {f"#{name}" for name in seen.ids}


async def test_asked_twice_it_is_the_same(http: httpx.AsyncClient, docs: httpx.Response) -> None:
    again = await http.get("/docs")
    assert again.text == docs.text
    assert [name for name, _ in again.headers.raw] == [name for name, _ in docs.headers.raw]


async def test_it_loads_and_runs_nothing(docs: httpx.Response) -> None:
    assert Seen(docs.text).loaded == []
    assert "//" not in re.sub(r"<code>.*?</code>", "", docs.text)  # no address of anybody else's server
    policy = docs.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    (style,) = re.findall(r"<style>(.*?)</style>", docs.text, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy


def test_nothing_in_the_document_becomes_markup() -> None:
    schema = {"description": EVIL, "enum": [EVIL], "default": EVIL}
    operation = {
        "description": f"`{EVIL}` {EVIL}",
        "parameters": [{"name": EVIL, "in": EVIL, "schema": schema}],
        "requestBody": {"content": {EVIL: {"schema": {"properties": {EVIL: schema}}}}},
        "responses": {
            "200": {"description": EVIL, "content": {EVIL: {"schema": {"$ref": f"#/components/schemas/{EVIL}"}}}}
        },
    }  # fmt: skip
    document = {
        "info": {"title": EVIL, "version": EVIL},
        "paths": {f"/{EVIL}": {"get": operation}},
        "components": {"schemas": {EVIL: schema}},
    }
    html, _ = reference.page(document)
    assert "<script" not in html
    assert html.count("alert(1)") > 10


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "anything"),
        ({"type": "string", "format": "uuid"}, "uuid"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of string"),
        ({"enum": ["nl", "en"]}, "<code>nl</code> or <code>en</code>"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert reference.kind(schema) == words
